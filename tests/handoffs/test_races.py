"""Several want the same at the same moment: one gets it, the others are told who; also with two processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.sandbox.slack import Message, User
from bridge.sandbox.stage import Stage
from tests.bridge.scene import HELD, SENT, Scene, waiting
from tests.crash.books import until
from tests.handoffs.ways import (
    ALERTS,
    JO,
    MINA,
    Way,
    alerted,
    aside,
    asides,
    in_channel,
    in_the_menu,
    named,
    offered_on_home,
    on_the_alert,
    on_the_card,
    on_the_channels_alert,
    state,
    word,
    word_below_the_alert,
)
from tests.postgres import Postgres
from tests.stores import migrate

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
MORE = {f"U0{number}": f"Agent {number}" for number in range(3, 9)}
EVERYBODY = {MINA: "Mina Park", JO: "Jo", **MORE}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """With eight people; on Postgres a second process carries as well."""
    postgres: Postgres | None = None
    url = None
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        url = postgres.create_database()
    folder = tmp_path_factory.mktemp("races")
    async with Stage(folder, channel_rate=0, database_url=url, route=ROUTE) as stage:
        for id, name in MORE.items():
            stage.slack.state.users[id] = User(id, name.lower(), name)
            for channel in ("C0SUPPORT", "C0VIP", ALERTS):
                stage.slack.state.channels[channel].members.append(id)
        if url is not None and postgres is not None:
            await migrate(url)
            await stage.serve()
            await stage.spawn("work")
            of_both = ("SELECT count(*) FROM worker", url.rpartition("/")[2])
            await until(lambda: postgres.sql(*of_both).strip() == "2", 30, "two workers")
        else:
            await stage.serve()
        yield stage
    if url is not None and postgres is not None:
        postgres.drop_database(url)


async def owner(scene: Scene) -> str:
    """Who has the conversation, as the card says it."""
    await scene.stands(" has the conversation since")
    (found,) = [user for user, name in EVERYBODY.items() if f": {name} has the" in scene.card.text]
    return found


async def one_of(scene: Scene, *users: str) -> str:
    """Wait until one of `users` has it and the others were told so, in all places and once."""
    has = await owner(scene)
    name = EVERYBODY[has]
    for user in users:
        if user != has:
            await aside(scene, user, f"{name} has this conversation")
    await scene.tells(f"{name} claimed the conversation.")
    await alerted(scene, f"is talking with {name}", f"Claimed: by {name} after")
    assert sum("claimed the conversation" in text for text in scene.texts) == 1
    assert await owner(scene) == has
    return has


PAIRS: dict[str, tuple[Way, Way]] = {
    "both alerts": (on_the_alert("act-claim"), on_the_channels_alert("act-claim")),
    "the same button": (on_the_card("act-claim"), on_the_card("act-claim")),
    "word and button": (word("!claim"), on_the_channels_alert("act-claim")),
    "menu and word below the alert": (in_the_menu("claim"), word_below_the_alert("!claim")),
}


@pytest.mark.parametrize("pair", list(PAIRS.values()), ids=list(PAIRS))
@pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])
async def test_two_claim(stage: Stage, name: str, pair: tuple[Way, Way]) -> None:
    scene = await waiting(stage, named(stage, name))
    await alerted(scene, "waits for a human")
    await scene.stands("waiting for a human")
    before = {user: len(asides(stage, user)) for user in (MINA, JO)}
    await asyncio.gather(pair[0](scene, MINA), pair[1](scene, JO))
    has = await one_of(scene, MINA, JO)
    told = {user: len(asides(stage, user)) - before[user] for user in (MINA, JO)}
    assert told == {has: 0, (JO if has == MINA else MINA): 1}
    assert (state(scene), scene.sent) == ("handoff", [])


@pytest.mark.parametrize("round", range(3))
async def test_eight_claim_each_in_another_way(stage: Stage, round: int) -> None:
    scene = await waiting(stage)
    await alerted(scene, "waits for a human")
    await scene.stands("waiting for a human")
    users = [*list(EVERYBODY)[round:], *list(EVERYBODY)[:round]]
    view, value = await offered_on_home(scene, users[0])

    async def on_the_home(scene: Scene, user: str) -> None:
        assert (await stage.slack.press(user, view, "act-claim", value)).ok

    ways: list[Way] = [
        on_the_home,
        on_the_card("act-claim"),
        on_the_alert("act-claim"),
        on_the_channels_alert("act-claim"),
        word("!claim"),
        word_below_the_alert("!claim"),
        in_the_menu("claim"),
        in_the_menu("claim", lambda scene: in_channel(scene)[0]),
    ]
    await asyncio.gather(*(way(scene, user) for way, user in zip(ways, users, strict=True)))
    await one_of(scene, *users)


@pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"] * 2)
async def test_one_replies_and_one_claims(stage: Stage, name: str) -> None:
    """The reply counts as a claim, or it is held: it does not go out beside somebody else's claim."""
    scene = await waiting(stage, named(stage, name))
    await alerted(scene, "waits for a human")
    await scene.stands("waiting for a human")
    replies: list[Message] = []

    async def reply() -> None:
        replies.append(scene.writes("Hello, I am Mina"))

    await asyncio.gather(on_the_card("act-claim")(scene, JO), reply())
    has = await owner(scene)
    if has == MINA:
        await scene.marked(replies[0], SENT)
        await aside(scene, JO, "Mina Park has this conversation")
    else:
        await scene.marked(replies[0], HELD)
        await scene.whispered(MINA, "Jo has the conversation: this reply was not sent.")
    assert scene.sent == (["Hello, I am Mina"] if has == MINA else [])
    await alerted(scene, f"is talking with {EVERYBODY[has]}")


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_several_reply(stage: Stage, name: str) -> None:
    """One of them has it then; the others are asked."""
    scene = await waiting(stage, named(stage, name))
    said = {user: scene.writes(f"Hello, I am {who}", user) for user, who in list(EVERYBODY.items())[:4]}
    has = await owner(scene)
    for user, message in said.items():
        await scene.marked(message, SENT if user == has else HELD)
        if user != has:
            await scene.whispered(user, f"{EVERYBODY[has]} has the conversation")
    assert scene.sent == [f"Hello, I am {EVERYBODY[has]}"]


