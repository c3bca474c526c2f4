"""What operators ask where there are two workspaces: `bridge doctor` and `bridge trace`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bridge.scene import opened
from tests.workspaces.both import Both, two


async def asked(both: Both, command: str, *arguments: str) -> Any:
    """What a command prints for a program."""
    process = await both.stage.spawn(command, None, "--json", *arguments)
    await process.wait()
    return json.loads(process.log.read_text())


async def findings(both: Both, *subjects: str) -> list[tuple[str, str, str]]:
    told = await asked(both, "doctor")
    return [
        (one["standing"], one["where"], one["what"])
        for one in told["findings"]
        if not subjects or one["subject"] in subjects
    ]


async def test_the_doctor_asks_in_each(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        await both.serve()
        assert not [one for one in await findings(both) if one[0] == "wrong"]

        app = both.slack.state.app
        app.scopes -= {"reactions:write"}
        both.slack.state.channels["C0SUPPORT"].is_archived = True
        found = await findings(both, "slack", "channels")
        assert [one for one in found if one[0] == "wrong"] == [
            ("wrong", "slack:emea: scope reactions:write", "the app lacks it: the marks on people's replies"),
            ("wrong", "C0SUPPORT (routes.0.channel)", "#support is archived"),
        ]
        assert ("ok", "C0SUPPORT (routes.1.channel)", "#support is public, and the app is in it") in found


async def test_the_doctor_tells_a_token_that_is_not_taken_and_one_that_is_the_same(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        await both.serve()
        both.slack.faults.token_error = "token_revoked"
        found = await findings(both, "slack", "channels")
        assert ("wrong", "EMEA_SLACK_BOT_TOKEN", "Slack answers token_revoked") in found
        assert ("unknown", "slack:emea", "cannot be asked for: see above, under slack") in found
        assert {one[0] for one in found if one[1] == "SLACK_BOT_TOKEN"} == {"ok"}

        both.write(f'api_url = "{both.stage.base}/emea/api/"', f'api_url = "{both.stage.base}/slack/api/"')
        both.stage.environ["EMEA_SLACK_BOT_TOKEN"] = both.stage.environ["SLACK_BOT_TOKEN"]
        same = "is a token of the same workspace as SLACK_BOT_TOKEN (T0SANDBOX), and is not used"
        assert ("wrong", "EMEA_SLACK_BOT_TOKEN", same) in await findings(both, "slack")


async def test_a_link_of_either_is_traced(tmp_path: Path) -> None:
    async with two(tmp_path) as both:
        await both.serve()
        for scene in (await opened(both.main, both.stage.ada), await opened(both.emea, both.stage.moveo)):
            link = scene.stage.slack.state.permalink(scene.card)
            (life,) = (await asked(both, "trace", link))["lives"]
            assert life["conversation"] == f"acme-{scene.vendor.name}/{scene.id}"
            (thread,) = (one for one in life["life"] if one["what"] == "thread")
            assert (thread["link"], thread["team"]) == (link, scene.stage.slack.state.team_id)
