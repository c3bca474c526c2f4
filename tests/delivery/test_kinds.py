"""The registry of deliveries: each kind has one lane, one method, one failure text, and a row in the docs."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.delivery import kinds
from bridge.delivery.kind import Failure, Key, Payload, payload_of, registered
from bridge.engine.handlers import Handlers
from bridge.engine.refs import queued_by
from bridge.engine.vendor import VendorCarrier
from bridge.engine.work import MEANT, Conversation, Failed, NewDelivery, Turn
from bridge.errors import Rejected, RetryLater
from bridge.model import (
    Act,
    Author,
    Control,
    ConversationKey,
    Customer,
    Direction,
    HeldChoice,
    HeldFor,
    Message,
    Receipt,
    Role,
    Text,
    ThreadKey,
    Typing,
)
from bridge.slack.acts import ActsCarrier
from bridge.slack.alerts import AlertsCarrier
from bridge.slack.catchup import Looks
from bridge.slack.clocks import ClocksCarrier
from bridge.slack.marks import MarksCarrier
from bridge.slack.thread import ThreadCarrier
from bridge.slack.typing import TypingCarrier
from bridge.trace.why import vendor_ids

ROOT = Path(__file__).parent.parent.parent
KEY = ConversationKey(source="acme-ada", id="c")
EVENT = {"id": "e", "conversation": KEY, "at": datetime(2026, 11, 1, tzinfo=UTC)}
CUSTOMER = Author(role=Role.CUSTOMER)
BY = {"user": "U0MINA", "team": "T", "channel": "C", "thread_ts": "1.1", "ts": "2.1"}
HANDOFF = {"handoff": 3, "round": 1}
DAY = {"channel": "C", "day": "2026-11-01", "arranged": 1.0}
CARRIERS: dict[Direction, type[Handlers]] = {
    Direction.SLACK: ThreadCarrier,
    Direction.VENDOR: VendorCarrier,
    Direction.MARKS: MarksCarrier,
    Direction.CARD: MarksCarrier,
    Direction.STATUS: TypingCarrier,
    Direction.ACTS: ActsCarrier,
    Direction.ALERTS: AlertsCarrier,
    Direction.CLOCKS: ClocksCarrier,
}
SAMPLES: list[Payload] = [
    kinds.EventPosted(event=Message(**EVENT, author=CUSTOMER, parts=(Text(text="private"),))),
    kinds.Revision(event=Message(**EVENT, author=CUSTOMER, parts=(Text(text="private"),))),
    kinds.TypingShown(event=Typing(**EVENT, author=CUSTOMER, active=True)),
    kinds.ReceiptShown(event=Receipt(**EVENT, state="read", by=Role.CUSTOMER)),
    kinds.Notice(text="private"),
    kinds.FailureNotice(text="private", delivery=1),
    kinds.ChangedTooLate(ts="2.1", edit="Ev1"),
    kinds.Reopened(),
    kinds.StuckNotice(delivery=1, about="reply", problem="private"),
    kinds.StuckAlert(delivery=1, about="event", problem="private"),
    kinds.Transcript(left_out=2),
    kinds.CustomerFound(customer=Customer(id="7", name="private")),
    kinds.SlackReply(**BY, text="private", blocks=[{"type": "private"}]),
    kinds.Correction(**BY),
    kinds.OptionPressed(**BY, text="private", label="private"),
    kinds.VendorAct(act=Act.RESOLVE, **BY),
    kinds.OwnAct(act=Act.CLAIM, **BY),
    kinds.Look(team="T", channel="C", ts="1.1", since=1.0),
    kinds.History(since=1.0),
    kinds.Profile(customer="7"),
    kinds.Greeting(),
    kinds.Who(**BY),
    kinds.Help(**BY),
    kinds.Mark(channel="C", ts="2.1", state="sent"),
    kinds.Question(**BY, why=HeldFor.BOT, choices=(HeldChoice.ONCE,), delivery=1, text="private"),
    kinds.Whisper(**BY, text="private"),
    kinds.PostedByApp(**BY),
    kinds.CardChanged(),
    kinds.TypingAgain(),
    kinds.AlertChanged(handoff=3),
    kinds.Alarm(handoff=3),
    kinds.Clock(**HANDOFF),
    kinds.Reminder(**HANDOFF),
    kinds.Escalation(**HANDOFF, breach=True),
    kinds.DigestDue(**DAY),
    kinds.DigestPosted(**DAY),
    kinds.Scan(channel="C", since=1.0),
]


def of_kind(payload: Payload) -> str:
    return f"{payload.kind.lane}: {payload.kind.name}"


each = pytest.mark.parametrize("payload", SAMPLES, ids=of_kind)


def turn_of(payload: Payload) -> Turn:
    about = Conversation(1, KEY, Control.HUMAN, ThreadKey(team="T", channel="C", ts="1.1"), 0.0)
    new = NewDelivery.of(payload, "k")
    return Turn(1, 1, new.direction, about, 7, new.kind, new.body, 1, 5.0, 0.0, False, {})


def test_every_kind_is_tried_here() -> None:
    assert [type(one) for one in SAMPLES] == list(registered())


@each
def test_a_row_is_read_as_it_was_written(payload: Payload) -> None:
    assert turn_of(payload).payload == payload


@each
def test_one_method_carries_it(payload: Payload) -> None:
    found = [one for one in set(CARRIERS.values()) if type(payload) in one.methods]
    assert found == [CARRIERS[payload.kind.lane]]


@each
def test_people_see_its_failure_where_the_registry_says(payload: Payload) -> None:
    carrier: Any = object.__new__(CARRIERS[payload.kind.lane])
    carrier._looks = object.__new__(Looks)
    followed = [one.payload for one in carrier.follow(turn_of(payload), Failed("refused"))]
    where = {
        Failure.THREAD: any(isinstance(one, kinds.Notice | kinds.FailureNotice) for one in followed),
        Failure.AUTHOR: any(isinstance(one, kinds.Whisper) for one in followed),
        Failure.NOWHERE: not followed,
    }
    assert [one for one, is_there in where.items() if is_there] == [payload.kind.failure]


@each
def test_what_trace_shows_of_it_has_no_words(payload: Payload) -> None:
    if not isinstance(payload, kinds.OfEvent | kinds.CustomerFound):
        assert "private" not in json.dumps(payload.public(), default=str)


def test_the_docs_have_a_row_for_each() -> None:
    rows = ["| lane | kind | what it does | if it fails, people see it in |", "| --- | --- | --- | --- |"]
    for one in registered():
        what = (one.__doc__ or "").splitlines()[0]
        rows.append(f"| {one.kind.lane} | `{one.kind.name}` | {what} | {one.kind.failure} |")
    assert "\n".join(rows) in (ROOT / "docs" / "deliveries.md").read_text("utf-8")


def test_a_kind_of_a_newer_version_waits_for_a_process_that_knows_it() -> None:
    with pytest.raises(RetryLater, match="does not know deliveries of the kind “hologram”"):
        payload_of(Direction.SLACK, "hologram", "{}")


@pytest.mark.parametrize("row", ["{}", "[]", '"x"', '{"user": 7}'])
def test_a_row_that_cannot_be_read_is_given_up_without_its_words(row: str) -> None:
    with pytest.raises(Rejected, match="the payload of a “act” delivery cannot be read") as refused:
        payload_of(Direction.ACTS, "act", row)
    assert not refused.value.can_retry


def test_a_lone_surrogate_stays_as_slack_sent_it() -> None:
    reply = kinds.SlackReply(**BY, text="\ud800", blocks=[{"text": "\udfff"}])
    assert kinds.SlackReply.read(reply.write()).message == {
        **BY,
        "text": "\ud800",
        "blocks": [{"text": "\udfff"}],
    }


def test_rows_are_made_of_payloads_only() -> None:
    """`NewDelivery(...)` itself is for a row that is queued anew as it was."""
    literal = {
        (str(path.relative_to(ROOT / "bridge")), ast.unparse(node))
        for path in (ROOT / "bridge").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NewDelivery"
    }
    assert {call for _, call in literal if "row.kind, row.key, row.payload" not in call} == set()


def test_what_a_clock_queues_is_found_by_its_number_or_its_handoff() -> None:
    begin, full = queued_by(7, 3)
    assert {"reminder:7", "escalation:7", "clock:7", "greeting:3", "alert:greeting:3"} <= set(full)
    assert "mark:7:" in begin
    assert not any(
        one.startswith(("greeting", "too_late", "clock")) for one in begin
    )  # clock:7:1 is handoff 7's
    assert "greeting:3" not in queued_by(7, None)[1]
    assert kinds.Greeting.kind.key is Key.HANDOFF


@pytest.mark.parametrize(
    ("refs", "ids"),
    [
        ({MEANT: "12"}, []),  # a handoff's row
        ({MEANT: "12", "": "66aa"}, ["66aa"]),
        ({"0": "a", "1": "b", "": "c"}, ["a", "b", "c"]),
        ({"": "away"}, []),
        ({"": "not told"}, []),
        ({"": "3 found"}, []),
        ({"": "not needed"}, []),
    ],
)
def test_what_is_called_a_vendors_id_is_one(refs: dict[str, str], ids: list[str]) -> None:
    row = SimpleNamespace(direction=Direction.VENDOR, refs=json.dumps(refs))
    assert vendor_ids(row) == ids
