"""Slack's API in all its moods: what is posted stands there once, in order, and nothing is dropped."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.sandbox.slack.app import Call
from bridge.sandbox.slack.state import App, User
from bridge.sandbox.stage import Process, Stage
from tests.bridge.scene import PATIENCE, SENT, buttons, counted, later, opened, thread_of, waiting
from tests.crash.books import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

CONFIG = {"[slack]": 'timeout = "1s"'}  # what is answered later may have been done, or not
PAGE = "<html><body><h1>Bad gateway</h1></body></html>"
THREE = ("one", "two", "three")


@pytest.fixture(autouse=True)
def mended(stage: Stage) -> Iterator[None]:
    """Whatever a test has broken, the next one finds whole."""
    yield
    stage.slack.faults.clear()
    channel, app = stage.slack.state.channels["C0SUPPORT"], stage.slack.state.app
    channel.is_archived = channel.is_private = False
    channel.members[:] = [*dict.fromkeys([*channel.members, app.user])]
    app.scopes |= App().scopes


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": PAGE},
        {"status": 502, "body": PAGE, "times": 3},
        {"status": 503},
        {"status": 200, "body": PAGE},
        {"ok_error": "internal_error"},
        {"ok_error": "fatal_error", "status": 500},
        {"reset": True, "times": 2},
        {"drop": True},
        {"delay": 1.5},
    ],
    ids=str,
)
async def test_each_message_stands_there_once(stage: Stage, fault: dict[str, Any]) -> None:
    scene = await waiting(stage)
    scene.fault(**fault)
    scene.says(*THREE)
    await scene.shows(*THREE)
    scene.says("four")
    await scene.shows(*THREE, "four")


@pytest.mark.parametrize("fault", [{"status": 502, "body": PAGE}, {"reset": True}, {"delay": 1.5}], ids=str)
async def test_each_card_stands_there_once(stage: Stage, fault: dict[str, Any]) -> None:
    stage.slack.faults.next("chat.postMessage", **fault)
    scene = await opened(stage)  # finds one card, and no other of that conversation
    assert scene.texts == ["Hello! How can I help you today?"]


async def test_a_message_is_found_also_in_a_long_thread(stage: Stage) -> None:
    scene = await waiting(stage)
    many = [f"line {number}" for number in range(220)]
    scene.says(*many)
    await scene.shows(*many)
    scene.fault(reset=True)
    scene.says("one", "two")
    await scene.shows(*many, "one", "two")


async def test_a_fault_of_our_own_holds_up_nobody_for_long(stage: Stage) -> None:
    """What cannot be shown, however often it is tried: here a delivery that nobody can read."""
    scene = await waiting(stage)
    scene.fault(status=503, times=1000)
    scene.says("one")
    tried = lambda: calls(stage, "chat.postMessage", thread_ts=scene.card.ts)[-1].error == "503"
    await scene.until(tried, "the first try")
    with contextlib.closing(sqlite3.connect(stage.folder / "bridge.sqlite3", timeout=10)) as store, store:
        store.execute("UPDATE delivery SET payload = '{}' WHERE state IN ('queued', 'sending')")
    stage.slack.faults.clear()
    scene.says("two")
    await scene.shows("two")
    await scene.tells("was given up: the payload of a “event” delivery cannot be read")


# ── 429 ──────────────────────────────────────────────────────────────────────────────────────────


def calls(stage: Stage, method: str, **arguments: object) -> list[Call]:
    return [
        call
        for call in stage.slack.calls.of(method)
        if all(call.args.get(name) == value for name, value in arguments.items())
    ]


async def test_a_channel_that_wants_peace_has_it_while_all_else_goes_on(stage: Stage) -> None:
    busy, neighbour, elsewhere = await waiting(stage), await waiting(stage), await opened(stage, stage.moveo)
    posts = lambda channel: calls(stage, "chat.postMessage", channel=channel)
    peace = 'bridge_slack_calls_total{method="chat.postMessage",outcome="ratelimited"}'
    before, heard = len(posts("C0SUPPORT")), await counted(stage, peace)

    async def has_heard() -> bool:
        return await counted(stage, peace) > heard

    busy.fault(status=429, retry_after=2)
    busy.says(*THREE)
    await later(has_heard, "the 429")
    neighbour.says("me too")
    stage.moveo.say(elsewhere.id, "Where is order 7?")
    await elsewhere.tells("Parcel 7")
    await busy.marked(busy.writes("I am on it"), SENT)
    refused = posts("C0SUPPORT")[before]
    assert refused.error == "429"
    # all that went on went on meanwhile
    assert len(posts("C0SUPPORT")) == before + 1 or time.time() > refused.at + 2
    await busy.shows(*THREE)
    await neighbour.shows("me too")
    assert posts("C0SUPPORT")[before + 1].at >= refused.at + 2


@pytest.mark.parametrize("method", ["reactions.add", "chat.update"])
async def test_peace_for_one_method_does_not_stop_messages(stage: Stage, method: str) -> None:
    scene = await waiting(stage)
    before = len(calls(stage, method, channel="C0SUPPORT"))
    stage.slack.faults.next(method, status=429, retry_after=2)
    reply = scene.writes("I am on it")
    await scene.until(lambda: len(calls(stage, method, channel="C0SUPPORT")) > before, "the 429")
    scene.says(*THREE)
    await scene.shows(*THREE)
    refused = calls(stage, method, channel="C0SUPPORT")[before]
    assert refused.error == "429"
    since = lambda: calls(stage, method, channel="C0SUPPORT")[before + 1 :]
    place = lambda call: (call.args.get("ts"), call.args.get("timestamp"))
    again = lambda: [one for one in since() if place(one) == place(refused)]
    await scene.until(again, "another try")
    assert again()[0].at >= refused.at + 2
    # The card and its alert are two lanes: one may be on its way while the other is refused.
    assert len([one for one in since() if one.at < refused.at + 2]) <= 1
    await scene.marked(reply, SENT)
    await scene.until(lambda: "Mina Park has the conversation" in scene.card.text, "the card")


async def test_a_429_without_a_time_is_waited_out_as_well(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.fault(status=429, retry_after=None)
    scene.says(*THREE)
    await scene.shows(*THREE)


# ── refused ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", ["invalid_blocks", "reserved_username", "msg_too_long"])
async def test_a_form_that_is_refused_is_followed_by_a_plainer_one(stage: Stage, error: str) -> None:
    scene = await waiting(stage)
    scene.fault(ok_error=error, problems=["something is wrong [json-pointer:/blocks]"])
    scene.says("one", "two")
    await scene.shows("Lena (customer): one", "two")
    plainer, rich = scene.thread[-2:]
    assert (plainer.blocks, plainer.username) == ([], None)  # it may have been either
    assert (bool(rich.blocks), rich.username) == (True, "Lena (customer)")


async def test_a_message_refused_in_every_form_fails_and_the_thread_says_so(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.fault(ok_error="invalid_blocks", times=2)
    scene.says(*THREE)
    await scene.shows("two", "three")
    failed = await scene.told("could not be shown here", "Slack does not show a message of this form")
    assert (buttons(failed), "invalid_blocks" in failed.text) == ([], False)
    assert "one" not in scene.texts


# ── what an operator mends ───────────────────────────────────────────────────────────────────────


def archive(stage: Stage) -> Callable[[], None]:
    channel = stage.slack.state.channels["C0SUPPORT"]
    channel.is_archived = True
    return lambda: setattr(channel, "is_archived", False)


def throw_out(stage: Stage) -> Callable[[], None]:
    members = stage.slack.state.channels["C0SUPPORT"].members
    members.remove("U0BRIDGE")
    return lambda: members.append("U0BRIDGE")


def make_private(stage: Stage) -> Callable[[], None]:
    channel = stage.slack.state.channels["C0SUPPORT"]
    channel.is_private = True
    take_in = throw_out(stage)

    def mend() -> None:
        channel.is_private = False
        take_in()

    return mend


def revoke(stage: Stage) -> Callable[[], None]:
    stage.slack.faults.token_error = "invalid_auth"
    return stage.slack.faults.clear


@pytest.mark.parametrize(
    ("break_it", "error", "remedy"),
    [
        (archive, "is_archived", "Unarchive the channel"),
        (throw_out, "not_in_channel", "Invite the app to the channel"),
        (make_private, "channel_not_found", "Check the route's channel id"),
        (revoke, "invalid_auth", "Check SLACK_BOT_TOKEN"),
    ],
)
async def test_what_can_be_mended_is_waited_for(
    stage: Stage, bridge: Process, break_it: Callable[[Stage], Callable[[], None]], error: str, remedy: str
) -> None:
    scene = await waiting(stage)
    mend = break_it(stage)
    scene.says(*THREE)
    met = lambda: [call for call in stage.slack.calls.of("chat.postMessage") if call.error == error]
    await scene.until(lambda: len(met()) > 1, f"{error}, twice")
    mend()
    await scene.shows(*THREE)
    assert f"Slack answers {error}. {remedy}" in bridge.log.read_text()


async def test_a_conversation_that_begins_meanwhile_gets_its_thread_as_well(stage: Stage) -> None:
    mend = archive(stage)
    lena = stage.ada.open("Lena")
    refused = lambda: [call for call in stage.slack.calls.of("chat.postMessage") if lena.id in str(call.args)]
    await until(lambda: len(refused()) > 1, PATIENCE, "is_archived, twice")
    mend()
    scene = await thread_of(stage, lena.id)
    await scene.tells("How can I help you")


@pytest.mark.parametrize(
    ("scope", "sees"),
    [("reactions:write", "reactions.add"), ("users:read", "users.info"), ("chat:write", "chat.postMessage")],
)
async def test_a_scope_that_is_missing_is_named_and_waited_for(
    stage: Stage, bridge: Process, scope: str, sees: str
) -> None:
    scene = await waiting(stage)
    new = "U0" + "".join(filter(str.isalpha, scope)).upper()  # somebody whom nobody has asked for yet
    stage.slack.state.users[new] = User(new, scope, "Somebody New")
    stage.slack.state.app.scopes.remove(scope)
    reply = scene.writes(f"I am on it, <@{new}>", user=new)
    scene.says(*THREE)
    met = lambda: [call for call in stage.slack.calls.of(sees) if call.error == "missing_scope"]
    await scene.until(lambda: len(met()) > 1, "missing_scope, twice")
    stage.slack.state.app.scopes.add(scope)
    await scene.shows(*THREE)
    await scene.marked(reply, SENT)
    # The author's name is asked for until Slack gives it; a mentioned name is left out at once.
    name = "@someone" if sees == "users.info" else "@Somebody New"
    assert scene.sent == [f"I am on it, {name}"]
    assert f"Add the scope {scope} to the app and install it again" in bridge.log.read_text()


# ── what is posted ───────────────────────────────────────────────────────────────────────────────


async def test_everybody_speaks_under_their_own_name_and_picture(stage: Stage) -> None:
    scene = await waiting(stage)
    face = "https://faces.example/rafa.png"
    conversation = stage.ada.conversations[scene.id]
    stage.ada.take_reply(conversation, "Rafa", face, {"type": "text", "body": "Hi, Rafa here"})
    scene.says("at last")
    await scene.shows("Hi, Rafa here", "at last")
    by = {message.text: (message.username, message.icons) for message in scene.thread}
    assert by["Hello! How can I help you today?"] == ("Shop Assistant (AI agent)", {"emoji": ":robot_face:"})
    assert by["Hi, Rafa here"] == ("Rafa (agent)", {"image_48": face})
    assert by["at last"] == ("Lena (customer)", {"emoji": ":bust_in_silhouette:"})


async def test_every_message_carries_its_marker_and_unfurls_nothing(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.fault(ok_error="invalid_blocks", times=2)
    scene.says("https://shop.example/mug", "https://shop.example/lamp")
    await scene.shows("https://shop.example/lamp")
    await scene.tells("could not be shown here")
    assert len(scene.thread) >= 5  # greeting, answer, alert, message, notice
    markers = []
    for message in (scene.card, *scene.thread):
        assert message.metadata is not None
        assert message.metadata["event_type"] == "slack_handoff_bridge"
        markers.append(str(message.metadata["event_payload"]))
        options = ("unfurl_links", "unfurl_media", "link_names", "mrkdwn")
        assert [message.options.get(name) for name in options] == [False] * 4
    assert len(set(markers)) == len(markers)
    assert "shop.example" not in str(markers)  # anybody in the workspace can read metadata


HOSTILE = "<!channel> <@U0MINA> @here *bold* <https://evil.example|good> &lt;!everyone&gt; :tada:"
ESCAPED = (
    "&lt;!channel&gt; &lt;@U0MINA&gt; @here *bold* &lt;https://evil.example|good&gt; "
    "&amp;lt;!everyone&amp;gt; :tada:"
)


def elements(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for one in value for found in elements(one)]
    if not isinstance(value, dict):
        return []
    return [*([value] if "type" in value else []), *elements(list(value.values()))]


async def test_what_a_customer_writes_is_literal_and_calls_nobody(stage: Stage) -> None:
    scene = await waiting(stage, name=f"Lena {HOSTILE}")
    scene.says(HOSTILE)
    await scene.shows(ESCAPED)
    message = scene.thread[-1]
    said = [one for one in elements(message.blocks) if one["type"] in ("text", "link")]
    assert "".join(one.get("text", one.get("url")) for one in said) == HOSTILE
    for shown in (scene.card, *scene.thread):
        found = elements([shown.blocks, shown.attachments])
        assert not {"mrkdwn", "user", "usergroup", "broadcast", "channel", "markdown"} & {
            one["type"] for one in found
        }
        assert all("text" not in one for one in found if one["type"] == "link")
        assert "<" not in shown.text
        assert "<" not in (shown.username or "")


async def test_so_it_is_on_the_plainest_rung(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.fault(ok_error="invalid_blocks")
    scene.says(HOSTILE)
    await scene.shows(f"Lena (customer): {ESCAPED}")
    assert scene.thread[-1].blocks == []
    assert scene.thread[-1].options["mrkdwn"] is False
