"""What is said when somebody waits too long, or an end or a beginning might go unnoticed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Control
from bridge.render import ConversationView, SlackMessage
from bridge.render.clocks import alarm, escalation, opened_again, reminder, still_waits, unseen
from bridge.render.handoff import HandoffView
from bridge.render.words import lasting
from tests.render.examples import AT, UNKNOWN_CUSTOMER, view
from tests.render.slack_rules import check, elements
from tests.render.strategies import AT as TIMES
from tests.render.strategies import MAYBE, VIEW
from tests.render.test_anything import SLOW, assert_literal
from tests.render.test_golden import GOLDEN, golden

THREAD = "https://acme.slack.com/archives/C1/p1777886130000100"
WAITS = HandoffView(
    Control.WAITING,
    AT,
    AT + timedelta(minutes=1),
    reason="asked for <!here> a person",
    department="support",
    thread=THREAD,
)
BARE = HandoffView(Control.WAITING, AT)
MINAS = HandoffView(Control.HUMAN, AT, AT, owner="Mina", claimed_at=AT + timedelta(minutes=2), thread=THREAD)
CLOCKS: dict[str, SlackMessage] = {
    "reminder": reminder(view(), WAITS, 120.0),
    "reminder_bare": reminder(UNKNOWN_CUSTOMER, BARE, 605.0),
    "escalation": escalation(view(), BARE, 1800.0, to=None),
    "escalation_to_a_group": escalation(view(), WAITS, 1800.0, to="S0SUPPORT"),
    "escalation_to_a_member": escalation(view(), WAITS, 7500.0, to="U0MINA"),
    "alarm": alarm(view(control=Control.HUMAN), MINAS),
    "alarm_bare": alarm(view(), BARE),
    "opened_again": opened_again(view(control=Control.WAITING)),
    "still_waits": still_waits("A reply", "Ada: 503. Try <!here> later.", AT.timestamp()),
    "still_waits_bare": still_waits("What is written here", "", None),
    "unseen": unseen(view(), "Slack answers not_in_channel. Invite the app", AT.timestamp(), THREAD),
    "unseen_bare": unseen(UNKNOWN_CUSTOMER, "", None, None),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_clock(name: str) -> None:
    golden(f"clocks/{name}", (CLOCKS[name],))


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in (GOLDEN / "clocks").glob("*.json")} == set(CLOCKS)


HANDOFF = st.builds(
    HandoffView,
    control=st.sampled_from([Control.WAITING, Control.HUMAN]),
    started_at=TIMES,
    waiting_since=st.none() | TIMES,
    reason=MAYBE,
    department=MAYBE,
    owner=MAYBE,
    claimed_at=st.none() | TIMES,
    thread=MAYBE | st.just(THREAD),
)


@SLOW
@given(VIEW, HANDOFF, st.floats(0, 10**7), st.none() | st.sampled_from(["S1", "U1"]))
def test_slack_takes_every_clock_and_only_the_chosen_one_is_pinged(
    seen: ConversationView, handoff: HandoffView, waited: float, to: str | None
) -> None:
    escalated = escalation(seen, handoff, waited, to=to)
    for message in (reminder(seen, handoff, waited), alarm(seen, handoff), opened_again(seen), escalated):
        check(message)
        assert_literal(message)
        assert all(rung.broadcast for rung in message.rungs())
        assert _pinged(message) == ({to} if to and message is escalated else set())


@SLOW
@given(VIEW, st.text(), st.none() | st.floats(0, 4 * 10**9), MAYBE | st.just(THREAD))
def test_slack_takes_whatever_is_said_of_what_waits(
    seen: ConversationView, problem: str, until: float | None, thread: str | None
) -> None:
    for message in (still_waits("A reply", problem, until), unseen(seen, problem, until, thread)):
        check(message)
        assert_literal(message)
        assert _pinged(message) == set()


def _pinged(message: SlackMessage) -> set[Any]:
    pings = [one for one in elements(message.blocks) if one.get("type") in ("user", "usergroup", "broadcast")]
    return {one.get("user_id") or one.get("usergroup_id") or "everybody" for one in pings}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (59.6, "1 min"),
        (80, "1 min 20 s"),
        (3599.7, "1 h"),
        (7500, "2 h 5 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d"),
        (4 * 86_400 + 3 * 3600 + 59, "4 d 3 h"),
    ],
)
def test_how_long_something_lasts(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
