"""People in Slack who are no agents, and requests of theirs that no button of ours made.

Who may act, and that guests and others may not, by every way there is, stands in
tests/handoffs/test_who_may.py; what is no request of Slack's in tests/bridge/test_requests.py.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bridge.sandbox.stage import Stage
from tests.bridge.events import envelope, interact, tell
from tests.bridge.scene import Scene, waiting
from tests.handoffs.test_who_may import NO_GUESTS, NO_MEMBER, press, untouched
from tests.handoffs.ways import ALERTS, GUEST, LEE, MINA, alert, aside
from tests.media.web import Web, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'


async def number_of(scene: Scene) -> int:
    """The conversation's, as the card's buttons say it once they are there."""

    def values() -> list[str]:
        return [one["value"] for one in scene.card.blocks[-1].get("elements", ()) if "value" in one]

    await scene.stands("waiting for a human")
    await scene.until(values, "the card's buttons")
    return int(json.loads(values()[0])["conversation"])


def modal(user: str, about: dict[str, Any], **more: Any) -> dict[str, Any]:
    view = {
        "id": f"V-{user}-{about['conversation']}",
        "type": "modal",
        "callback_id": "act",
        "app_installed_team_id": "T0SANDBOX",
        "private_metadata": json.dumps(about),
        "state": {"values": {"colleague": {"colleague": {"selected_user": LEE}}}},
    }
    return {
        "type": "view_submission",
        "team": {"id": "T0SANDBOX"},
        "user": {"id": user},
        "view": view,
        **more,
    }


@pytest.mark.parametrize(
    ("user", "why"), [(LEE, NO_MEMBER), (GUEST, NO_GUESTS)], ids=["not in the channel", "a guest"]
)
@pytest.mark.parametrize("act", ["claim", "resolve", "transfer", "hand_back"])
async def test_a_modal_about_another_conversation(stage: Stage, user: str, why: str, act: str) -> None:
    """Whatever conversation it says it is about: who sends it has to be one who may."""
    scene = await waiting(stage)
    await alert(scene, "waits for a human")
    about = {"act": act, "conversation": await number_of(scene)}
    about["channel"] = ALERTS if user == LEE else scene.card.channel  # where they can be told
    assert (await interact(stage, modal(user, about))).status_code == 200
    await aside(scene, user, "which was not done", why)
    await untouched(scene)


@pytest.mark.parametrize("where", ["C0VIP", "C0HANDOFFS"])
async def test_a_button_that_was_carried_to_another_channel(stage: Stage, where: str) -> None:
    """As by a message that was forwarded: it still wants somebody of the conversation's own channel."""
    scene = await waiting(stage)
    value = {"conversation": await number_of(scene)}
    await interact(stage, press(scene, "act-claim", value, LEE, channel={"id": where}))
    without = press(scene, "act-claim", None, LEE, channel={"id": where})
    await interact(stage, without)
    await untouched(scene)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"team": {"id": "T0OTHER"}},
        {"team": {"id": ""}},
        {"team": {"id": ["T0SANDBOX"]}},
        {"view": {"app_installed_team_id": "T0OTHER"}},
    ],
    ids=str,
)
async def test_another_workspaces_presses(stage: Stage, elsewhere: dict[str, Any]) -> None:
    scene = await waiting(stage)
    answer = await interact(
        stage, press(scene, "act-claim", {"conversation": await number_of(scene)}) | elsewhere
    )
    assert answer.status_code == 200
    await untouched(scene)


async def test_another_workspaces_words(stage: Stage) -> None:
    scene = await waiting(stage)
    event = {
        "type": "message",
        "channel": scene.card.channel,
        "user": MINA,
        "text": "!claim",
        "ts": stage.slack.state.next_ts(),
        "thread_ts": scene.card.ts,
    }
    for number, team in enumerate(("T0OTHER", "", None, ["T0SANDBOX"])):
        answer = await tell(stage, envelope(stage, event, f"Ev-elsewhere-{number}", team_id=team))
        assert answer.status_code == 200
    await untouched(scene)


# ── where an answer goes ─────────────────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(loop_scope="module")
async def inner() -> AsyncIterator[Web]:
    """A machine in the bridge's own network."""
    async with serving() as web:
        web.has("/f", b"ok", content_type="text/plain")
        yield web


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/f",
        "https://127.0.0.1:{port}/f",
        "http://hooks.slack.com@127.0.0.1:{port}/f",
        "http://127.0.0.1:{port}/hooks.slack.com",
        "https://hooks.slack.com.evil.example:{port}/f",
        "http://hooks.slack.com:{port}/f",
        "file:///etc/passwd",
        "//127.0.0.1:{port}/f",
        "http://[::1",
    ],
)
async def test_what_is_told_goes_to_slack_alone(stage: Stage, inner: Web, address: str) -> None:
    scene = await waiting(stage)
    there = address.format(port=inner.port)
    payload = press(scene, "act-claim", {"conversation": 10**6}, MINA, response_url=there)
    assert (await interact(stage, payload)).status_code == 200  # told by then: that it knows of none
    assert inner.requests == []
