"""The tour of `bridge demo --check`: each step goes the real way, and counts once its end was seen.

Customer -> vendor -> webhook -> bridge -> Slack, and back. Every vendor takes the same steps; where they
differ stands in `ways`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import httpx

from bridge.sandbox.seen import SENT, Seen, Thread, Unseen
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor, Stage
from bridge.sandbox.vendors.conversation import Conversation
from bridge.sandbox.vendors.delivery import Delivery
from bridge.sandbox.ways import WAYS, Ways

Tell = Callable[[str], None]

APP = "Handoff Bridge"
CUSTOMER = "Nora Lind"
NOTE = "// she paid twice, billing knows"
ANSWER = "Great, thank you Mina"
ORDERS = 6  # that each customer asks for around the kill


@dataclass
class Trip:
    """One customer's way through one vendor, and what was found on it."""

    seen: Seen
    vendor: AnyVendor
    order: int  # asked for and told again by the AI agent, so it tells one customer's words from another's
    ways: Ways = field(init=False)
    conversation: Conversation = field(init=False)
    thread: Thread = field(init=False)  # where people answer
    note: Message = field(init=False)

    def __post_init__(self) -> None:
        self.ways = WAYS[self.vendor.name]

    def says(self, text: str) -> None:
        self.vendor.say(self.conversation.id, text)

    def writes(self, user: str, text: str) -> Message:
        channel, ts = self.thread.where
        return self.seen.stage.slack.post_as(user, channel, text, thread_ts=ts)

    async def shows(self, who: str, *texts: str) -> None:
        for text in texts:
            await self.seen.line(self.thread, who, text)

    @property
    def reply(self) -> str:
        return f"Hello, Mina here. I have found your order {self.order}."

    @property
    def replies(self) -> list[tuple[str, str]]:
        """What people said to the customer, as the vendor has it: under which name, and what."""
        return [(one.name, one.text) for one in self.conversation.messages if one.role == "agent"]

    def webhook(self, text: str) -> Delivery:
        """The one that told what the AI agent said."""
        said = (one for one in self.vendor.deliveries if one.kind == self.ways.webhook)
        return next(one for one in said if text.encode() in one.body)


def _expect(holds: bool, expected: str, instead: object) -> None:
    if not holds:
        raise Unseen(expected, str(instead))


# ── the steps: what each returns is printed; None where the vendor has no such thing ──────────────


async def opens(trip: Trip) -> str:
    trip.conversation = trip.vendor.open(CUSTOMER)
    trip.says(f"Where is order {trip.order}?")
    trip.thread = await trip.seen.thread(trip.ways.channel, f"Parcel {trip.order}")
    await trip.shows(trip.ways.ai, f"Parcel {trip.order}")
    if "bot" in trip.ways.hears:
        await trip.shows(trip.ways.customer, f"Where is order {trip.order}?")
    for told in (trip.ways.source, "the AI agent has the conversation"):
        await trip.seen.card(trip.thread, told)
    return f"the conversation is a thread in #{trip.ways.channel}, under its card"


async def rich_answer(trip: Trip) -> str:
    trip.says("Show me your products")
    await trip.shows(trip.ways.ai, *trip.ways.products)
    return f"{trip.ways.shape} of the AI agent's answer can be read"


async def forged(trip: Trip) -> str:
    """One byte changed: of what is signed, or of the token where nothing is."""
    parcel = f"Parcel {trip.order}".encode()
    real = trip.webhook(parcel.decode())
    headers = trip.ways.headers(trip.seen.stage.environ, real.id, real.body)
    body = real.body
    if trip.ways.signed:
        body = body.replace(parcel, parcel[:-1] + b"9")
    else:
        token = headers["authorization"]
        headers["authorization"] = token[:-1] + ("0" if token[-1] != "0" else "1")
    status = await post(real.url, body, headers)
    _expect(status == "401", "401", status)
    return f"a webhook with one byte of its {'body' if trip.ways.signed else 'token'} changed is a 401"


