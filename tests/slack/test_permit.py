"""Who may act, and whom a conversation may be given to, as the sandbox's Slack tells it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from bridge.config import Route, Slack
from bridge.delivery.kinds import WantedAct
from bridge.engine.ports import Ledger
from bridge.engine.work import Conversation, Owner, Turn
from bridge.errors import Rejected, RetryAfter
from bridge.model import Act, Control, ConversationKey, Direction, ThreadKey
from bridge.slack import people
from bridge.slack.api import SlackApi
from bridge.slack.people import People
from bridge.slack.permit import Permit
from tests.sandbox.slack_running import SUPPORT, Running, running
from tests.slack.desk import routes_of

MINA = Owner("Mina Park", "U0MINA")


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(channel_rate=0) as one:
        yield one


class Door:
    def __init__(self, run: Running, api: SlackApi, **route: Any) -> None:
        self.slack = run.slack
        self.permit = Permit(People(api), routes_of(Route(channel=SUPPORT, **route)))

    async def asks(
        self,
        user: str,
        act: Act = Act.CLAIM,
        *,
        channel: str | None = SUPPORT,
        thread: bool = True,
        waited: float = 0.0,
        attempt: int = 1,
        **told: Any,
    ) -> Any:
        where = ThreadKey(team="T0SANDBOX", channel=SUPPORT, ts="1.1")
        key = ConversationKey(source="acme-ada", id="c")
        about = Conversation(1, key, Control.WAITING, where if thread else None, 0.0)
        payload = json.dumps({"act": act, "user": user, "channel": channel, "thread_ts": "1.1", **told})
        turn = Turn(1, 1, Direction.ACTS, about, 1, "act", payload, attempt, 0.0, 0.0, False, {}, waited)
        return await self.permit.asked(turn, turn.carries(WantedAct))

    async def refuses(self, *args: Any, **told: Any) -> str:
        with pytest.raises(Rejected) as caught:
            await self.asks(*args, **told)
        return str(caught.value)


async def door(run: Running, **route: Any) -> Door:
    api = SlackApi(run.client, Slack(), cast("Ledger", None))
    await api.authenticate()
    return Door(run, api, **route)


async def test_a_word_that_was_kept_long_ago_is_not_carried_out(run: Running) -> None:
    at = await door(run)
    told = await at.refuses("U0MINA", Act.RESOLVE, ts="1.2", waited=3 * 3600.0)
    assert "it was written 3 h ago" in told and "Write it again if it still holds" in told
    assert (await at.asks("U0MINA", Act.RESOLVE, ts="1.2", waited=60.0)).act is Act.RESOLVE
    # What was begun in time is carried on, and what was pressed says for itself when it was.
    assert (await at.asks("U0MINA", Act.RESOLVE, ts="1.2", waited=3 * 3600.0, attempt=2)).act is Act.RESOLVE
    assert (await at.asks("U0MINA", Act.RESOLVE, waited=3 * 3600.0)).act is Act.RESOLVE


async def test_members_of_the_channel_act(run: Running) -> None:
    at = await door(run)
    asked = await at.asks("U0MINA")
    assert (asked.act, asked.by, asked.to) == (Act.CLAIM, MINA, None)
    assert (await at.asks("U0JO", channel=None)).by.name == "Jo"  # on the Home
    assert run.slack.calls.count("conversations.members") == 1


async def test_others_do_not(run: Running) -> None:
    at = await door(run)
    told = "only members of #support act on its conversations. Join #support first"
    assert await at.refuses("U0LEE") == told
    # to write somewhere else does not count
    assert await at.refuses("U0LEE", channel="C0ALERTS", ts="1.2") == told


async def test_who_wrote_in_the_channel_is_in_it(run: Running) -> None:
    at = await door(run)
    assert (await at.asks("U0LEE", ts="1.2")).by.id == "U0LEE"
    assert run.slack.calls.count("conversations.members") == 0


async def test_who_joins_acts_at_once(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "JOINED", 0.0)
    at = await door(run)
    await at.refuses("U0LEE")
    run.slack.state.channels[SUPPORT].members.append("U0LEE")
    assert (await at.asks("U0LEE")).by.id == "U0LEE"


async def test_a_channel_may_have_any_number_of_members(run: Running) -> None:
    members = run.slack.state.channels[SUPPORT].members
    members[:0] = [f"U{number}" for number in range(2500)]
    at = await door(run)
    assert (await at.asks("U0MINA")).by == MINA
    assert run.slack.calls.count("conversations.members") == 3
    await at.refuses("U0LEE")


async def test_guests_act_where_the_route_lets_them(run: Running) -> None:
    assert (await (await door(run)).refuses("U0GUEST")).startswith("guests and people of other workspaces do")
    at = await door(run, guests_may_reply=True)
    assert (await at.asks("U0GUEST")).by.name == "Sam Guest"
    assert "only members" in await at.refuses("U0PARTNER")


async def test_not_to_know_is_not_a_yes(run: Running) -> None:
    at = await door(run)
    run.slack.state.app.scopes.remove("channels:read")
    told = await at.refuses("U0MINA")
    assert "cannot see who is in" in told and "channels:read" in told
    run.slack.state.app.scopes.add("channels:read")
    run.slack.faults.next("conversations.members", ok_error="channel_not_found")
    assert "channel_not_found" in await at.refuses("U0MINA")
    assert (await at.asks("U0MINA")).by == MINA


async def test_what_passes_is_waited_for(run: Running) -> None:
    at = await door(run)
    run.slack.faults.next("conversations.members", status=429, retry_after=1)
    with pytest.raises(RetryAfter):
        await at.asks("U0MINA")


async def test_a_conversation_without_a_thread_is_nobodys_yet(run: Running) -> None:
    assert (await (await door(run)).refuses("U0MINA", thread=False)).startswith(
        "it has no thread in Slack yet"
    )


# ── transfer ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_conversation_is_given_to_a_member(run: Running) -> None:
    asked = await (await door(run)).asks("U0MINA", Act.TRANSFER, to="U0JO")
    assert asked.to == Owner("Jo", "U0JO")


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (None, "nobody was named. Write !transfer @somebody"),
        ("U0BRIDGE", "“Handoff Bridge” is an app"),
        ("U0LEE", "“Lee” is not in #support. Invite them to #support first"),
        ("U0GUEST", "“Sam Guest” is a guest or of another workspace, and does not reply to customers here"),
        ("U0NOBODY", "user_not_found"),
    ],
)
async def test_not_to_everybody(run: Running, to: str | None, why: str) -> None:
    assert why in await (await door(run)).refuses("U0MINA", Act.TRANSFER, to=to)


async def test_not_to_somebody_who_has_left(run: Running) -> None:
    run.slack.state.users["U0JO"].deleted = True
    told = await (await door(run)).refuses("U0MINA", Act.TRANSFER, to="U0JO")
    assert told == "“Jo” is not in the workspace any more"


async def test_to_a_guest_where_the_route_lets_them_reply(run: Running) -> None:
    asked = await (await door(run, guests_may_reply=True)).asks("U0MINA", Act.TRANSFER, to="U0GUEST")
    assert asked.to == Owner("Sam Guest", "U0GUEST")
