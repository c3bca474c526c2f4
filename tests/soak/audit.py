"""The end of a soak: the books of customers and agents against those of the sandbox and of the store."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

from sqlalchemy import Connection, select

from bridge.engine.acts import can
from bridge.model import Control, ConversationKey
from bridge.registry import adapters
from bridge.render.acts import ACT, RETRY, offered
from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.vendors.ada_events import START
from bridge.sandbox.vendors.delivery import Delivery
from bridge.sandbox.vendors.gptbots import GPTBotsConversation
from bridge.sandbox.vendors.gptbots_events import MESSAGE
from bridge.store.tables import conversation, delivery, lane
from tests.bridge.scene import FAILED, HELD, SENT, UNCERTAIN
from tests.model import checks
from tests.model.world import Snapshot, Talk, World, _snapshot
from tests.soak.people import Customer, Reply
from tests.soak.town import Town

COUNTED = ("messages in", "replies out", "failed", "uncertain", "lost", "duplicated", "out of order")
_SAID = re.compile(r"\b(?:order|Parcel|case|said) \d+")
_WRITTEN, _NOTE = re.compile(r"\bwritten (\d+)"), re.compile(r"\bnote \d+")
#: what makes a conversation one of a handoff, so that a quiet channel has to show what was said up to it
_HANDS_OVER = (b'"handoff_integration":"slack-bridge"', b'"type":"handover"')
CROSSED = 5.0  # seconds in which what was told is certainly written down
_MARKS = {"sent": [SENT], "failed": [FAILED], "uncertain": [UNCERTAIN], "held": [HELD], "note": []}
_CONTROLS = {
    "bot": {Control.BOT},
    "handoff": {Control.WAITING, Control.HUMAN},
    "ended": {Control.CLOSED},
}

Stands = dict[tuple[str, str], tuple[int, Snapshot]]


def under_way(connection: Connection) -> list[str]:
    """What is to be carried still, and the lanes that are due or held."""
    carried = select(delivery.c.id, delivery.c.kind, delivery.c.state, delivery.c.problem)
    rows = connection.execute(carried.where(delivery.c.state.in_(("queued", "sending")))).all()
    due = select(lane.c.id, lane.c.direction, lane.c.due, lane.c.owner).where(
        lane.c.due.is_not(None) | lane.c.owner.is_not(None)
    )
    return [str(row) for row in (*rows, *connection.execute(due))]


def stands(connection: Connection) -> Stands:
    """Every conversation as the store has it."""
    rows = connection.execute(select(conversation.c.id, conversation.c.source, conversation.c.external_id))
    return {(source, external): (id, _snapshot(connection, id)) for id, source, external in rows.all()}


def trail(customer: Customer, connection: Connection) -> list[str]:
    """All that there is of a customer's conversations: what was carried, what the vendor told and holds."""
    query = (
        select(delivery, lane.c.direction)
        .join(lane, lane.c.id == delivery.c.lane_id)
        .join(conversation, conversation.c.id == lane.c.conversation_id)
        .where(conversation.c.source == customer.source, conversation.c.external_id.in_(customer.keys))
    )
    rows = connection.execute(query)
    lines = [
        (one.created_at, f"{one.kind} to {one.direction}, {one.state} ({one.problem}): {one.payload[:300]}")
        for one in rows
    ]
    lines += [
        (tried.at, f"{one.kind} told, {tried.status or tried.error}: {one.body[:60].decode()}")
        for one in customer.deliveries
        for tried in one.attempts
    ]
    lines += [(one.at, f"{one.role} at the vendor: {one.text}") for one in customer.conversation.messages]
    return [f"{customer.name} {at % 10_000:8.3f} {line}" for at, line in sorted(lines)]


