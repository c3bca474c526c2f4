"""What is carried in two workspaces: each conversation in its own, both ways, nothing of it in the other."""

from __future__ import annotations

import functools
from pathlib import Path

import httpx

from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.slack.state import User
from tests.bridge.scene import SENT, Scene, opened, waiting
from tests.catchup.absence import LATE, absence
from tests.workspaces.both import cards_of, replies_at, two


async def alert_of(scene: Scene) -> Message:
    """The alert in the alert channel of the conversation's workspace."""
    state = scene.stage.slack.state
    link = state.permalink(scene.card)

    def found() -> list[Message]:
        return [one for one in state.messages("C0HANDOFFS") if link in words(one)]

    await scene.until(found, "the alert in the workspace's own channel")
    (alert,) = found()
    return alert


def listed(scene: Scene) -> bool:
    """Whether Mina's Home leads to it."""
    slack = scene.stage.slack
    return slack.state.permalink(scene.card) in str(slack.home_of("U0MINA"))


async def test_each_conversation_has_its_workspace(tmp_path: Path, database_url: str) -> None:
    async with two(tmp_path, database_url) as both:
        await both.serve()
        main = await waiting(both.main, both.stage.ada, "Lena")
        emea = await waiting(both.emea, both.stage.moveo, "Nora")

        await emea.presses(await alert_of(emea), "act-claim", "U0JO")
        await main.presses(await alert_of(main), "act-claim")
        await emea.tells("Jo claimed the conversation")
        await main.tells("Mina Park claimed the conversation")
        await emea.marked(emea.writes("Hello from emea", "U0JO"), SENT)
        await main.marked(main.writes("Hello from here"), SENT)
        who = emea.writes("!who", "U0MINA")
        assert "Jo has this conversation" in (await emea.whispered("U0MINA", "has this conversation")).text

        assert not who.reactions
        assert (emea.sent, main.sent) == (["Hello from emea"], ["Hello from here"])
        assert len(cards_of(both.main)) == len(cards_of(both.emea)) == 1
        assert len(both.stage.slack.state.messages("C0HANDOFFS")) == 1
        assert len(both.slack.state.messages("C0HANDOFFS")) == 1


async def test_the_home_shows_what_is_in_its_workspace(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        await both.serve()
        main = await waiting(both.main, both.stage.ada, "Lena")
        emea = await waiting(both.emea, both.stage.moveo, "Nora")

        for scene in (main, emea):
            scene.stage.slack.open_home("U0MINA")
            await scene.until(functools.partial(listed, scene), "the conversation on the Home")
        homes = [str(one.home_of("U0MINA")) for one in (both.stage.slack, both.slack)]
        assert [home.count("acme-ada") > 0 for home in homes] == [True, False]
        assert [home.count("acme-moveo") > 0 for home in homes] == [False, True]


async def test_a_modal_is_opened_where_it_was_asked_for(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        await both.serve()
        scene = await waiting(both.emea, both.stage.moveo, "Nora")
        await scene.stands("waiting for a human")  # its card has the button by then
        await scene.presses(scene.card, "act-resolve")
        modal = both.slack.modal_of("U0MINA")
        assert modal is not None and both.stage.slack.modal_of("U0MINA") is None
        await both.slack.submit("U0MINA", modal)
        await scene.tells("Mina Park resolved the conversation")


async def test_a_file_is_had_from_its_workspace(tmp_path: Path) -> None:
    """GPTBots' customers get a link to it."""
    async with two(tmp_path) as both:
        await both.serve()
        scene = await waiting(both.emea, both.stage.gptbots)
        await scene.marked(scene.writes("", files=[("a.pdf", b"%PDF of emea")]), SENT)

        (link,) = (one for text in scene.sent for one in text.split() if "/files/" in one)
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(link)
        assert (answer.status_code, answer.content) == (200, b"%PDF of emea")
        assert both.stage.slack.calls.count("files.info") == 0


async def test_somebody_of_the_other_workspace_is_a_stranger(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        user = User("U0NORTH", "north", "Kim North", team_id=both.stage.slack.state.team_id)
        both.slack.state.users[user.id] = user
        both.slack.state.channels["C0SUPPORT"].members.append(user.id)
        await both.serve()
        scene = await waiting(both.emea, both.stage.moveo)

        scene.writes("I am from the other one", user.id)
        await scene.whispered(user.id, "reply was not sent", "people of other workspaces do not reply")
        await scene.carried()
        assert "I am from the other one" not in scene.sent


async def test_what_is_missed_in_each_is_found(tmp_path: Path, database_url: str) -> None:
    async with two(tmp_path, database_url) as both:
        first = await both.stage.serve()
        scenes = [
            await waiting(both.main, both.stage.ada, "Lena"),
            await waiting(both.emea, both.stage.moveo, "Nora"),
        ]
        for scene in scenes:
            await scene.carried()
        async with absence(both.main), absence(both.emea):
            await first.terminate()
            written = [scene.writes("written while nobody listened") for scene in scenes]
        await both.serve()

        for scene, message in zip(scenes, written, strict=True):
            await scene.marked(message, SENT)
            await scene.tells(LATE)
            assert scene.sent.count("written while nobody listened") == 1


async def test_the_same_place_in_both_is_not_the_same(tmp_path: Path) -> None:
    """No two channels have one id; what is kept does not rely on it."""
    async with two(tmp_path) as both:
        await both.serve()
        main = await opened(both.main, both.stage.ada, "Lena")
        state = both.slack.state
        at = int(main.card.ts.replace(".", ""))
        clock, state.clock, state._last_ts = state.clock, lambda: 0.0, at - 1
        emea = await opened(both.emea, both.stage.moveo, "Nora")
        state.clock = clock
        assert (emea.card.channel, emea.card.ts) == (main.card.channel, main.card.ts)

        await main.marked(main.writes("for Lena"), SENT)
        await emea.marked(emea.writes("for Nora"), SENT)
        assert (main.sent, emea.sent) == (["for Lena"], ["for Nora"])


async def test_by_socket_each_has_its_own(tmp_path: Path) -> None:
    async with two(tmp_path, socket_mode=True) as both:
        await both.serve()
        main = await waiting(both.main, both.stage.ada, "Lena")
        emea = await waiting(both.emea, both.stage.moveo, "Nora")
        await main.marked(main.writes("for Lena"), SENT)
        await emea.marked(emea.writes("for Nora"), SENT)
        assert (replies_at(both.stage.ada), replies_at(both.stage.moveo)) == (["for Lena"], ["for Nora"])