async def repeated(trip: Trip) -> str:
    real = trip.webhook(f"Parcel {trip.order}")
    headers = trip.ways.headers(trip.seen.stage.environ, real.id, real.body)
    status = await post(real.url, real.body, headers)
    _expect(status == "200", "200", status)
    trip.says(f"And order {trip.order + 1}?")  # its lane is in order: what is seen of this comes after
    await trip.shows(trip.ways.ai, f"Parcel {trip.order + 1}")
    _once(trip.thread)
    _expect(f"Parcel {trip.order // 10}9" not in trip.thread, "nothing of the forged webhook", trip.thread)
    return "a webhook that comes twice is shown once"


async def asks_for_a_human(trip: Trip) -> str:
    trip.says("I want to talk to a person")
    if trip.ways.own_session:
        trip.thread = await trip.seen.thread(trip.ways.channel, f"order {trip.order}", but=trip.thread)
    await trip.shows(APP, "waits for a human")
    alert = await trip.seen.line(trip.thread, APP, "waits for a human")
    _expect(alert.broadcast, "an alert that the channel sees too", alert)
    await trip.seen.card(trip.thread, "waiting for a human")
    return "the alert is in the thread and the channel, the card says waiting"


async def agent_replies(trip: Trip) -> str:
    trip.note = trip.writes("U0JO", NOTE)
    reply = trip.writes("U0MINA", trip.reply)
    told = (trip.ways.agent, trip.reply)
    await trip.seen.until(
        f"{told} at {trip.ways.name}",
        lambda: told in trip.replies,
        lambda: f"{trip.replies}, and in the thread\n{trip.thread}",
    )
    await trip.seen.until(f":{SENT}: on the reply", lambda: SENT in reply.reactions, lambda: trip.thread)
    _expect(list(reply.reactions) == [SENT], f"no mark but :{SENT}:", reply.reactions)
    await trip.seen.card(trip.thread, "Mina Park has the conversation")
    if trip.ways.recorded:
        return f"the reply was recorded as {trip.ways.agent}, and is marked as sent"
    return f"the reply reached the customer as {trip.ways.agent}, and is marked as sent"


async def note_stays(trip: Trip) -> str:
    """It was written before the reply, and the lanes are in order: what would come of it has come."""
    _expect(trip.replies == [(trip.ways.agent, trip.reply)], "the reply alone, and once", trip.replies)
    _expect(not trip.note.reactions, "no mark on the note", trip.note.reactions)
    return "the // note stayed in the thread, without a mark"


async def customer_answers(trip: Trip) -> str | None:
    if "handoff" not in trip.ways.hears:
        return None
    trip.says(ANSWER)
    await trip.shows(trip.ways.customer, ANSWER)
    _once(trip.thread)  # the vendor's echo of the reply came before this answer
    return f"the answer is in the thread as {trip.ways.customer}, the echo of the reply is not"


async def ends(trip: Trip) -> str:
    trip.vendor.end(trip.conversation.id)
    await trip.shows(APP, "The conversation was ended")
    await trip.seen.card(trip.thread, "closed")
    _once(trip.thread)
    await trip.vendor.settled()  # GPTBots tells the reply to the AI agent's thread, where it is an echo too
    shown = [one for one in trip.seen.threads(trip.ways.channel) if trip.reply in one]
    _expect(len(shown) == 1, "the reply in its own thread only", "\n\n".join(map(str, shown)))
    _expect(trip.replies == [(trip.ways.agent, trip.reply)], "the reply alone, and once", trip.replies)
    return "the end is in the thread, the card is closed"


STEPS: tuple[Callable[[Trip], Awaitable[str | None]], ...] = (
    opens,
    rich_answer,
    forged,
    repeated,
    asks_for_a_human,
    agent_replies,
    note_stays,
    customer_answers,
    ends,
)


def _once(thread: Thread) -> None:
    """Nobody on the tour says the same thing twice."""
    twice = sorted({str(line) for line in thread.lines if thread.lines.count(line) > 1})
    _expect(not twice, "everything once", f"twice: {twice}\n{thread}")


async def post(url: str, body: bytes, headers: dict[str, str]) -> str:
    """The status of the bridge's answer, or why there is none."""
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.post(
                url, content=body, headers={"content-type": "application/json", **headers}
            )
        except httpx.HTTPError as error:
            return type(error).__name__
    return str(answer.status_code)


