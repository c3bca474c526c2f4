"""/readyz of a bridge that runs: what stops all of it says so, one channel or vendor does not."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import FAILED, counted, later, opened, ready, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

LONG = 60.0


async def is_ready(stage: Stage) -> bool:
    return (await ready(stage))[0] == 200


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive"])
async def test_a_token_that_is_not_taken_any_more(stage: Stage, code: str) -> None:
    scene = await opened(stage)
    assert await ready(stage) == (200, {})
    stage.slack.faults.token_error = code
    scene.says("Is anybody there?")

    async def is_told() -> bool:
        status, missing = await ready(stage)
        return status == 503 and code in missing["slack"] and "SLACK_BOT_TOKEN" in missing["slack"]

    await later(is_told, "a bridge that says so", LONG)
    assert list((await ready(stage))[1]) == ["slack"]
    stage.slack.faults.clear()
    await later(lambda: is_ready(stage), "a bridge that is ready again", LONG)
    await scene.shows("Is anybody there?")
    assert await ready(stage) == (200, {})


async def test_it_is_ready_again_though_nobody_writes(stage: Stage) -> None:
    """Slack is asked until it takes the token, and not only once there is something to send."""
    scene = await opened(stage)
    stage.slack.faults.token_error = "token_revoked"
    scene.says("Is anybody there?")

    async def is_told() -> bool:
        return (await ready(stage))[0] == 503

    await later(is_told, "a bridge that says so", LONG)
    stage.slack.faults.clear()
    stage.slack.faults.next("chat.postMessage", status=503, times=1000)
    try:
        await later(lambda: is_ready(stage), "a bridge that is ready again", LONG)
    finally:
        stage.slack.faults.clear()
    await scene.shows("Is anybody there?")


async def _is_ready(stage: Stage) -> bool:
    return (await ready(stage))[0] == 200


async def test_what_is_wrong_at_one_place_only(stage: Stage) -> None:
    """A channel, one call, a vendor: the rest goes on, and so it is ready all the time."""
    scene = await waiting(stage)
    refused = 'bridge_slack_calls_total{method="chat.postMessage",outcome="invalid_auth"}'
    before, asked = await counted(stage, refused), len(stage.slack.calls.of("auth.test"))
    scene.fault(ok_error="invalid_auth", times=2)
    scene.fault(ok_error="not_in_channel", times=2)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", status=401)
    scene.says("Is anybody there?")
    reply = scene.writes("Yes")
    told = []

    async def is_through() -> bool:
        told.append(await ready(stage))
        return "Is anybody there?" in scene.texts and FAILED in reply.reactions

    await later(is_through, "both on their way", LONG)
    assert set(map(str, told)) == {"(200, {})"}
    assert len(stage.slack.calls.of("auth.test")) > asked  # Slack was asked whether it is the token
    assert await counted(stage, refused) == before + 2
