"""What follows from what went wrong, as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.config import Retry
from bridge.engine.policy import decide, given_up
from bridge.engine.work import SENDING, Again, Conversation, Failed, Turn, Uncertain, recorded
from bridge.errors import (
    DeliveryError,
    Forbidden,
    OutcomeUnknown,
    Rejected,
    RetryAfter,
    RetryLater,
    Unavailable,
)
from bridge.model import Control, ConversationKey, Direction

RETRY = Retry(delays=(1.0, 10.0), give_up_after=100.0)


def turn(*, attempt: int = 1, age: float = 0.0, doubt: bool = False) -> Turn:
    key = ConversationKey(source="s", id="c")
    about = Conversation(1, key, Control.BOT, None, 0.0)
    return Turn(1, 1, Direction.VENDOR, about, 1, "reply", "{}", attempt, 0.0, age, doubt, {})


@pytest.mark.parametrize(
    ("error", "doubt"),
    [
        (RetryLater("busy"), False),
        (RetryAfter("busy", seconds=7), False),
        (OutcomeUnknown("no answer"), True),
        (Unavailable("the store is away"), True),
        (KeyError("what a customer wrote"), True),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception, doubt: bool) -> None:
    outcome = decide(error, turn(), RETRY, 0.5)
    assert isinstance(outcome, Again)
    assert outcome.doubt is doubt
    assert "what a customer wrote" not in outcome.problem


@pytest.mark.parametrize("error", [RetryLater("busy"), RetryAfter("busy", seconds=7)])
def test_it_is_said_until_when_it_is_tried(error: Exception) -> None:
    outcome = decide(error, turn(age=30.0), RETRY, 0.5)
    assert isinstance(outcome, Again)
    assert outcome.until == turn().began + 70.0


def test_doubt_is_not_forgotten_by_a_later_certainty() -> None:
    outcome = decide(RetryLater("busy"), turn(doubt=True), RETRY, 0.5)
    assert isinstance(outcome, Again)
    assert outcome.doubt


@pytest.mark.parametrize(("attempt", "wait"), [(1, 1.0), (2, 10.0), (3, 10.0), (9, 10.0)])
def test_delays_grow_and_the_last_is_repeated(attempt: int, wait: float) -> None:
    for chance in (0.0, 0.5, 1.0):
        outcome = decide(RetryLater("busy"), turn(attempt=attempt), RETRY, chance)
        assert isinstance(outcome, Again)
        assert 0.8 * wait <= outcome.wait <= 1.2 * wait


def test_we_come_back_when_we_were_told_to_and_not_before() -> None:
    for chance in (0.0, 1.0):
        outcome = decide(RetryAfter("busy", seconds=7), turn(), RETRY, chance)
        assert isinstance(outcome, Again)
        assert 7 <= outcome.wait < 8


def test_a_refusal_is_final() -> None:
    assert decide(Rejected("no"), turn(), RETRY, 0.5) == Failed("no")


def test_whether_it_can_be_tried_again_goes_with_it() -> None:
    outcome = decide(Rejected("no", can_retry=False), turn(), RETRY, 0.5)
    assert outcome == Failed("no", can_retry=False)
    assert decide(Forbidden("no"), turn(), RETRY, 0.5) == Failed("no", can_retry=False, forbidden=True)


@pytest.mark.parametrize("kind", [RetryLater, OutcomeUnknown, Rejected])
@pytest.mark.parametrize("age", [0.0, 200.0])
def test_a_code_is_for_the_log_and_not_for_people(kind: type[DeliveryError], age: float) -> None:
    error = kind("the channel is archived", where="chat.postMessage", detail="Slack answers is_archived")
    outcome = decide(error, turn(age=age), RETRY, 0.5)
    assert isinstance(outcome, Again | Failed)
    assert outcome.problem.startswith("the channel is archived") and "is_archived" not in outcome.problem
    assert (recorded(outcome) or "").startswith("chat.postMessage: Slack answers is_archived")


@pytest.mark.parametrize("kind", [RetryLater, OutcomeUnknown, Rejected])
def test_where_it_failed_is_for_the_log_and_not_for_people(kind: type[DeliveryError]) -> None:
    error = kind("busy", where="POST acme.example/talks/4711", remedy="Wait")
    outcome = decide(error, turn(), RETRY, 0.5)
    assert isinstance(outcome, Again | Failed)
    assert outcome.problem == "busy. Wait"
    assert recorded(outcome) == "POST acme.example/talks/4711: busy. Wait"


@pytest.mark.parametrize("error", [RetryLater("busy"), OutcomeUnknown("?"), RetryAfter("busy", seconds=1)])
def test_past_its_bound_a_delivery_fails_and_says_so(error: Exception) -> None:
    outcome = decide(error, turn(attempt=12, age=100.0), RETRY, 0.5)
    assert isinstance(outcome, Failed)
    assert "given up after 12 attempts" in outcome.problem


@pytest.mark.parametrize(("refs", "doubt", "ends"), [({}, True, Failed), ({SENDING: "0"}, True, Uncertain)])
def test_what_ended_its_process_each_time_is_given_up(
    refs: dict[str, str], doubt: bool, ends: type[Failed | Uncertain]
) -> None:
    """A reply that the vendor may have is for the agent to look at."""
    outcome = given_up(replace(turn(doubt=doubt), refs=refs, starts=5))
    assert type(outcome) is ends
    assert "the bridge's process ended" in outcome.problem