class Audit:
    """`counts` is what it comes to, `wrong` every difference, in words."""

    def __init__(self, town: Town, store: Stands) -> None:
        self.counts = dict.fromkeys(COUNTED, 0)
        self.wrong: list[str] = []
        self.about: dict[Customer, None] = {}  # those about whom something is wrong
        self._town = town
        self._store = store

    def of(self, customer: Customer) -> None:
        told = [*customer.deliveries]
        for key in customer.keys:
            self._said(customer, key, [one for one in told if _is_about(one, key, customer)])
        self._written(customer)
        for key in customer.keys:
            if (customer.source, key) in self._store:
                self._stands(customer, key)

    def _amiss(self, customer: Customer, what: str) -> None:
        self.about[customer] = None
        self.wrong.append(f"{customer.source}, {customer.name}: {what}")

    # ── what customers and AI agents said ────────────────────────────────────────────────────────

    def _said(self, customer: Customer, key: str, told: Sequence[Delivery]) -> None:
        told = [one for one in told if one.kind != START]  # its reason is what was said last
        wanted = [word for one in told for word in _SAID.findall(one.body.decode())]
        taken = {
            word for one in told if one.state == "delivered" for word in _SAID.findall(one.body.decode())
        }
        sure = {word for one in _to_be_seen(customer, told) for word in _SAID.findall(one.body.decode())}
        card = customer.card(key)
        if len(more := customer.cards(key)) > 1:
            self._amiss(customer, f"{len(more)} threads of {key}")
            self.counts["duplicated"] += len(more) - 1
        seen = [word for line in _lines(card) for word in _SAID.findall(words(line))]
        self.counts["messages in"] += len(seen)
        self._compare(customer, f"said in {key}", wanted, sure, seen, taken)
        if strangers := [*set(seen) - set(wanted)]:
            self._amiss(customer, f"in the thread of {key}, but not theirs: {strangers}")
        echoes = [one.text for one in _lines(card) if one.username and _WRITTEN.search(words(one))]
        if echoes:
            self._amiss(customer, f"a reply was told back as if it were another's: {echoes}")
            self.counts["duplicated"] += len(echoes)

    def _compare(
        self,
        customer: Customer,
        what: str,
        wanted: Sequence[str],
        sure: set[str],
        seen: Sequence[str],
        in_order: set[str],
    ) -> None:
        """`sure` has to be there. What is not `in_order` the vendor gave up telling: it was found later."""
        places = {word: place for place, word in enumerate(wanted)}
        once = [word for word in dict.fromkeys(seen) if word in places]
        kept = [word for word in once if word in in_order]
        found = {
            "lost": [word for word in wanted if word in sure and word not in once],
            "duplicated": [word for word, count in Counter(seen).items() if count > 1],
            "out of order": [two for one, two in pairwise(kept) if places[two] < places[one]],
        }
        for name, these in found.items():
            self.counts[name] += len(these)
            if these:
                self._amiss(customer, f"{name}, {what}: {these}; wanted {wanted}, seen {seen}")

    # ── what agents wrote ────────────────────────────────────────────────────────────────────────

    def _written(self, customer: Customer) -> None:
        messages = [one.text for one in customer.conversation.messages if one.role == "agent"]
        got = [number for text in messages for number in _WRITTEN.findall(text)]
        self.counts["replies out"] += len(got)
        if slipped := [text for text in messages if _NOTE.search(text)]:
            self._amiss(customer, f"notes reached the customer: {slipped}")
        for reply in customer.replies:
            self._reply(customer, reply, got.count(str(reply.number)))
        plain = [str(one.number) for one in customer.replies if not one.held]
        seen = [number for number in got if number in plain]
        self._compare(customer, "replies", plain, set(), seen, {*plain})

    def _reply(self, customer: Customer, reply: Reply, times: int) -> None:
        marks = reply.marks
        what = f"{reply.how} {reply.number} of {reply.by}, marked {marks}, reached the customer {times} times"
        if reply.is_note or reply.how == "deleted":
            wanted = {0} if reply.is_note else {0, 1}
        elif marks == [SENT]:
            wanted = {1}
        elif marks == [UNCERTAIN]:
            wanted = {0, 1}
            self.counts["uncertain"] += 1
        elif marks == [FAILED]:
            wanted = {0}
            self.counts["failed"] += 1
        else:
            wanted = {0}
            if not (marks == [HELD] or (marks == [] and (reply.how == "locked" or reply.held))):
                self.counts["lost"] += 1
                self._amiss(customer, f"nobody knows: {what}")
        if times > 1:
            self.counts["duplicated"] += times - 1
        elif times < min(wanted):
            self.counts["lost"] += 1
        if times not in wanted:
            self._amiss(customer, what)

    # ── how it stands ────────────────────────────────────────────────────────────────────────────

    def _stands(self, customer: Customer, key: str) -> None:
        row, store = self._store[customer.source, key]
        adapter = adapters()[customer.vendor.name]
        try:
            assert not store.odd, f"under way, or failed: {store.odd}"
            checks.one_owner(store)
            if _was_told(customer, store):
                wanted = _at_vendor(customer, key)
                assert store.control in wanted, f"{store.control} in the store, {wanted} at the vendor"
            card = customer.card(key)
            if card is None:
                assert customer.source.startswith("quiet-") or _only_ours(customer, key), "no card"
                assert not store.handoffs, "a handoff, and no card"
                return
            shown = {name.removeprefix(ACT) for name, _ in checks.buttons(card) if name.startswith(ACT)}
            assert shown == {*offered(store.control, can(adapter))}, f"{store.control}; the card: {shown}"
            world = cast("World", SimpleNamespace(stage=self._town.stage))
            talk = Talk(world, ConversationKey(source=customer.source, id=key), row, card)
            thread = {one.ts: one for one in card.replies}
            checks._alerts(talk, store, thread)
            _marked(talk, store, thread)
        except AssertionError as error:
            self._amiss(customer, f"{key}: {error}")


