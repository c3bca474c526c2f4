"""Slack's pace of one message a second for each channel: kept to by itself, and taken from Slack's word."""

from __future__ import annotations

from pathlib import Path

from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene, opened, waiting

BURST = [str(number) for number in range(10)]


def said_of(scene: Scene) -> list[str]:
    """The numbers that the customer said, in the order they are read."""
    said = [message.text for message in scene.thread if message.username]  # not the alert, which quotes them
    return [word for text in said for word in text.split() if word in BURST]


async def test_a_burst_of_twenty_messages_provokes_no_429(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=1.0) as stage:
        await stage.serve()
        posts = lambda: stage.slack.calls.of("chat.postMessage")
        lena, tom = await waiting(stage), await waiting(stage, name="Tom")
        lena.says(*BURST[:5])
        tom.says(*BURST[5:])
        elsewhere = await opened(stage, stage.moveo, "Kim")  # another channel does not wait for this one
        assert BURST[4] not in lena.texts
        await lena.until(lambda: said_of(lena) == BURST[:5], "all that Lena said, once and in order", 40)
        await tom.until(lambda: said_of(tom) == BURST[5:], "all that Tom said, once and in order", 40)
        assert len(posts()) < 22  # what gathered while it waited is one message
        assert elsewhere.card.channel != lena.card.channel
        assert [call for call in stage.slack.calls.recent if call.error == "429"] == []


async def test_a_429_all_the_same_slows_the_whole_channel_down(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=20.0) as stage:
        await stage.serve()
        lena, tom = await waiting(stage), await waiting(stage, name="Tom")
        before = len(stage.slack.calls.of("chat.postMessage"))
        lena.fault(status=429, retry_after=2)
        lena.says(*BURST[:5])
        await lena.until(lambda: len(stage.slack.calls.of("chat.postMessage")) > before, "the 429")
        tom.says(*BURST[5:])
        await lena.until(lambda: said_of(lena) == BURST[:5], "all that Lena said, once and in order")
        await tom.until(lambda: said_of(tom) == BURST[5:], "all that Tom said, once and in order")
        refused, *rest = stage.slack.calls.of("chat.postMessage")[before:]
        assert refused.error == "429"
        assert min(call.at for call in rest) >= refused.at + 2
        assert {call.error for call in rest} == {None}
