"""What people do in Slack, from Slack's requests to what is queued, and what they are told at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.model import Control, HandoffEnded
from bridge.render.modals import COLLEAGUE
from bridge.sandbox.slack import Message, View
from bridge.slack import modals
from tests.slack.desk import ALERTS, Desk, at_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_desk(tmp_path) as one:
        yield one


def words(where: Message | View) -> str:
    return json.dumps(where.blocks if isinstance(where, Message) else where.body, ensure_ascii=False)


# ── words ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_command_is_no_reply_and_what_looks_like_one_is(desk: Desk) -> None:
    for text in ("!resolve", "!note told her", "!resovle", "On my way"):
        desk.writes(text)
    await desk.until(lambda: len(desk.carried("reply")) == 3, "three messages")
    assert [one["text"] for one in desk.carried("reply")] == ["!note told her", "!resovle", "On my way"]
    assert {one["team"] for one in desk.carried("reply")} == {desk.slack.state.team_id}
    (act,) = desk.carried("act")
    assert (act["act"], act["user"], act["thread_ts"]) == ("resolve", "U0MINA", desk.card.ts)


async def test_to_change_a_command_changes_nothing(desk: Desk) -> None:
    desk.recorder.holds = True
    desk.writes("Hello")
    await desk.until(lambda: desk.whispers("U0MINA"), "it is held")
    message = desk.writes("!resolve")
    await desk.until(lambda: desk.carried("act"), "the act")
    desk.slack.edit_as("U0MINA", message.channel, message.ts, "Hello Lena")
    desk.slack.delete_as("U0MINA", message.channel, message.ts)
    await desk.slack.settled()
    assert len(desk.carried("act")) == 1 and len(desk.carried("reply")) == 1


async def test_words_below_an_alert_are_for_the_team(desk: Desk) -> None:
    alert = await desk.alert()
    desk.writes("who takes her?", where=alert)
    desk.writes("!resolve", where=alert)
    (act,) = await desk.until(lambda: desk.carried("act"), "the act")
    assert (act["channel"], act["thread_ts"]) == (ALERTS, alert.ts)
    assert desk.carried("reply") == []


# ── held replies ─────────────────────────────────────────────────────────────────────────────────


async def held(desk: Desk, text: str = "Hello Lena") -> tuple[Message, Message]:
    """A reply that is held, and the question that its author is asked."""
    desk.recorder.holds = True
    message = desk.writes(text)
    found = await desk.until(lambda: desk.whispers("U0MINA"), "the question")
    return message, found[-1]


def decided(desk: Desk) -> list[str]:
    return [told["choice"] for told in desk.carried("reply") if "choice" in told]


async def test_the_author_decides_and_the_question_goes_away(desk: Desk) -> None:
    _, question = await held(desk)
    await desk.presses("U0MINA", "held-once", question)
    await desk.until(lambda: decided(desk) == ["once"], "it is sent on")
    assert desk.whispers("U0MINA") == []
    await desk.presses("U0MINA", "held-note", question)
    assert [one.text for one in desk.whispers("U0MINA")] == ["There is nothing to decide here any more."]
    assert decided(desk) == ["once"]


async def test_a_question_that_cannot_be_taken_away_does_no_harm(desk: Desk) -> None:
    _, question = await held(desk)
    desk.slack._interactions.base_url = "http://127.0.0.1:9"
    await desk.presses("U0MINA", "held-once", question)
    await desk.until(lambda: decided(desk) == ["once"], "it is sent on")


@pytest.mark.parametrize("address", [[], ["x"], {}, {"a": 1}, 7, True])
async def test_an_address_that_is_no_text_does_no_harm(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, address: object
) -> None:
    """What is pressed is done, and Slack is not told that it failed."""
    _, question = await held(desk)
    monkeypatch.setattr(desk.slack._interactions, "_url", lambda message, user: address)
    await desk.presses("U0MINA", "held-once", question)
    await desk.until(lambda: decided(desk) == ["once"], "it is sent on")


async def test_the_question_is_asked_again(desk: Desk) -> None:
    message, question = await held(desk)
    desk.slack.state.hide(question)
    assert (await desk.slack.shortcut("U0JO", message, "ask_again")).ok
    assert [one.text for one in desk.whispers("U0JO")] == ["Only who wrote it can decide about it."]
    desk.slack.edit_as("U0MINA", message.channel, message.ts, "Hello dear Lena")
    await desk.slack.settled()
    for _ in range(2):
        assert (await desk.slack.shortcut("U0MINA", message, "ask_again")).ok
    await desk.until(lambda: len(desk.whispers("U0MINA")) == 2, "it is asked twice")
    again = desk.whispers("U0MINA")[0]
    assert "Hello dear Lena" in words(again)
    await desk.presses("U0MINA", "held-take_over", again)
    await desk.until(lambda: decided(desk) == ["take_over"], "it is sent on")


async def test_where_nothing_is_held_nothing_is_asked(desk: Desk) -> None:
    message = desk.writes("Hello")
    await desk.until(lambda: desk.carried("reply"), "it is sent")
    assert (await desk.slack.shortcut("U0MINA", message, "ask_again")).ok
    assert [one.text for one in desk.whispers("U0MINA")] == ["There is nothing to decide here any more."]
    elsewhere = desk.slack.post_as("U0MINA", ALERTS, "lunch?")
    for shortcut in ("ask_again", "claim", "resolve"):
        assert (await desk.slack.shortcut("U0MINA", elsewhere, shortcut)).ok
    told = [one.text for one in desk.whispers("U0MINA", ALERTS)]
    assert told == ["This belongs to no conversation that the bridge knows."] * 3


async def test_a_lock_makes_a_note(desk: Desk) -> None:
    message, _ = await held(desk)
    desk.slack.react_as("U0JO", message.channel, message.ts, "eyes")
    desk.slack.react_as("U0JO", message.channel, message.ts, "lock")
    await desk.until(lambda: decided(desk) == ["note"], "it is a note")


# ── acts ─────────────────────────────────────────────────────────────────────────────────────────


def modal(desk: Desk, user: str = "U0JO") -> View:
    view = desk.slack.modal_of(user)
    assert view is not None
    return view


async def test_a_shortcut_is_an_act(desk: Desk) -> None:
    message = desk.writes("mine")
    assert (await desk.slack.shortcut("U0JO", message, "claim")).ok
    await desk.noticed("Jo claimed the conversation.")


async def test_a_modal_asks_for_whom(desk: Desk) -> None:
    desk.writes("!claim", "U0JO")
    await desk.noticed("Jo claimed the conversation.")
    assert (await desk.slack.shortcut("U0JO", desk.card, "transfer")).ok
    view = modal(desk)
    assert (await desk.slack.submit("U0JO", view, {COLLEAGUE: "U0MINA"})).ok
    await desk.noticed("Jo gave the conversation to Mina Park.")
    await desk.told("U0MINA", "Jo gave you this conversation")


async def test_a_modal_warns_and_is_one_act(desk: Desk) -> None:
    await held(desk)
    await desk.presses("U0JO", "act-resolve")
    view = modal(desk)
    assert "Replies held, which the customer does not have: 1." in words(view)
    for _ in range(2):
        assert (await desk.slack.submit("U0JO", view)).ok
    await desk.until(lambda: desk.carried("act"), "the act")
    await desk.slack.settled()
    (act,) = desk.carried("act")
    assert (act["act"], act["user"], act["channel"]) == ("resolve", "U0JO", desk.card.channel)


async def test_what_the_vendor_cannot_do_is_said_at_once(tmp_path: Path) -> None:
    async with at_desk(tmp_path, source="acme-moveo") as desk:
        assert (await desk.slack.shortcut("U0JO", desk.card, "hand_back")).ok
        assert "Moveo has no call that gives a conversation back" in words(modal(desk))
        assert "submit" not in modal(desk).body


async def test_what_makes_no_sense_now_is_said_at_once(desk: Desk) -> None:
    await desk.hears(HandoffEnded(id="end", conversation=desk.about.key, at=datetime.now(UTC)))
    assert (await desk.slack.shortcut("U0JO", desk.card, "transfer")).ok
    assert "The AI agent has this conversation." in words(modal(desk))


async def test_a_modal_that_does_not_open_is_told(desk: Desk) -> None:
    desk.slack.faults.next("views.open", ok_error="internal_error")
    await desk.presses("U0JO", "act-resolve")
    assert desk.slack.modal_of("U0JO") is None
    (told,) = desk.whispers("U0JO")
    assert told.text == "Slack did not let this be asked: Slack gave no clear answer"


async def test_a_modal_that_slack_is_slow_to_open_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modals, "PATIENCE", 0.1)
    desk.slack.faults.next("views.open", delay=5.0)
    await desk.presses("U0JO", "act-resolve")
    (told,) = desk.whispers("U0JO")
    assert "Slack gives no answer" in told.text


# ── the Home ─────────────────────────────────────────────────────────────────────────────────────


def home(desk: Desk, user: str = "U0MINA") -> Any:
    view = desk.slack.home_of(user)
    return view and words(view)


async def test_the_home_shows_who_waits_in_ones_own_channels(desk: Desk) -> None:
    support = desk.about
    await desk.meet("c2", "acme-moveo", "C0VIP")
    desk.slack.open_home("U0MINA")
    desk.slack.open_home("U0LEE")
    desk.slack.open_home("U0JO", tab="messages")
    shown = await desk.until(lambda: home(desk), "Mina's Home")
    theirs = await desk.until(lambda: home(desk, "U0LEE"), "Lee's Home")
    assert "acme-ada" in shown and "acme-moveo" in shown
    assert "acme-ada" not in theirs and "acme-moveo" in theirs
    assert desk.slack.state.permalink(desk.card) in theirs
    assert f'{{\\\\\\"conversation\\\\\\": {support.id}}}' in json.dumps(shown)
    await desk.slack.settled()
    assert desk.slack.home_of("U0JO") is None


async def test_a_claim_on_the_home_shows_there(desk: Desk) -> None:
    desk.slack.open_home("U0MINA")
    await desk.until(lambda: home(desk), "Mina's Home")
    view = desk.slack.home_of("U0MINA")
    value = json.dumps({"conversation": desk.about.id})
    await desk.presses("U0MINA", "act-claim", view, value)
    await desk.noticed("Mina Park claimed the conversation.")
    await desk.until(lambda: "is with Mina Park" in home(desk), "it is shown")
    assert (await desk.stands()).control is Control.HUMAN


async def test_a_claim_on_the_home_that_came_too_late_is_told_in_the_thread(desk: Desk) -> None:
    desk.slack.open_home("U0MINA")
    await desk.until(lambda: home(desk), "Mina's Home")
    view = desk.slack.home_of("U0MINA")
    desk.writes("!claim", "U0JO")
    await desk.noticed("Jo claimed the conversation.")
    await desk.presses("U0MINA", "act-claim", view, json.dumps({"conversation": desk.about.id}))
    told = await desk.told("U0MINA", "Jo has this conversation, for")
    assert told.thread_ts == desk.card.ts
    await desk.until(lambda: "is with Jo" in home(desk), "it is shown")


async def test_the_home_is_shown_anew(desk: Desk) -> None:
    desk.slack.open_home("U0MINA")
    await desk.until(lambda: home(desk), "Mina's Home")
    await desk.meet("c2")
    await desk.presses("U0MINA", "home-refresh", desk.slack.home_of("U0MINA"))
    await desk.until(lambda: home(desk).count("act-claim") == 2, "both are shown")


async def test_a_home_is_shown_once_in_a_while_however_often_it_is_asked_for(desk: Desk) -> None:
    for _ in range(5):
        desk.homes.publish("U0MINA")
    await desk.until(lambda: home(desk), "Mina's Home")
    desk.homes.publish("U0MINA")
    await desk.until(lambda: desk.slack.calls.count("views.publish") == 2, "once more")
    assert desk.slack.calls.count("conversations.members") == 1
    assert desk.slack.calls.count("chat.getPermalink") == 1


async def test_a_home_says_what_it_cannot_show(desk: Desk) -> None:
    desk.slack.state.app.scopes.remove("channels:read")
    desk.slack.open_home("U0MINA")
    shown = await desk.until(lambda: home(desk), "Mina's Home")
    assert "Some channels are not shown here" in shown and "channels:read" in shown
    assert "act-claim" not in shown


async def test_a_home_that_slack_refuses_fails_nothing(desk: Desk) -> None:
    desk.slack.faults.next("views.publish", ok_error="internal_error")
    desk.slack.open_home("U0MINA")
    await desk.until(lambda: desk.slack.calls.count("views.publish") == 1, "it was tried")
    desk.slack.open_home("U0MINA")
    await desk.until(lambda: home(desk), "Mina's Home")
