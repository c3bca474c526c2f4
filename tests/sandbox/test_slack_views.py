"""Modals and the App Home."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.slack_running import (
    SUPPORT,
    Clock,
    Running,
    listening,
    refused,
    running,
)


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0) as one:
        yield one


MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Take over"},
    "submit": {"type": "plain_text", "text": "Yes"},
    "blocks": [
        {"type": "alert", "text": {"type": "plain_text", "text": "The bot is answering"}, "level": "warning"}
    ],
}


async def test_the_home_is_published_and_checked(run: Running) -> None:
    publish = run.client.views_publish
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    first = await publish(user_id="U0MINA", view=home)
    assert run.slack.state.views[first["view"]["id"]].user == "U0MINA"
    second = await publish(user_id="U0MINA", view=home, hash=first["view"]["hash"])
    assert second["view"]["id"] == first["view"]["id"]
    assert await refused(publish(user_id="U0MINA", view=home, hash=first["view"]["hash"])) == "hash_conflict"
    assert await refused(publish(user_id="U0MINA", view=MODAL)) == "invalid_arguments"
    too_many = {"type": "home", "blocks": [{"type": "divider"}] * 101}
    with pytest.raises(SlackApiError) as caught:
        await publish(user_id="U0MINA", view=too_many)
    assert caught.value.response["errors"] == ["no more than 100 items allowed [json-pointer:/view/blocks]"]


async def test_a_modal_needs_a_fresh_trigger_and_closes_when_sent() -> None:
    clock = Clock()
    async with running(channel_rate=0) as run, listening(run) as heard:
        button = {"type": "button", "action_id": "take", "text": {"type": "plain_text", "text": "Take over"}}
        card = await run.client.chat_postMessage(
            channel=SUPPORT, text="card", blocks=[{"type": "actions", "elements": [button]}]
        )
        message = run.slack.state.channels[SUPPORT].messages[card["ts"]]

        async def trigger() -> str:
            await run.slack.press("U0JO", message, "take")
            return str(heard.bodies[-1]["trigger_id"])

        views_open = run.client.views_open
        assert await refused(views_open(trigger_id="1.2.abc", view=MODAL)) == "invalid_trigger_id"
        fresh = await trigger()
        bad = {**MODAL, "title": {"type": "plain_text", "text": "x" * 25}}
        assert await refused(views_open(trigger_id=fresh, view=bad)) == "invalid_arguments"
        opened = await views_open(trigger_id=fresh, view=MODAL)
        assert await refused(views_open(trigger_id=fresh, view=MODAL)) == "exchanged_trigger_id"
        view = run.slack.state.views[opened["view"]["id"]]
        changed = {**MODAL, "callback_id": "take_over"}
        await run.client.views_update(view_id=view.id, hash=opened["view"]["hash"], view=changed)
        assert await refused(run.client.views_update(view_id="V0NONE", view=MODAL)) == "not_found"
        values = {"note": {"text": {"type": "plain_text_input", "value": "mine"}}}
        assert (await run.slack.submit("U0JO", view, values)).ok
        assert heard.bodies[-1]["view"]["state"]["values"] == values
        assert heard.bodies[-1]["view"]["callback_id"] == "take_over"
        assert view.id not in run.slack.state.views
        stale = await trigger()
        run.slack.state.clock = clock
        clock.now = run.slack.state.triggers[stale].at + 3.1
        assert await refused(views_open(trigger_id=stale, view=MODAL)) == "expired_trigger_id"
