"""Slack's pace of one message a second for each channel: kept to by itself, and taken from Slack's word."""

from __future__ import annotations

from pathlib import Path

from bridge.sandbox.stage import Stage
from tests.bridge.scene import opened, waiting

BURST = [str(number) for number in range(10)]


async def test_a_burst_of_twenty_messages_provokes_no_429(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=1.0) as stage:
        await stage.serve()
        posts = lambda: stage.slack.calls.of("chat.postMessage")
        lena, tom = await waiting(stage), await waiting(stage, name="Tom")
        lena.says(*BURST[:5])
        tom.says(*BURST[5:])
        elsewhere = await opened(stage, stage.moveo, "Kim")  # another channel does not wait for this one
        assert BURST[4] not in lena.texts
        await lena.until(lambda: len(posts()) >= 22, "twenty messages, and two in the other channel", 40)
        await lena.shows(*BURST[:5])
        await tom.shows(*BURST[5:])
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
        await lena.shows(*BURST[:5])
        await tom.shows(*BURST[5:])
        refused, *rest = stage.slack.calls.of("chat.postMessage")[before:]
        assert refused.error == "429"
        assert min(call.at for call in rest) >= refused.at + 2
        assert {call.error for call in rest} == {None}