async def test_one_claims_while_another_resolves(stage: Stage) -> None:
    scene = await waiting(stage)
    await alerted(scene, "waits for a human")
    await scene.stands("waiting for a human")
    before = len(asides(stage, MINA))
    await asyncio.gather(on_the_card("act-claim")(scene, MINA), word("!resolve")(scene, JO))
    await scene.tells("Jo resolved the conversation.")
    await scene.stands("closed")
    await alerted(scene, "the conversation ended", "by Jo after")

    def became() -> tuple[bool, bool]:
        """Whether Mina's claim was done, and whether it was refused."""
        return any("Mina Park claimed" in text for text in scene.texts), len(asides(stage, MINA)) > before

    await scene.until(lambda: any(became()), "Mina's claim done, or refused")
    assert not all(became())
    assert state(scene) == "ended"


async def test_a_claim_and_a_release_and_a_transfer_leave_one_owner_or_nobody(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.stands("waiting for a human")  # its card has the button by then
    await on_the_card("act-claim")(scene, MINA)
    await alerted(scene, "Claimed: by Mina Park")
    await asyncio.gather(
        word("!release")(scene, MINA), word(f"!transfer <@{JO}>")(scene, "U03"), word("!claim")(scene, "U04")
    )
    scene.writes("!who", user="U05")
    told = (await aside(scene, "U05", " for ")).text
    if told.startswith("The customer waits"):
        await alerted(scene, "waits for a human", "Released: by Mina Park")
        await scene.stands("waiting for a human")
    else:
        name = told.partition(" has this conversation")[0]
        await alerted(scene, f"is talking with {name}")
        await scene.stands(f"{name} has the conversation")
