"""The App Home: who waits and who is with a human, of the channels that one is in, and to claim there."""

from __future__ import annotations

import pytest

from bridge.sandbox.slack import User, View
from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene, later, waiting
from tests.handoffs.ways import (
    GUEST,
    JO,
    LEE,
    MINA,
    alerted,
    aside,
    home,
    offered_on_home,
    on_the_card,
    row_of,
    said_in,
    shown_anew,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'


async def shows(scene: Scene, user: str, *words: str) -> str:
    """Look at the Home until it says all of `words` of the conversation; what it says."""
    found = ""

    async def said() -> bool:
        nonlocal found
        found, _ = row_of(await home(scene.stage, user), scene)
        return bool(found) and all(word in found for word in words)

    await later(said, f"{words} on the Home of {user}: {found}")
    return found


def order(view: View, *scenes: Scene) -> list[int]:
    """The numbers of the scenes in the order in which the view shows them."""
    where = {number: row_of(view, scene)[0] for number, scene in enumerate(scenes)}
    rows = said_in(view)
    return sorted((number for number, row in where.items() if row), key=lambda one: rows.index(where[one]))


async def test_the_oldest_wait_comes_first_across_channels_and_vendors(stage: Stage) -> None:
    first = await waiting(stage, stage.moveo, "Ann")
    second = await waiting(stage, stage.ada, "Ben")
    third = await waiting(stage, stage.gptbots, "Cem")
    fourth = await waiting(stage, stage.ada, "Dee")
    view = await home(stage, MINA)
    assert order(view, fourth, third, second, first) == [3, 2, 1, 0]
    for scene, channel in ((first, "C0VIP"), (second, "C0SUPPORT"), (third, "C0SUPPORT")):
        row, button = row_of(view, scene)
        assert "has waited" in row
        assert f'"channel_id": "{channel}"' in row
        assert f"acme-{scene.vendor.name}" in row
        assert button is not None
        assert button["action_id"] == "act-claim"
    assert "Ben" in row_of(view, second)[0]
    assert "I want a human" in row_of(view, second)[0]


async def test_who_is_with_a_human_comes_after_who_waits(stage: Stage) -> None:
    claimed, left = await waiting(stage, name="Eva"), await waiting(stage, name="Fay")
    claimed.writes("!claim", user=JO)
    await claimed.stands("Jo has")
    view = await home(stage, MINA)
    assert order(view, claimed, left) == [1, 0]
    row, button = row_of(view, claimed)
    assert "is with Jo since" in row
    assert button is None
    titles = [block["text"]["text"] for block in view.body["blocks"] if block["type"] == "header"]
    assert titles == ["Waiting for a human", "With a human"]


async def test_released_it_waits_again_behind_those_who_waited_longer(stage: Stage) -> None:
    first, second = await waiting(stage, name="Gus"), await waiting(stage, name="Hal")
    first.writes("!claim")
    await first.stands("Mina Park has")
    first.writes("!release")
    await first.stands("waiting for a human")
    view = await home(stage, MINA)
    assert order(view, first, second) == [1, 0]
    assert "again, and first asked" in row_of(view, first)[0]


async def test_what_is_over_is_not_there(stage: Stage) -> None:
    resolved, back = await waiting(stage, name="Ida"), await waiting(stage, name="Jan")
    resolved.writes("!resolve")
    back.writes("!bot")
    await resolved.stands("closed")
    await back.stands("the AI agent has")
    view = await home(stage, MINA)
    assert order(view, resolved, back) == []


async def test_held_replies_are_counted(stage: Stage) -> None:
    scene = await waiting(stage, name="Kim")
    scene.writes("!claim", user=JO)
    await scene.stands("Jo has")
    await scene.held("I have it too")
    assert "1 reply held" in await shows(scene, MINA)
    _, question = await scene.held("and this")
    assert "2 replies held" in await shows(scene, MINA)
    await scene.presses(question, "held-note")
    await shows(scene, MINA, "1 reply held")
    assert "held" not in await shows(await waiting(stage, name="Liv"), MINA)


async def test_only_of_the_channels_that_one_is_in(stage: Stage) -> None:
    support, vip = await waiting(stage, name="Max"), await waiting(stage, stage.moveo, "Nia")
    assert order(await home(stage, LEE), support, vip) == [1]
    assert order(await home(stage, JO), support, vip) == [0, 1]
    stage.slack.state.users["U0NEW"] = User("U0NEW", "new", "Somebody New")
    view = await home(stage, "U0NEW")
    assert order(view, support, vip) == []
    assert "Nobody is waiting for a human, and nobody is with one. All is well." in str(said_in(view))
    assert [one["action_id"] for one in view.body["blocks"][1]["elements"]] == ["home-refresh"]


async def test_who_joins_a_channel_sees_what_waits_there(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo, "Ola")
    stage.slack.state.users["U0LATE"] = User("U0LATE", "late", "Late Comer")
    assert order(await home(stage, "U0LATE"), scene) == []
    stage.slack.state.channels["C0VIP"].members.append("U0LATE")
    await shows(scene, "U0LATE", "has waited")


async def test_a_claim_changes_the_home(stage: Stage) -> None:
    scene = await waiting(stage, name="Pia")
    view, value = await offered_on_home(scene, MINA)
    assert (await stage.slack.press(MINA, view, "act-claim", value)).ok
    await scene.stands("Mina Park has the conversation")
    await alerted(scene, "Claimed: by Mina Park")
    gone = lambda: "is with Mina Park since" in row_of(view_of(stage, MINA), scene)[0]
    await scene.until(gone, "the Home that says so, of itself")
    assert row_of(view_of(stage, MINA), scene)[1] is None


def view_of(stage: Stage, user: str) -> View:
    view = stage.slack.home_of(user)
    assert view is not None
    return view


async def test_a_claim_that_came_too_late_is_told_in_the_thread_and_changes_the_home(stage: Stage) -> None:
    scene = await waiting(stage, name="Quy")
    view, value = await offered_on_home(scene, JO)
    await scene.stands("waiting for a human")
    await on_the_card("act-claim")(scene, MINA)
    await scene.stands("Mina Park has")
    assert (await stage.slack.press(JO, view, "act-claim", value)).ok  # as old as the last look
    told = await aside(scene, JO, "Mina Park has this conversation")
    assert told.thread_ts == scene.card.ts
    await scene.until(lambda: "is with Mina Park" in row_of(view_of(stage, JO), scene)[0], "the Home")


async def test_a_guest_is_told_why_not(stage: Stage) -> None:
    scene = await waiting(stage, name="Rob")
    view, value = await offered_on_home(scene, GUEST)
    assert (await stage.slack.press(GUEST, view, "act-claim", value)).ok
    await aside(
        scene, GUEST, "You wanted to claim, which was not done", "guests and people of other workspaces"
    )
    await scene.stands("waiting for a human")


async def test_refresh(stage: Stage) -> None:
    view = await home(stage, MINA)
    was = view.hash
    scene = await waiting(stage, name="Sue")
    assert order(view_of(stage, MINA), scene) == []
    assert (await stage.slack.press(MINA, view, "home-refresh")).ok
    assert order(await shown_anew(stage, MINA, was), scene) == [0]


async def test_pressed_again_and_again_it_is_shown_once_in_a_while(stage: Stage) -> None:
    view = await home(stage, MINA)
    before = stage.slack.calls.counts["views.publish"]
    for _ in range(10):
        assert (await stage.slack.press(MINA, view, "home-refresh")).ok
    scene = await waiting(stage, name="Tia")
    await shows(scene, MINA, "has waited")
    assert stage.slack.calls.counts["views.publish"] - before < 10


async def test_the_other_tab_shows_nothing(stage: Stage) -> None:
    stage.slack.state.users["U0OTHER"] = User("U0OTHER", "other", "Other")
    stage.slack.open_home("U0OTHER", tab="messages")
    await stage.slack.settled()
    await home(stage, MINA)
    assert stage.slack.home_of("U0OTHER") is None


async def test_a_slack_that_fails_shows_it_the_next_time(stage: Stage) -> None:
    scene = await waiting(stage, name="Uli")
    fault = stage.slack.faults.next("views.publish", status=503)
    stage.slack.open_home(JO)
    await scene.until(lambda: fault.met, "the failure")  # or both were one view
    await shows(scene, JO, "has waited")