# ── the last step, of all vendors together ───────────────────────────────────────────────────────


async def killed(trips: list[Trip]) -> str:
    """SIGKILL while Slack has messages that the bridge has not heard of: it must look before it repeats."""
    seen = trips[0].seen
    for trip in trips:
        trip.conversation = trip.vendor.open(CUSTOMER)
        for order in range(trip.order, trip.order + ORDERS):
            trip.says(f"Where is order {order}?")
        late = _tells(f"Parcel {trip.order + ORDERS // 2}")
        seen.stage.slack.faults.next("chat.postMessage", delay=2.0, when=late)
    for trip in trips:
        trip.thread = await seen.thread(trip.ways.channel, f"Parcel {trip.order + ORDERS // 2}")
    assert seen.bridge is not None  # noqa: S101 - the tour has started it
    await seen.bridge.kill()
    seen.bridge = await seen.stage.serve()
    for trip in trips:
        # A vendor that does not try again (GPTBots) keeps what came while nobody listened.
        await trip.vendor.settled()
        trip.says(f"Where is order {trip.order + ORDERS}?")
        await trip.shows(trip.ways.ai, f"Parcel {trip.order + ORDERS}")
        _once(trip.thread)
        shown, taken = _orders(line.words for line in trip.thread.lines), _taken(trip)
        _expect(shown == sorted(shown), f"{trip.ways.name}'s messages in order", trip.thread)
        missing = f"all that {trip.ways.name} could deliver: orders {taken}"
        _expect([one for one in shown if one in taken] == taken, missing, trip.thread)
    return "killed in the middle of it and started again, everything is in the threads once and in order"


def _tells(text: str) -> Callable[[object], bool]:
    return lambda call: text in str(call)


def _taken(trip: Trip) -> list[int]:
    """What the bridge has answered with 200."""
    said = (one for one in trip.vendor.deliveries if one.conversation_id == trip.conversation.id)
    return _orders(one.body.decode() for one in said if one.state == "delivered")


def _orders(texts: Iterable[str]) -> list[int]:
    """The orders that are asked for and told of, as they come."""
    return [int(number) for text in texts for number in re.findall(r"(?:order|Parcel) (\d+)", text)]


# ── taking it ────────────────────────────────────────────────────────────────────────────────────


async def take(stage: Stage, tell: Tell, *, patience: float = 15.0) -> bool:
    """Start the bridge and take every step. Tells a line a step; whether all of it was seen."""
    seen = Seen(stage, patience)

    async def start() -> str:
        try:
            seen.bridge = await stage.serve()
        except (RuntimeError, TimeoutError) as error:
            raise Unseen("a bridge that is ready", str(error) or "not ready in time") from None
        return "it is ready"

    well = await _step("the bridge", "start", start(), tell)
    if well:
        for number, vendor in enumerate(stage.vendors, 1):
            well &= await travel(Trip(seen, vendor, number * 1000), tell)
        trips = [Trip(seen, vendor, number * 1100) for number, vendor in enumerate(stage.vendors, 1)]
        well = well and await _step("the bridge", "killed", killed(trips), tell)
    if not well and seen.bridge is not None:
        tell(f"\nThe end of the bridge's log:\n{seen.bridge.tail()}")
    return well


async def travel(trip: Trip, tell: Tell) -> bool:
    """The steps build on one another, so the first that fails is the last."""
    for step in STEPS:
        if not await _step(trip.ways.name, step.__name__, step(trip), tell):
            return False
    return True


async def _step(of: str, name: str, step: Awaitable[str | None], tell: Tell) -> bool:
    began = time.monotonic()
    try:
        told = await step
    except Unseen as unseen:
        tell(f"FAILED  {of}: {name.replace('_', ' ')}")
        for what, text in (("expected", unseen.expected), ("seen", unseen.instead)):
            tell(f"        {what}: " + text.replace("\n", "\n            "))
        return False
    if told:
        tell(f"ok  {of}: {told} ({time.monotonic() - began:.1f} s)")
    return True
