"""How long a typing status is kept up, in seconds that a test has: its constants are turned down."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.sandbox.stage import Stage
from bridge.slack import typing
from tests.bridge.running import in_process
from tests.bridge.scene import PATIENCE
from tests.crash.books import until


async def test_typing_is_told_again_while_it_lasts_and_is_cleared_without_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typing, "AGAIN", 0.2)
    monkeypatch.setattr(typing, "LASTS", 3.0)
    async with Stage(tmp_path, channel_rate=0) as stage, in_process(stage):
        customer = stage.moveo.open("Lasting Lea")
        stage.moveo.say(customer.id, "I want a human")
        vip = stage.slack.state.channel("C0VIP")
        await until(
            lambda: any("waits for" in one.text for one in vip.messages.values()), PATIENCE, "the alert"
        )
        (card,) = [one for one in vip.messages.values() if not one.is_reply]
        await until(
            lambda: stage.slack.state.status("C0VIP", card.ts) is None, PATIENCE, "the bot's own typing gone"
        )

        stage.moveo.send_sample("message:compose", customer.id)  # and no stop comes

        def told() -> list[str]:
            """What was told from her first status on: the AI agent's own may still be on its way."""
            calls = [call.args for call in stage.slack.calls.of("assistant.threads.setStatus")]
            hers = [one.get("username") == "Sarah Johnson (agent)" for one in calls]
            return [one["status"] for one in calls[hers.index(True) :]] if any(hers) else []

        await until(lambda: "" in told(), PATIENCE, "the status cleared by itself")
        assert told().count("is typing…") >= 2
        assert told()[-1] == ""
        assert stage.slack.state.status("C0VIP", card.ts) is None
