"""What holds of a conversation: always; whenever everything is at rest; and as the model says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bridge.engine.acts import can
from bridge.engine.gate import ASKED, choices
from bridge.model import Control, HeldChoice, HeldFor
from bridge.render.acts import ACT, HELD, RETRY, offered
from bridge.sandbox.slack import Message
from tests.model.expected import PEOPLE, Handoff, Model, OwnEnd, Owner, Reply, Words
from tests.model.vendor import Got
from tests.model.world import Row, Snapshot, Talk

_MARKS = {
    "sent": "white_check_mark",
    "failed": "x",
    "uncertain": "grey_question",
    "held": "double_vertical_bar",
}
_DONE = re.compile(r"(Mina Park|Jo) (claimed|released|gave|took|handed|resolved|reopened) the conversation")
_ALONE = "This reply was not sent to the customer: guests"
CORRECTION = "Correction: "
_ENDINGS = {
    "handed_back": "handed back to the AI agent",
    "closed": "the conversation ended",
    "expired": "expired",
}


@dataclass
class Watch:
    """A reply, and what its author has said about it. `stays` is how often the customer may have it, while it
    is a note, or held and nobody said that it may go."""

    reply: Reply
    held: bool = False
    stays: int | None = None
    clear: bool = False  # its author said that it is to be sent
    retried: int = 0

    def pressed(self, choice: HeldChoice) -> None:
        """Its author presses this."""
        self.clear |= choice is not HeldChoice.NOTE
        if self.held and choice is not HeldChoice.NOTE:
            self.stays = None

    def seen(self, row: Row, got: list[str]) -> None:
        """How it stands at rest, and what the customer has."""
        self.held = row.became == "held"
        self.stays = self.reply.times_in(got) if row.became in ("held", "note") else None


# ── always ───────────────────────────────────────────────────────────────────────────────────────


def one_owner(stands: Snapshot) -> None:
    """Somebody has it while a human does, and nobody else ever; one handoff is open while it is wanted."""
    held = stands.owner is not None or stands.owner_id is not None
    assert held == (stands.control is Control.HUMAN), f"{stands.control}, and {stands.owner} has it"
    open_ = [one for one in stands.handoffs if one.ended_at is None]
    wanted = stands.control in (Control.WAITING, Control.HUMAN)
    assert len(open_) == wanted, f"{stands.control}, and {len(open_)} handoffs are open"


def nothing_slips(got: list[Got], watches: list[Watch], *, finds: bool) -> None:
    """No customer has a note or a held reply, and none has one twice, but where somebody risked that."""
    wrote = {text: (watch, words) for watch in watches for words, text in watch.reply.versions}
    for one in got:
        watch, words = wrote.get(one.text.removeprefix(CORRECTION), (None, None))
        assert watch is not None, f"the customer has {one.text!r}, which nobody wrote so"
        may = words is Words.ANSWER or (words is Words.UNCLEAR and watch.clear)
        assert may, f"the customer has {one.text!r}"
        assert one.name == watch.reply.by.name, f"the customer has {one.text!r} from {one.name}"
        assert watch.reply.by.serves, f"{one.name} must not reply"
    for watch in watches:
        count = watch.reply.times_in([one.text for one in got])
        most = 1 if finds else 1 + watch.retried
        assert count <= most, f"the customer has {watch.reply.text!r} {count} times"
        if watch.stays is not None:
            assert count <= watch.stays, f"the customer has {watch.reply.text!r}, which was to stay in"


# ── at rest ──────────────────────────────────────────────────────────────────────────────────────


def at_rest(talk: Talk, stands: Snapshot) -> None:
    """What people see in Slack is what stands in the store."""
    assert not stands.odd, f"under way, or failed: {stands.odd}"
    assert not talk.world.stage.slack.events.failed, "Slack gave up telling us something"
    shown = {name.removeprefix(ACT) for name, _ in buttons(talk.card) if name.startswith(ACT)}
    wanted = set(offered(stands.control, can(type(talk.vendor))))
    assert shown == wanted, f"{stands.control}, and the card offers {shown}"
    messages = {message.ts: message for message in talk.thread}
    for ts, row in stands.replies.items():
        if ts in messages:
            _shown(talk, messages[ts], row)
    _alerts(talk, stands, messages)


def _shown(talk: Talk, message: Message, row: Row) -> None:
    """Its mark, and what is asked or told about it."""
    us = talk.world.stage.slack.state.app.user
    marks = [name for name, users in message.reactions.items() if us in users]
    wanted = [_MARKS[row.became]] if row.became in _MARKS else []
    assert marks == wanted, f"{message.text!r} is {row.became}, and marked {marks}"
    if row.became == "held":
        questions = [asked(one) for one in talk.whispers() if one.ephemeral_to == message.user]
        wanted_question = [(choice, row.id) for choice in choices(row.held_for, can(type(talk.vendor)))]
        assert wanted_question in questions, (
            f"{message.text!r} is {row.problem}, and its author is asked nothing"
        )
    if row.became in ("failed", "uncertain"):
        told = [
            one for one in talk.thread if (RETRY, row.id) in [(name, value) for name, value in buttons(one)]
        ]
        # Who may not reply hears so alone, and there is nothing to send again.
        alone = [one for one in talk.whispers() if one.ephemeral_to == message.user and _ALONE in one.text]
        serves = next(one.serves for one in PEOPLE if one.id == message.user)
        assert told if serves else told or alone, (
            f"{message.text!r} is {row.became}, and nobody can send it again"
        )


def asked(question: Message) -> list[tuple[HeldChoice, int]]:
    """What can be decided in it, and about which delivery."""
    found = [
        (name, value) for name, value in buttons(question) if name.startswith(HELD) and value is not None
    ]
    return [(HeldChoice(name.removeprefix(HELD)), value) for name, value in found]


def _alerts(talk: Talk, stands: Snapshot, thread: dict[str, Message]) -> None:
    """Each handoff in which somebody waited has an alert in the channel, and the last one in the thread; all
    say how it stands, and only where somebody waits there is something to claim."""
    alerts = talk.alerts()
    for number, handoff in enumerate(stands.handoffs, 1):
        found = alerts.get(handoff.id, [])
        assert len(found) == (handoff.waiting_since is not None), f"handoff {number} has {len(found)} alerts"
        place = json.loads(handoff.places).get("thread")
        is_last = number == len(stands.handoffs)
        assert place or not is_last or handoff.start is None, f"handoff {number} has no alert in the thread"
        if place:
            found = [*found, thread[place[1]]]
        words, claims = "is talking with", False
        if handoff.ended_at is not None:
            words = _ENDINGS[handoff.ending]
        elif handoff.claimed_at is None:
            words, claims = "waits for a human", True
        for alert in found:
            assert words in alert.text, (
                f"handoff {number}: {words!r} is not what its alert says: {alert.text!r}"
            )
            has = (f"{ACT}claim") in [name for name, _ in buttons(alert)]
            assert has == claims, f"handoff {number}: its alert {'has' if has else 'lacks'} a claim button"


def buttons(message: Message) -> Iterator[tuple[str, int | None]]:
    """What can be pressed: each action_id, and the delivery that its value names."""

    def walk(told: Any) -> Iterator[tuple[str, int | None]]:
        if isinstance(told, dict):
            if "action_id" in told:
                value = json.loads(told.get("value") or "{}")
                yield told["action_id"], value.get("delivery")
            told = list(told.values())
        if isinstance(told, list):
            for one in told:
                yield from walk(one)

    yield from walk(message.blocks)
    yield from walk(message.attachments)


# ── as the model says ────────────────────────────────────────────────────────────────────────────


def done(talk: Talk) -> int:
    """How many acts the thread was told of."""
    return sum(bool(_DONE.match(message.text)) for message in talk.thread)


def equal(model: Model, talk: Talk, stands: Snapshot) -> None:
    owner = Owner(stands.owner, stands.owner_id) if stands.owner else None
    _same("who has the conversation", (stands.control, owner), (model.control, model.owner))
    _same("what the customer has", [one.text for one in talk.vendor.got[talk.key.id]], model.got)
    _same("the handoffs", _handoffs(stands), model.handoffs)
    for reply in model.replies:
        row = stands.replies[reply.ts]
        why = row.problem if row.became == "held" else None
        expected = (reply.state, f"held: {reply.why}" if reply.state == "held" else None)
        _same(f"what became of {reply.text!r}", (row.became, why), expected)
    _same("how many acts the thread was told of", done(talk), model.done)
    _same("what the vendor's next calls meet", list(talk.vendor.ahead), list(model.ahead))


def _same(what: str, found: object, expected: object) -> None:
    assert found == expected, f"{what}: {found}; the model has {expected}"


def adopt(model: Model, talk: Talk, stands: Snapshot) -> None:
    """Go on from what the store says, where the model cannot know."""
    model.sure = True
    model.control = stands.control
    model.owner = Owner(stands.owner, stands.owner_id) if stands.owner else None
    model.vendor_at = stands.vendor_at
    model.acted = (stands.acted_at, stands.acted_at) if stands.acted_at is not None else None
    model.acted_known = False
    model.own_ends = [_own_end(one, model, stands) for one in stands.own_ends]
    model.handoffs = _handoffs(stands)
    model.done = done(talk)
    model.got = [one.text for one in talk.vendor.got[talk.key.id]]
    talk.vendor.ahead.clear()
    model.ahead.clear()
    for reply in model.replies:
        row = stands.replies[reply.ts]
        reply.state, reply.begun, reply.sent_on = row.became, row.begun, bool(row.was)
        reply.why = row.held_for if reply.state == "held" else None
        reply.asked = HeldFor(row.refs[ASKED]) if ASKED in row.refs else None
        reply.choice = HeldChoice(row.payload["choice"]) if "choice" in row.payload else None
        reply.again_by = next((one for one in PEOPLE if one.id == row.payload.get("again_by")), None)
        reply.arrived = reply.times_in(model.got) > 0


def _own_end(row: Any, model: Model, stands: Snapshot) -> OwnEnd:
    before = sum(one.id <= (row.handoff_id or 0) for one in stands.handoffs)
    if row.recorded_at is None:
        return OwnEnd(before)
    is_last = stands.acted_at is not None and row.recorded_at >= stands.acted_at
    return OwnEnd(before, model.acted if is_last else (row.recorded_at, row.recorded_at))


def _handoffs(stands: Snapshot) -> list[Handoff]:
    return [
        Handoff(
            one.waiting_since is not None,
            one.ending,
            one.answered_at is not None,
            one.ended_at is not None and one.ended_by is None,
            one.end_written_at,
        )
        for one in stands.handoffs
    ]
