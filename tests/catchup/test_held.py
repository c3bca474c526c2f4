"""A reply that nobody took when it was written is held as any other, where the conversation has moved on."""

from __future__ import annotations

from bridge.sandbox.stage import Stage
from tests.bridge.running import in_process
from tests.bridge.scene import HELD, SENT, buttons, opened, waiting
from tests.catchup.absence import LATE, absence, lines

ROUTE = 'reply_mode = "confirm"'


async def test_it_waits_for_its_author_and_is_late_once_it_goes_out(stage: Stage) -> None:
    async with in_process(stage):
        taken, talks = await waiting(stage), await opened(stage, stage.moveo, "Tom")
        taken.writes("!claim", user="U0JO")
        await taken.stands("Jo")
    async with absence(stage):
        by_another, to_the_bot = taken.writes("one"), talks.writes("two")
        owner = taken.writes("three", user="U0JO")
    async with in_process(stage):
        await taken.marked(by_another, HELD)
        await taken.marked(owner, SENT)
        await talks.marked(to_the_bot, HELD)
        assert (taken.sent, talks.sent) == (["three"], [])
        await taken.tells(LATE)
        assert (len(lines(taken, LATE)), len(lines(talks, LATE))) == (1, 0)

        question = await talks.whispered("U0MINA", "not sent", "two")
        await talks.presses(question, "held-once")
        await talks.marked(to_the_bot, SENT)
        assert talks.sent == ["two"]
        await talks.tells(LATE)
        assert "held-take_over" in buttons(await taken.whispered("U0MINA", "not sent", "one"))


async def test_who_wrote_to_a_conversation_that_is_closed_by_now_is_asked(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage, stage.gptbots)
        scene.writes("!claim")
        await scene.stands("Mina")
    async with absence(stage):
        reply = scene.writes("one")
        scene.writes("!resolve", user="U0JO")
    async with in_process(stage):
        await scene.marked(reply, SENT)  # it came before
        await scene.stands("closed")
    async with absence(stage):
        reply = scene.writes("two")
    async with in_process(stage):
        await scene.marked(reply, HELD)
        await scene.whispered("U0MINA", "not sent", "two")
        assert scene.sent == ["one"]