def _marked(talk: Talk, store: Snapshot, thread: dict[str, Message]) -> None:
    """What became of each reply is on it, and where somebody has to decide, they are asked."""
    pressed = [one for message in thread.values() for one in checks.buttons(message)]
    for ts, row in store.replies.items():
        if (message := thread.get(ts)) is None:
            continue
        marks = Reply(0, "", "", message).marks
        assert marks == _MARKS[row.became], f"{message.text!r} is {row.became}, and marked {marks}"
        if row.became in ("failed", "uncertain"):
            assert (RETRY, row.id) in pressed, f"{message.text!r} is {row.became}, and nobody is asked"
        if row.became == "held":
            asked = [one for whisper in talk.whispers() for one in checks.asked(whisper)]
            assert row.id in [about for _, about in asked], f"{message.text!r} is held, and nobody is asked"


def _at_vendor(customer: Customer, key: str) -> set[Control]:
    about = customer.conversation
    if isinstance(about, GPTBotsConversation):
        if key == about.id:
            return {Control.BOT}  # nothing tells of its end
        return _CONTROLS["handoff" if key == about.human_id else "ended"]
    return _CONTROLS[about.state]


def _was_told(customer: Customer, store: Snapshot) -> bool:
    """Whether the bridge could know how it stands at the vendor: everything was taken, and nothing was on its
    way while an agent did something. For what crosses there are rules (docs/design.md, *Late*) that go by
    clocks which may differ by a minute: a minute in which here a quarter of an hour goes by."""
    acted = store.acted_at
    for one in customer.deliveries:
        if one.state != "delivered":
            return False
        if acted is not None and _emitted(one) - 1 <= acted <= one.attempts[-1].at + CROSSED:
            return False
    return True


def _emitted(told: Delivery) -> float:
    """When the vendor had it to tell, by what it tells; of a call without a time, when it was made."""
    at = told.payload.get("timestamp")
    if isinstance(at, str):
        return datetime.fromisoformat(at).timestamp()
    return at / 1000 if at else told.attempts[0].at


def _is_about(told: Delivery, key: str, customer: Customer) -> bool:
    if not isinstance(customer.conversation, GPTBotsConversation):
        return True
    about = customer.conversation.id if told.kind == MESSAGE else told.payload["conversation_id"]
    return bool(about == key)


def _only_ours(customer: Customer, key: str) -> bool:
    """Whether all that was taken of a conversation was our own replies, told back."""
    taken = [one for one in customer.deliveries if one.state == "delivered" and _is_about(one, key, customer)]
    return all(_WRITTEN.search(one.body.decode()) for one in taken)


def _to_be_seen(customer: Customer, told: Sequence[Delivery]) -> list[Delivery]:
    """Of what the vendor has told: what the bridge took; in a quiet channel, up to the last handoff."""
    taken = [one for one in told if one.state == "delivered"]
    if customer.source.startswith("quiet-"):
        handed = [place for place, one in enumerate(taken) if any(mark in one.body for mark in _HANDS_OVER)]
        return taken[: handed[-1] + 1] if handed else []
    return taken


def _lines(card: Message | None) -> Iterator[Message]:
    """What others said, as it stands in a thread: under their names, or folded."""
    for one in card.replies if card else ():
        folded = one.blocks and one.blocks[0]["type"] == "container"
        if one.bot_id and (one.username or folded):
            yield one
