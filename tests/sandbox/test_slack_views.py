"""Modals and the App Home."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bridge.sandbox.slack import View
from tests.sandbox.slack_running import SUPPORT, Clock, Heard, Running, listening, refused, running
from tests.sandbox.slack_samples import OPTION, button, buttons, plain, section


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0) as one:
        yield one


def field(name: str, type: str, **more: Any) -> dict[str, Any]:
    element = {"type": type, "action_id": name, **more}
    return {"type": "input", "block_id": f"{name}-block", "label": plain(name), "element": element}


WARNING = {"type": "alert", "text": plain("The bot is answering"), "level": "warning"}
MODAL = {"type": "modal", "title": plain("Take over"), "submit": plain("Yes"), "blocks": [WARNING]}
TRANSFER = {
    **MODAL,
    "private_metadata": "7",
    "blocks": [
        WARNING,
        field("to", "users_select", initial_user="U0JO"),
        {**field("why", "plain_text_input", multiline=True), "optional": True},
        {**field("tell", "checkboxes", options=[OPTION]), "optional": True},
        {**field("how", "radio_buttons", options=[OPTION], initial_option=OPTION), "optional": True},
    ],
}
HOME = {"type": "home", "blocks": [section(), buttons(button("Claim", action_id="claim", value="7"))]}


async def trigger(run: Running, heard: Heard, user: str = "U0JO") -> str:
    """From a press, as an app gets it."""
    sent = await run.client.chat_postMessage(
        channel=SUPPORT, text="card", blocks=[buttons(button(action_id="take"))]
    )
    await run.slack.press(user, run.slack.state.channels[SUPPORT].messages[sent["ts"]], "take")
    return str(heard.interactions[-1]["trigger_id"])


async def opened(run: Running, heard: Heard, view: dict[str, Any], user: str = "U0JO") -> View:
    await run.client.views_open(trigger_id=await trigger(run, heard, user), view=view)
    modal = run.slack.modal_of(user)
    assert modal is not None
    return modal


# ── modals ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_modal_needs_a_fresh_trigger() -> None:
    clock = Clock()
    async with running(channel_rate=0) as run, listening(run) as heard:
        views_open = run.client.views_open
        assert await refused(views_open(trigger_id="1.2.abc", view=MODAL)) == "invalid_trigger_id"
        fresh = await trigger(run, heard)
        bad = {**MODAL, "title": plain("x" * 25)}
        assert await refused(views_open(trigger_id=fresh, view=bad)) == "invalid_arguments"
        assert run.slack.modal_of("U0JO") is None
        told = await views_open(trigger_id=fresh, view=MODAL)
        assert await refused(views_open(trigger_id=fresh, view=MODAL)) == "exchanged_trigger_id"
        view = run.slack.modal_of("U0JO")
        assert view is not None and view.id == told["view"]["id"]
        assert run.slack.modal_of("U0MINA") is None
        stale = await trigger(run, heard)
        run.slack.state.clock = clock
        clock.now = run.slack.state.triggers[stale].at + 3.1
        assert await refused(views_open(trigger_id=stale, view=MODAL)) == "expired_trigger_id"


async def test_a_shortcut_opens_a_modal_too() -> None:
    async with running() as run, listening(run) as heard:
        message = run.slack.post_as("U0MINA", SUPPORT, "help")
        await run.slack.shortcut("U0JO", message, "transfer")
        await run.client.views_open(trigger_id=heard.interactions[-1]["trigger_id"], view=TRANSFER)
        assert run.slack.modal_of("U0JO") is not None


async def test_a_sent_modal_has_what_was_chosen_and_what_was_there() -> None:
    async with running(channel_rate=0) as run, listening(run) as heard:
        view = await opened(run, heard, TRANSFER)
        assert (await run.slack.submit("U0JO", view, {"why": "She asked", "tell": ["1"]})).ok
        body = heard.interactions[-1]
        assert (body["type"], body["view"]["private_metadata"]) == ("view_submission", "7")
        assert body["view"]["state"]["values"] == {
            "to-block": {"to": {"type": "users_select", "selected_user": "U0JO"}},
            "why-block": {"why": {"type": "plain_text_input", "value": "She asked"}},
            "tell-block": {"tell": {"type": "checkboxes", "selected_options": [OPTION]}},
            "how-block": {"how": {"type": "radio_buttons", "selected_option": OPTION}},
        }
        assert run.slack.modal_of("U0JO") is None

        view = await opened(run, heard, TRANSFER)
        assert (await run.slack.submit("U0JO", view, {"to": "U0MINA"})).ok
        values = heard.interactions[-1]["view"]["state"]["values"]
        assert values["to-block"]["to"]["selected_user"] == "U0MINA"
        assert values["why-block"]["why"]["value"] is None


async def test_what_nobody_could_send() -> None:
    async with running(channel_rate=0) as run, listening(run) as heard:
        view = await opened(run, heard, TRANSFER)
        with pytest.raises(ValueError, match="'to' has to be filled in"):
            await run.slack.submit("U0JO", view, {"to": None})
        for values in ({"nowhere": "x"}, {"how": "2"}, {"tell": "1"}):
            with pytest.raises(LookupError):
                await run.slack.submit("U0JO", view, values)
        with pytest.raises(PermissionError):
            await run.slack.submit("U0MINA", view)
        assert run.slack.modal_of("U0JO") is view


async def test_a_modal_stays_with_what_is_wrong() -> None:
    async with running(channel_rate=0) as run, listening(run) as heard:
        view = await opened(run, heard, TRANSFER)
        heard.answer = {"response_action": "errors", "errors": {"to-block": "Jo is away"}}
        assert (await run.slack.submit("U0JO", view)).ok
        assert view.errors == {"to-block": "Jo is away"} and run.slack.modal_of("U0JO") is view
        heard.answer = {}
        assert (await run.slack.submit("U0JO", view, {"to": "U0MINA"})).ok
        assert run.slack.modal_of("U0JO") is None


async def test_a_modal_becomes_another_one() -> None:
    async with running(channel_rate=0) as run, listening(run) as heard:
        view = await opened(run, heard, TRANSFER)
        before = view.hash
        heard.answer = {"response_action": "update", "view": {**MODAL, "callback_id": "sure"}}
        assert (await run.slack.submit("U0JO", view)).ok
        assert run.slack.modal_of("U0JO") is view
        assert view.body["callback_id"] == "sure" and view.hash != before
        heard.answer = {"response_action": "clear"}
        assert (await run.slack.submit("U0JO", view)).ok
        assert run.slack.modal_of("U0JO") is None


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"no-such-block": "x"}},
        {"response_action": "update", "view": {**MODAL, "title": plain("x" * 25)}},
        {"response_action": "dance"},
    ],
)
async def test_an_answer_that_cannot_be_followed_keeps_the_modal(answer: dict[str, Any]) -> None:
    async with running(channel_rate=0) as run, listening(run) as heard:
        view = await opened(run, heard, TRANSFER)
        heard.answer = answer
        told = await run.slack.submit("U0JO", view)
        assert not told.ok and told.status == 200 and str(told.reason).startswith("trouble connecting")
        assert run.slack.modal_of("U0JO") is view and not view.errors


async def test_an_app_that_is_away_keeps_the_modal() -> None:
    async with running(channel_rate=0) as run:
        async with listening(run) as heard:
            view = await opened(run, heard, MODAL)
        run.slack.events_url = "http://127.0.0.1:9/slack/events"
        assert not (await run.slack.submit("U0JO", view)).ok
        assert run.slack.modal_of("U0JO") is view


async def test_a_modal_is_updated_and_closed() -> None:
    async with running(channel_rate=0) as run, listening(run) as heard:
        view = await opened(run, heard, MODAL)
        changed = {**MODAL, "callback_id": "take_over", "notify_on_close": True}
        update = run.client.views_update
        assert await refused(update(view_id=view.id, hash="other", view=changed)) == "hash_conflict"
        await update(view_id=view.id, hash=view.hash, view=changed)
        assert await refused(update(view_id="V0NONE", view=MODAL)) == "not_found"
        closed = await run.slack.close("U0JO", view)
        assert closed is not None and closed.ok and run.slack.modal_of("U0JO") is None
        assert heard.interactions[-1]["type"] == "view_closed" and "trigger_id" not in heard.interactions[-1]
        quiet = await opened(run, heard, MODAL)
        assert await run.slack.close("U0JO", quiet) is None and run.slack.modal_of("U0JO") is None


async def test_a_modal_of_somebody_elsewhere_is_sent_from_there() -> None:
    async with running(channel_rate=0) as run, listening(run) as heard:
        view = await opened(run, heard, MODAL, "U0PARTNER")
        await run.slack.submit("U0PARTNER", view)
        body = heard.interactions[-1]
        assert body["team"]["id"] == "T0PARTNER"
        assert body["view"]["app_installed_team_id"] == "T0SANDBOX"


# ── the App Home ─────────────────────────────────────────────────────────────────────────────────


async def test_the_home_is_published_and_checked(run: Running) -> None:
    publish = run.client.views_publish
    first = await publish(user_id="U0MINA", view=HOME)
    shown = run.slack.home_of("U0MINA")
    assert shown is not None and shown.body["blocks"][0]["type"] == "section"
    assert run.slack.home_of("U0JO") is None
    second = await publish(user_id="U0MINA", view=HOME, hash=first["view"]["hash"])
    assert second["view"]["id"] == first["view"]["id"]
    assert await refused(publish(user_id="U0MINA", view=HOME, hash=first["view"]["hash"])) == "hash_conflict"
    assert await refused(publish(user_id="U0MINA", view=MODAL)) == "invalid_arguments"
    assert await refused(publish(user_id="U0NOBODY", view=HOME)) == "invalid_arguments"
    with_alert = {"type": "home", "blocks": [WARNING]}
    assert await refused(publish(user_id="U0MINA", view=with_alert)) == "invalid_arguments"
    too_many = {"type": "home", "blocks": [{"type": "divider"}] * 101}
    with pytest.raises(SlackApiError) as caught:
        await publish(user_id="U0MINA", view=too_many)
    assert caught.value.response["errors"] == ["no more than 100 items allowed [json-pointer:/view/blocks]"]


async def test_opening_the_home_is_told_with_what_it_shows() -> None:
    async with running() as run, listening(run) as heard:
        run.slack.open_home("U0MINA")
        await run.slack.settled()
        event = heard.events[0]
        assert (event["type"], event["user"], event["tab"]) == ("app_home_opened", "U0MINA", "home")
        assert event["channel"].startswith("D") and "view" not in event
        await run.client.views_publish(user_id="U0MINA", view=HOME)
        run.slack.open_home("U0MINA")
        run.slack.open_home("U0MINA", tab="messages")
        await run.slack.settled()
        assert heard.events[1]["view"]["type"] == "home"
        assert heard.events[2]["tab"] == "messages" and "view" not in heard.events[2]


async def test_a_button_in_the_home_is_in_no_message() -> None:
    async with running() as run, listening(run) as heard:
        await run.client.views_publish(user_id="U0MINA", view=HOME)
        view = run.slack.home_of("U0MINA")
        assert view is not None and (await run.slack.press("U0MINA", view, "claim", "7")).ok
        body = heard.interactions[-1]
        assert body["container"] == {"type": "view", "view_id": view.id}
        assert body["view"]["id"] == view.id and body["actions"][0]["value"] == "7" and body["trigger_id"]
        assert not {"channel", "message", "response_url", "state"} & body.keys()
        with pytest.raises(PermissionError):
            await run.slack.press("U0JO", view, "claim", "7")
