"""Acts between people in Slack: one of several gets what they want, and everybody hears what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.compose import WORDS
from bridge.engine.work import Owner
from bridge.model import Control, ConversationEnded, HandoffEnded
from tests.slack.desk import ALERTS, Desk, at_desk

MINA, JO = Owner("Mina Park", "U0MINA"), Owner("Jo", "U0JO")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_desk(tmp_path) as one:
        yield one


async def ends(desk: Desk, kind: type[HandoffEnded] | type[ConversationEnded]) -> None:
    await desk.hears(kind(id="end", conversation=desk.about.key, at=datetime.now(UTC)))


async def test_of_two_who_claim_at_once_one_gets_it_and_the_other_hears_who(desk: Desk) -> None:
    await asyncio.gather(desk.presses("U0MINA", "act-claim"), desk.presses("U0JO", "act-claim"))
    await desk.until(lambda: desk.notices and (desk.whispers("U0MINA") or desk.whispers("U0JO")), "both")
    stands = await desk.stands()
    assert stands.control is Control.HUMAN
    winner, loser = (MINA, JO) if stands.owner == MINA else (JO, MINA)
    assert stands.owner == winner
    await desk.told(str(loser.id), f"{winner.name} has this conversation, for")
    assert desk.notices == [f"{winner.name} claimed the conversation."]
    assert desk.whispers(str(winner.id)) == []


async def test_in_words_in_the_thread(desk: Desk) -> None:
    desk.writes("!claim")
    await desk.noticed("Mina Park claimed the conversation.")
    desk.writes("!claim")
    await desk.told("U0MINA", "You have it already.")
    desk.writes("!release", "U0JO")
    await desk.noticed("Jo released the conversation: the customer waits again.")
    desk.writes("!release")
    await desk.told("U0MINA", "Nobody has it: claim it first.")
    assert (await desk.stands()).owner is None
    assert desk.carried("reply") == []


async def test_what_one_person_cannot_be_shown_is_for_nobody_else(desk: Desk) -> None:
    desk.writes("!claim")
    await desk.noticed("Mina Park claimed the conversation.")
    desk.slack.faults.next("chat.postEphemeral", ok_error="user_not_in_channel")
    desk.writes("!claim")
    desk.writes("!who")
    await desk.told("U0MINA", "Mina Park has this conversation")
    desk.slack.faults.next("chat.postEphemeral", ok_error="made_up_today")
    desk.writes("!claim")
    await desk.noticed(
        "A message to one person could not be shown to them (You have it already.): Slack refused it"
    )
    assert len(desk.notices) == 2
    assert not [text for text in desk.notices if "user_not_in_channel" in text or "made_up_today" in text]


async def test_whoever_gets_it_is_told(desk: Desk) -> None:
    desk.writes("!transfer <@U0JO>")
    await desk.noticed("Mina Park gave the conversation to Jo.")
    told = await desk.told("U0JO", "Mina Park gave you this conversation")
    assert told.thread_ts == desk.card.ts
    assert (await desk.stands()).owner == JO
    desk.writes("!transfer <@U0JO>")
    await desk.told("U0MINA", "Jo has it already.")
    desk.writes("!transfer <@U0JO>", "U0JO")
    await desk.told("U0JO", "You have it already.")


async def test_to_take_it_oneself_needs_no_telling(desk: Desk) -> None:
    desk.writes("!transfer <@U0JO>")
    await desk.noticed("Mina Park gave the conversation to Jo.")
    desk.writes("!transfer <@U0MINA>")
    await desk.noticed("Mina Park gave the conversation to Mina Park.")
    desk.writes("!who")
    await desk.told("U0MINA", "Mina Park has this conversation, for")
    assert len(desk.whispers("U0MINA")) == 1


@pytest.mark.parametrize(
    ("source", "kind", "stands", "first"),
    [
        ("acme-moveo", HandoffEnded, "The AI agent has this", "Take it over first: !takeover."),
        ("acme-ada", HandoffEnded, "The AI agent has this", "Ada hands a conversation over only in its own"),
        ("acme-moveo", ConversationEnded, "This conversation is closed", "Reopen it first: !reopen."),
        (
            "acme-gptbots",
            ConversationEnded,
            "This conversation is closed",
            "GPTBots has no call that reopens",
        ),
    ],
)
async def test_what_has_to_come_first(
    tmp_path: Path,
    source: str,
    kind: type[HandoffEnded] | type[ConversationEnded],
    stands: str,
    first: str,
) -> None:
    async with at_desk(tmp_path, source=source) as desk:
        await ends(desk, kind)
        desk.writes("!claim")
        await desk.told("U0MINA", stands, first)
        assert desk.notices == []


async def test_who_has_it_and_what_can_be_said(desk: Desk) -> None:
    desk.writes("!who")
    await desk.told("U0MINA", "The customer waits: nobody has this conversation, for")
    desk.writes("!help", "U0JO")
    told = await desk.told("U0JO", "goes to no customer")
    assert [line.partition(":")[0] for line in told.text.splitlines()[1:]] == [f"!{word}" for word in WORDS]


async def test_below_an_alert(desk: Desk) -> None:
    alert = await desk.alert()
    desk.writes("!who", "U0JO", alert)
    told = await desk.told("U0JO", "nobody has this conversation", channel=ALERTS)
    assert told.thread_ts == alert.ts
    desk.writes("!claim", "U0LEE", alert)
    await desk.told("U0LEE", "You wanted to claim", "only members of #support", channel=ALERTS)
    await desk.presses("U0JO", "act-claim", alert)
    await desk.noticed("Jo claimed the conversation.")
    desk.writes("and now?", "U0JO", alert)
    await desk.slack.settled()
    assert desk.carried("reply") == []


async def test_what_cannot_be_asked_now_is_told_once_and_done_later(desk: Desk) -> None:
    for _ in range(2):
        desk.slack.faults.next("users.info", status=503)
    desk.writes("!claim")
    await desk.noticed("Mina Park claimed the conversation.")
    await desk.told("U0MINA", "not done yet")
    (told,) = desk.whispers("U0MINA")
    assert told.text == "You wanted to claim, which is not done yet: Slack answers 503. It is tried again."


async def test_what_is_done_at_the_second_try_is_told_as_if_at_the_first(desk: Desk) -> None:
    desk.slack.faults.next("users.info", status=503)
    desk.writes("!claim")
    await desk.noticed("Mina Park claimed the conversation.")
    assert desk.whispers("U0MINA") == []


async def test_what_is_refused_is_told(desk: Desk) -> None:
    desk.writes("!claim", "U0GUEST")
    await desk.told("U0GUEST", "You wanted to claim, which was not done: guests")
    desk.writes("!transfer <@U0LEE>")
    await desk.told("U0MINA", "“Lee” is not in #support. Invite them to #support first")
    assert (await desk.stands()).control is Control.WAITING
