"""Answers of Slack's that say ok and lack the rest, or are none: it is asked again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from pydantic import SecretStr

from bridge.config import Slack
from bridge.doctor.case import Case, ask_slack
from bridge.errors import OutcomeUnknown, Rejected, RetryLater
from bridge.model import Image, Text, ThreadKey
from bridge.render import SlackMessage
from bridge.slack.api import SlackApi, _seconds
from bridge.slack.people import People
from bridge.slack.permalinks import Permalinks
from tests.sandbox.slack_running import Running, running
from tests.slack.test_files import PNG, World, world

__all__ = ["world"]

#: https://github.com/slackapi/bolt-python: its mock_web_api_server answers the first of them
NOT_ALL = ['{"ok": true}', '{"ok": true, "ts": null}', '{"ok": true, "ts": 12}', '{"ok": true, "ts": ""}']
#: the last two: a gateway's, in another charset than it says, and one that no parser goes through
NONE: list[str | bytes] = [
    "[]",
    '["ok"]',
    "null",
    '"ok"',
    "1",
    "{",
    "",
    b'{"ok": true, "\xe9": 1}',
    "[" * 20_000,
]


def _short(value: object) -> str | None:
    return repr(value)[:24] if isinstance(value, str | bytes) else None


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(channel_rate=0) as one:
        yield one


@pytest.fixture
async def api(run: Running) -> SlackApi:
    api = SlackApi(run.client, Slack(channel_rate=0), None)  # type: ignore[arg-type]
    await api.authenticate()
    return api


@pytest.mark.parametrize("body", [*NOT_ALL, *NONE], ids=_short)
async def test_a_post_whose_answer_does_not_say_where_it_stands_may_stand(
    run: Running, api: SlackApi, body: str | bytes
) -> None:
    run.slack.faults.next("chat.postMessage", body=body)
    with pytest.raises(OutcomeUnknown) as raised:
        await api.post("C0SUPPORT", SlackMessage(text="Hello"), {"delivery": 7, "step": "0"})
    assert raised.value.where == "chat.postMessage"
    (message,) = run.slack.state.messages("C0SUPPORT")
    assert await api.standing("C0SUPPORT", {"delivery": 7}, oldest=0.0) == message.ts


THREAD = ThreadKey(team="T0SANDBOX", channel="C0SUPPORT", ts="1.0")
READS: dict[str, tuple[str, Callable[[SlackApi], Awaitable[object]]]] = {
    "the messages of a thread": ("conversations.replies", lambda api: api.posted(THREAD, 7)),
    "one message": ("conversations.replies", lambda api: api.message("C0SUPPORT", "1.0", "1.0")),
    "our message in a channel": (
        "conversations.history",
        lambda api: api.standing("C0SUPPORT", {}, oldest=0),
    ),
    "a page": ("conversations.history", lambda api: api.page("C0SUPPORT", oldest=0.0)),
    "a person": ("users.info", lambda api: People(api).person("U0MINA")),
    "members": ("conversations.members", lambda api: People(api)._ask_members("C0SUPPORT")),
    "a channel": ("conversations.info", lambda api: People(api)._ask_channel("C0SUPPORT")),
    "groups": ("usergroups.list", lambda api: People(api)._ask_usergroups()),
}
PARTS = [
    '{"ok": true}',
    '{"ok": true, "messages": null, "user": [], "members": 1, "channel": {"name": null}}',
]


@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("body", [*PARTS, *NONE], ids=_short)
async def test_a_read_without_what_it_is_for_is_tried_again(
    run: Running, api: SlackApi, what: str, body: str | bytes
) -> None:
    """Nothing is taken to be absent, and it is no fault of ours."""
    method, read = READS[what]
    run.slack.faults.next(method, body=body)
    with pytest.raises((RetryLater, OutcomeUnknown)) as raised:
        await read(api)
    assert raised.value.where == method


async def test_a_message_without_a_place_is_left_out(run: Running, api: SlackApi) -> None:
    odd = '[1, null, {}, {"ts": 3}, {"ts": "5.0", "metadata": [], "files": [null, {"id": "F1"}]}]'
    body = f'{{"ok": true, "messages": {odd}, "response_metadata": null}}'
    run.slack.faults.next("conversations.replies", body=body)
    assert await api.posted(THREAD, 7) == {"F1": "5.0"}


@pytest.mark.parametrize("body", [*PARTS, *NONE], ids=_short)
async def test_a_link_can_be_done_without(run: Running, api: SlackApi, body: str | bytes) -> None:
    run.slack.faults.next("chat.getPermalink", body=body)
    assert await Permalinks(api).of("C0SUPPORT", "1.0") is None


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("30", 30.0), ("nan", 0.1), ("-1", 0.1), ("inf", 3600.0), ("Wed, 21 Oct 2099 07:28:00 GMT", 1.0)],
)
def test_how_long_slack_asks_for_peace(told: str, seconds: float) -> None:
    assert _seconds({"retry-after": told}) == seconds


@pytest.mark.parametrize("body", NONE, ids=_short)
async def test_the_doctor_says_that_it_is_no_answer(body: str | bytes) -> None:
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    ) as http:
        case = Case(config=None, http=http, running=False, skews={})  # type: ignore[arg-type]
        answer = await ask_slack(case, Slack(), "auth.test", SecretStr("xoxb-1"))
    assert (answer.error, answer.data) == ("HTTP 200", {})


# ── in a thread ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [*NOT_ALL[:2], *NONE[:1], *NONE[-2:-1]], ids=_short)
async def test_what_was_posted_stands_there_once(world: World, body: str | bytes) -> None:
    await world.say(Text(text="first"))
    await world.until(lambda: world.shown == ["first"])
    fault = world.slack.faults.next("chat.postMessage", body=body, times=2)
    await world.say(Text(text="second"))
    await world.shows("first", "second")
    assert len(fault.met) == 2


@pytest.mark.parametrize("body", ['{"ok": true}', '{"ok": true, "upload_url": 1, "file_id": null}', "[]"])
async def test_a_file_whose_upload_has_no_address_is_shown_all_the_same(world: World, body: str) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.slack.faults.next("files.getUploadURLExternal", body=body)
    await world.say(Image(url=world.at("/1.png")))
    await world.shows("1.png")


async def test_an_organisations_token_is_no_workspaces(run: Running) -> None:
    """Its team is the organisation, which no event names: all would be ignored."""
    of_all = {"ok": True, "team_id": "E0ORG", "enterprise_id": "E0ORG", "user_id": "W0BOT", "bot_id": "B0"}
    run.slack.faults.next("auth.test", body=json.dumps(of_all | {"is_enterprise_install": True}))
    api = SlackApi(run.client, Slack(channel_rate=0), None)  # type: ignore[arg-type]
    with pytest.raises(Rejected, match="not that of a workspace's bot"):
        await api.authenticate()
    assert api.identity is None and api.problem
