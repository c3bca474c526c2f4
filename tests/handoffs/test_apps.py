"""What apps post, for a person or for themselves, never reaches a customer; the person hears so. And members
of the workspace who are at home in another one of the same Enterprise Grid answer and act as all do."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.slack.state import User
from bridge.sandbox.stage import Stage
from tests.bridge.events import envelope, reply, tell
from tests.bridge.scene import FAILED, SENT, Scene, counted, later, waiting
from tests.handoffs.ways import JO, MINA, aside, asides, on_the_card, state

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
INSTEAD = {'channel = "C0VIP"': 'channel = "C0VIP"\nguests_may_reply = true'}

TEXT = "Your parcel left today"
HELPER = {"bot_id": "B0HELPER", "app_id": "A0HELPER", "bot_profile": {"id": "B0HELPER", "name": "Helper"}}
STAYS_IN = "posted through an app, so it was not sent to the customer"


async def posted(scene: Scene, text: str = TEXT, **more: Any) -> None:
    """An event that Slack is answered for."""
    event = reply(scene, text, **more)
    answer = await tell(scene.stage, envelope(scene.stage, event, f"Ev{event['ts']}"))
    assert answer.status_code == 200, answer.text


async def carried(scene: Scene) -> float:
    return await counted(
        scene.stage, 'bridge_deliveries_total{direction="marks",kind="by_app",outcome="sent"}'
    )


# ── apps ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_what_a_person_posts_through_an_app_stays_in_and_they_hear_so(stage: Stage, name: str) -> None:
    scene = await waiting(stage, stage.ada if name == "ada" else stage.moveo)
    await posted(scene, **HELPER)
    heard = await scene.whispered(MINA, STAYS_IN, "write it in this thread yourself")
    assert heard.thread_ts == scene.card.ts
    assert asides(stage, JO) == []
    await scene.carried(TEXT)
    assert len(scene.sent) == 1 and scene.sent[0] != TEXT
    assert not [text for text in scene.texts if STAYS_IN in text]


async def test_a_word_through_an_app_does_nothing(stage: Stage) -> None:
    scene = await waiting(stage)
    told = len(asides(stage, MINA))
    await posted(scene, "!claim", **HELPER)
    await aside(scene, MINA, STAYS_IN, but=told)
    await scene.stands("waiting for a human")
    assert (state(scene), scene.sent) == ("handoff", [])


async def test_slack_may_send_it_twice(stage: Stage) -> None:
    scene = await waiting(stage)
    event = reply(scene, TEXT, **HELPER)
    for number in range(2):
        assert (await tell(stage, envelope(stage, event, f"Ev{number}{event['ts']}"))).status_code == 200
    await scene.whispered(MINA, STAYS_IN)
    await scene.carried()
    assert len(scene.whispers(MINA)) == 1


async def test_an_apps_own_message_is_nobodys(stage: Stage) -> None:
    """As apps post today: without the subtype of a bot's message, with the app's own user."""
    scene = await waiting(stage)
    stage.slack.state.users["U0DEPLOY"] = User("U0DEPLOY", "deploy", "Deploy", is_bot=True, bot_id="B0DEPLOY")
    before = await carried(scene)
    await posted(scene, user="U0DEPLOY", client_msg_id=None, bot_id="B0DEPLOY", app_id="A0DEPLOY")

    async def looked_into() -> bool:
        return await carried(scene) == before + 1

    await later(looked_into, "who posted it is asked for")
    assert asides(stage, "U0DEPLOY") == []
    await scene.carried()
    assert len(scene.sent) == 1


@pytest.mark.parametrize(
    ("user", "more"),
    [
        ("USLACKBOT", {}),  # users.info says that it is no bot
        ("U0REMINDER", {"is_bot": True}),
        ("U0WORKFLOW", {"is_workflow_bot": True}),
    ],
)
@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_what_no_person_wrote_is_not_sent(
    stage: Stage, name: str, user: str, more: dict[str, Any]
) -> None:
    """Nothing in the event says that it is an app's."""
    scene = await waiting(stage, stage.ada if name == "ada" else stage.moveo)
    stage.slack.state.users[user] = User(user, "slackbot", "Slackbot", **more)
    for text in ("Reminder: internal stuff", "!claim", "!resolve", "!clam it"):
        await posted(scene, text, user=user, client_msg_id=None)
    await scene.carried()
    assert len(scene.sent) == 1
    assert state(scene) == "handoff"
    await scene.stands("Mina Park has the conversation")
    assert not [text for text in scene.texts if user in text or "Slackbot" in text]


# ── Enterprise Grid ──────────────────────────────────────────────────────────────────────────────


def at_home_elsewhere(stage: Stage, id: str, *teams: str, **more: Any) -> str:
    """Somebody in #support and #support-leads whose own workspace is another one of the Grid."""
    grid = {"id": id, "enterprise_id": "E0ACME", "enterprise_name": "Acme", "teams": list(teams)}
    stage.slack.state.users[id] = User(
        id, id.lower(), f"Kim {id}", team_id="T0HOME", enterprise_user=grid, **more
    )
    for channel in ("C0SUPPORT", "C0VIP"):
        stage.slack.state.channels[channel].members.append(id)
    return id


async def test_a_member_from_another_workspace_of_the_grid_is_a_member(stage: Stage) -> None:
    kim = at_home_elsewhere(stage, "U0KIM", "T0SANDBOX", "T0HOME")
    scene = await waiting(stage)
    await on_the_card("act-claim")(scene, kim)
    await scene.stands("Kim U0KIM has the conversation")
    answer = scene.writes("Hello Lena", user=kim)
    await scene.marked(answer, SENT)
    scene.edits(answer, "Hello dear Lena")
    offer = await scene.told("changed here after it had gone out")
    await scene.presses(offer, "send_correction", kim)
    await scene.until(lambda: len(scene.sent) == 2, "the correction")
    scene.writes(f"!transfer <@{MINA}>", user=kim)
    await scene.stands("Mina Park has the conversation")
    scene.writes(f"!transfer <@{kim}>")
    await scene.stands("Kim U0KIM has the conversation")
    scene.writes("!resolve", user=kim)
    await scene.stands("closed")
    assert scene.sent == ["Hello Lena", "Correction:\nHello dear Lena"]


@pytest.mark.parametrize(
    ("id", "teams", "more"),
    [
        ("U0GRIDGUEST", ("T0SANDBOX",), {"is_restricted": True}),
        ("U0GRIDOTHER", ("T0HOME", "T0THIRD"), {}),
        ("U0GRIDAWAY", ("T0SANDBOX",), {"is_stranger": True}),
    ],
)
async def test_a_guest_or_a_stranger_of_the_grid_is_none(
    stage: Stage, id: str, teams: tuple[str, ...], more: dict[str, Any]
) -> None:
    user = at_home_elsewhere(stage, id, *teams, **more)
    scene = await waiting(stage)
    answer: Message = scene.writes("Hello Lena", user=user)
    await scene.marked(answer, FAILED)
    await on_the_card("act-claim")(scene, user)
    await aside(scene, user, "which was not done", "guests and people of other workspaces")
    assert scene.sent == []
    await scene.stands("waiting for a human")
