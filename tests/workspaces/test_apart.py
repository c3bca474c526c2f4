"""What goes wrong in one workspace stays there: a token, a secret, a team that is another's or nobody's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.bridge.running import in_process
from tests.bridge.scene import SENT, counted, later, ready, thread_of, waiting
from tests.workspaces.both import Both, cards_of, claim, event, replies_at, two


async def missing(both: Both, *, status: int = 200) -> str:
    """What /readyz says of emea."""

    async def told() -> bool:
        found = await ready(both.stage)
        return found[0] == status and list(found[1]) == ["slack:emea"]

    await later(told, "that emea alone is missing")
    return (await ready(both.stage))[1]["slack:emea"]


@contextlib.asynccontextmanager
async def asked_again(both: Both) -> AsyncIterator[None]:
    """The bridge in this process, started while emea's token is not taken."""
    both.slack.faults.token_error = "account_inactive"
    async with in_process(both.stage):
        yield


async def test_a_token_that_is_revoked_stops_its_own_workspace(tmp_path: Path, database_url: str) -> None:
    async with two(tmp_path, database_url) as both:
        await both.serve()
        emea = await waiting(both.emea, both.stage.moveo, "Nora")
        before = list(emea.texts)
        both.slack.faults.token_error = "token_revoked"
        late = emea.writes("Hello Nora")  # nobody can be asked who wrote it

        main = await waiting(both.main, both.stage.ada, "Lena")
        await main.marked(main.writes("Hello Lena"), SENT)
        problem = await missing(both)
        assert "token_revoked" in problem and "set EMEA_SLACK_BOT_TOKEN" in problem
        assert await counted(both.stage, 'bridge_slack_known{workspace="slack:emea"}') == 0
        assert await counted(both.stage, 'bridge_slack_known{workspace="slack"}') == 1
        assert emea.sent == [] and emea.texts == [*before, "Hello Nora"]

        both.slack.faults.token_error = None
        await emea.marked(late, SENT)
        assert (emea.sent, main.sent) == (["Hello Nora"], ["Hello Lena"])

        async def known() -> bool:
            return await ready(both.stage) == (200, {})

        await later(known, "that both are known")


async def test_one_that_slack_never_knew_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.slack.workspace.AUTH_RETRY", (0.2,))
    async with two(tmp_path) as both, asked_again(both):
        main = await waiting(both.main, both.stage.ada, "Lena")
        talk = both.stage.moveo.open("Nora")
        assert "account_inactive" in await missing(both)
        await main.marked(main.writes("Hello Lena"), SENT)
        assert cards_of(both.emea) == [] and len(cards_of(both.main)) == 1

        both.slack.faults.token_error = None
        emea = await thread_of(both.emea, talk.id, both.stage.moveo)
        await emea.tells("How can I help you")
        assert len(cards_of(both.emea)) == 1


async def test_while_no_workspace_works_it_is_not_ready(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        both.slack.faults.token_error = both.stage.slack.faults.token_error = "token_revoked"
        await both.stage.serve(ready=False)

        async def told() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return str(await ready(both.stage)).count("token_revoked") == 2
            return False

        await later(told, "that neither is known")
        status, problems = await ready(both.stage)
        assert (status, sorted(problems)) == (503, ["slack", "slack:emea"])


async def test_what_is_signed_for_one_is_not_taken_for_the_other(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        await both.serve()
        main = await waiting(both.main, both.stage.ada, "Lena")
        emea = await waiting(both.emea, both.stage.moveo, "Nora")
        theirs, ours = both.stage.slack.state.team_id, both.slack.state.team_id
        key, own = both.keys

        for secret, team, scene in ((key, ours, emea), (own, theirs, main)):
            assert await both.tell(secret, event(team, scene, "forged")) == 200
            assert await both.tell(secret, claim(team, scene), pressed=True) == 200
        assert await both.tell(key, event("T0NOBODY", main, "forged")) == 200
        assert await both.tell("0" * 32, event(ours, emea, "forged")) == 401
        assert await both.tell("0" * 32, claim(theirs, main), pressed=True) == 401
        assert await counted(both.stage, 'bridge_slack_events_total{result="foreign_team"}') == 3
        assert await counted(both.stage, 'bridge_slack_events_total{result="other_interaction"}') == 2

        # A button's value is ours, and its workspace Slack's.
        assert await both.tell(own, claim(ours, emea, about=1), pressed=True) == 200
        channel = both.slack.state.channels[emea.card.channel]
        told = lambda: [one.text for one in channel.ephemerals.values() if "in another workspace" in one.text]
        await emea.until(told, "that it is a conversation of another workspace")

        # What is right is taken, so the shape of it was not what was refused.
        assert await both.tell(own, claim(ours, emea), pressed=True) == 200
        await emea.tells("Mina Park claimed the conversation")
        assert await both.tell(own, event(ours, emea, "by hand")) == 200
        await main.carried()
        await emea.carried()
        assert "forged" not in str([replies_at(both.stage.ada), replies_at(both.stage.moveo)])
        assert "by hand" in replies_at(both.stage.moveo)
        assert not [text for text in main.texts if "claimed" in text]


async def test_two_tokens_of_one_workspace_are_told(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        both.write(f'api_url = "{both.stage.base}/emea/api/"', f'api_url = "{both.stage.base}/slack/api/"')
        both.stage.environ["EMEA_SLACK_BOT_TOKEN"] = both.stage.environ["SLACK_BOT_TOKEN"]
        await both.stage.serve()
        problem = await missing(both)
        assert "EMEA_SLACK_BOT_TOKEN is a token of the same workspace as SLACK_BOT_TOKEN" in problem
        main = await waiting(both.main, both.stage.ada, "Lena")
        await main.marked(main.writes("Hello Lena"), SENT)


@pytest.mark.parametrize("slow", [False, True], ids=["", "slack is slow"])
async def test_a_workspace_that_is_given_up_is_left_for_the_route_s(tmp_path: Path, slow: bool) -> None:
    """Its conversations go on where their routes lead now; what was written there is told to have failed,
    also where lanes are taken before Slack has said which workspace is left."""
    async with two(tmp_path) as both:
        await both.serve()
        gone = await waiting(both.emea, both.stage.gptbots)
        await gone.marked(gone.writes("from emea"), SENT)
        both.slack.faults.token_error = "token_revoked"
        gone.writes("nobody can be asked who wrote it", "U0JO")
        await both.slack.settled()
        if slow:
            both.stage.slack.faults.next("auth.test", delay=0.5)
            both.stage.slack.faults.next("users.info", delay=1.0)
        await moved(both)

        gone.says("Are you still there?")
        here = await thread_of(both.main, gone.id, both.stage.gptbots, gone.talk)
        await here.tells("its earlier thread is gone")
        await here.tells("A reply was not sent", "T0EMEA", "no longer configured")
        await here.tells("Are you still there?")
        await here.marked(here.writes("Yes, here"), SENT)
        assert here.sent == ["from emea", "Yes, here"]


async def moved(both: Both) -> None:
    """Let no workspace but the first be configured any more."""
    for process in both.stage._processes:
        await process.terminate()
    text = both.stage.config.read_text()
    kept = [line for line in text.splitlines() if 'workspace = "emea"' not in line]
    section = kept.index("[workspaces.emea]")
    both.stage.config.write_text("\n".join([*kept[:section], *kept[section + 3 :]]))
    await both.stage.serve()
