"""What people write in a thread: what goes out, as whom, once; what stays in, and what the author is told."""

from __future__ import annotations

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.slack.state import User
from bridge.sandbox.stage import Stage
from tests.bridge.events import envelope, reply, tell
from tests.bridge.scene import FAILED, HELD, SENT, Scene, counted, later, opened, thread_of, waiting
from tests.crash.books import cards

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

_MOVEO = 'channel = "C0VIP"\nreply_mode = "{}"'
INSTEAD = {_MOVEO.format("live"): _MOVEO.format("notes_only")}


@pytest.fixture(autouse=True)
def mended(stage: Stage) -> None:
    stage.slack.faults.clear()


def agents(scene: Scene) -> list[tuple[str, str, str | None]]:
    messages = scene.vendor.conversations[scene.id].messages
    return [(one.name, one.text, one.avatar) for one in messages if one.role == "agent"]


# ── goes out ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_reply_goes_out_as_the_one_who_wrote_it(stage: Stage) -> None:
    stage.slack.state.users["U0JO"].avatar = "https://avatars.slack-edge.com/2026-01-01/2_jo_192.png"
    scene = await waiting(stage)
    by_mina = scene.writes("Hello Lena")
    by_jo = scene.writes("And hello from me", user="U0JO")
    await scene.marked(by_jo, SENT)
    await scene.marked(by_mina, SENT)
    assert agents(scene) == [
        ("Mina Park", "Hello Lena", "https://avatars.slack-edge.com/2026-01-01/1_blank_72.png"),
        ("Jo", "And hello from me", "https://avatars.slack-edge.com/2026-01-01/2_jo_192.png"),
    ]


async def test_replies_go_out_in_the_order_they_were_written(stage: Stage) -> None:
    scene = await waiting(stage)
    texts = [f"step {number}" for number in range(10)]
    last = [scene.writes(text) for text in texts][-1]
    await scene.marked(last, SENT)
    assert scene.sent == texts


@pytest.mark.parametrize("more", [{"broadcast": True}, {"subtype": "me_message"}], ids=str)
async def test_other_ways_to_write_a_reply(stage: Stage, more: dict[str, object]) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("shipping it today", **more), SENT)
    assert scene.sent == ["shipping it today"]


@pytest.mark.parametrize(
    "again",
    [{"event_id": "Ev-1"}, {"event_id": "Ev-2"}, {"event_id": "Ev-2", "ts": "1790000000.000100"}],
    ids=["the same event", "another event_id", "another ts"],
)
async def test_a_reply_told_twice_goes_out_once(stage: Stage, again: dict[str, str]) -> None:
    scene = await waiting(stage)
    first = reply(scene, "Hello Lena")
    number = first["ts"]
    second = {**first, "ts": again.get("ts", first["ts"])}
    assert (await tell(stage, envelope(stage, first, f"Ev-1-{number}"))).status_code == 200
    assert (await tell(stage, envelope(stage, second, f"{again['event_id']}-{number}"))).status_code == 200
    await scene.carried("the end")
    assert scene.sent[0] == "Hello Lena"
    assert len(scene.sent) == 2


async def test_a_reply_without_a_client_id_told_twice_goes_out_once(stage: Stage) -> None:
    scene = await waiting(stage)
    event = reply(scene, "Hello Lena", client_msg_id=None)
    for number in (1, 2):
        assert (await tell(stage, envelope(stage, event, f"Ev-{number}-{event['ts']}"))).status_code == 200
    await scene.carried()
    assert scene.sent.count("Hello Lena") == 1


async def test_people_channels_and_groups_go_out_by_name(stage: Stage) -> None:
    scene = await waiting(stage)
    text = "<@U0JO> and <!subteam^S0SUPPORT> look into <#C0VIP|vip>: <https://shop.example/mug|the mug>"
    await scene.marked(scene.writes(text), SENT)
    assert scene.sent == ["@Jo and @support-team look into #vip: the mug (https://shop.example/mug)"]


async def test_a_reply_that_is_faster_than_slacks_answer_to_us_is_not_lost(stage: Stage) -> None:
    """The thread stands in Slack, but we have not been told so: as after a crash."""
    talk = stage.ada.open("Lena")
    stage.slack.faults.next("chat.postMessage", delay=0.7, when=lambda call: talk.id in str(call))
    scene = await thread_of(stage, talk.id)
    assert not scene.thread
    await scene.marked(scene.writes("Hello Lena"), SENT)
    assert scene.sent == ["Hello Lena"]


async def test_the_vendors_echo_of_a_reply_is_not_shown(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("Hello  Lena,\nhow are you?"), SENT)
    await stage.ada.settled()  # the echo was taken
    scene.says("fine")
    await scene.shows("fine")
    assert not [one for one in scene.thread if one.username and "Mina" in one.username]


async def test_an_echo_that_does_not_say_whose_words_it_has_is_not_shown_either(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots, "Tom")
    await scene.marked(scene.writes("Hello Tom"), SENT)
    await stage.gptbots.settled()
    scene.says("fine")
    await scene.shows("fine")
    said = [message.text for card in cards(stage) for message in card.replies]
    assert said.count("Hello Tom") == 1  # Mina's own


async def test_what_another_human_wrote_at_the_vendor_is_shown(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("Hello Lena"), SENT)
    conversation = stage.ada.conversations[scene.id]
    stage.ada.take_reply(conversation, "Rafa", None, {"type": "text", "body": "Hello Lena"})
    await scene.until(lambda: scene.texts.count("Hello Lena") == 2, "Rafa's message")
    assert scene.thread[-1].username == "Rafa (agent)"


async def test_a_reply_that_cannot_be_marked_is_said_to_be_sent(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.slack.faults.next("reactions.add", ok_error="too_many_reactions")
    reply = scene.writes("Hello Lena")
    await scene.tells("A reply was sent to the customer, but could not be marked", "too many reactions")
    await scene.carried()
    assert not reply.reactions


# ── stays in ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["// she is angry", "<@U0JO> // can you look?", "<@U0JO>", "<!here>"])
async def test_a_note_stays_in_and_carries_no_mark(stage: Stage, text: str) -> None:
    scene = await waiting(stage)
    note = scene.writes(text)
    await scene.carried("only this")
    assert len(scene.sent) == 1
    assert not note.reactions


async def test_a_note_that_waited_for_slack_carries_no_mark_either(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.slack.state.users["U0NEW"] = User("U0NEW", "new", "Somebody New")
    stage.slack.faults.next("users.info", status=500, when=lambda call: call.get("user") == "U0NEW")
    note = scene.writes("// ask <@U0NEW>")
    await scene.carried()
    await scene.marked(note)


async def test_where_the_route_takes_notes_only_nothing_goes_out(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    decided = 'bridge_deliveries_total{direction="vendor",kind="reply",outcome="kept"}'
    before = await counted(stage, decided)
    note = scene.writes("Hello Lena")
    await later(lambda: more(stage, decided, before), "the note was decided")
    assert scene.sent == []
    assert not note.reactions


async def more(stage: Stage, metric: str, before: float) -> bool:
    return await counted(stage, metric) > before


# ── refused ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_guest_does_not_reply_and_hears_so_alone(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("Let me help", user="U0GUEST"), FAILED)
    await scene.whispered("U0GUEST", "This reply was not sent to the customer", "guests", "guests_may_reply")
    assert scene.sent == []
    note = scene.writes("// I only comment", user="U0GUEST")
    await scene.carried()
    assert not note.reactions


async def test_somebody_of_another_workspace_does_not_reply_either(stage: Stage) -> None:
    stage.slack.state.users["U0PARTNER"] = User("U0PARTNER", "pat", "Pat Partner", team_id="T0PARTNER")
    scene = await waiting(stage)
    stage.slack.state.channels[scene.card.channel].members.append("U0PARTNER")
    await scene.marked(scene.writes("Let me help", user="U0PARTNER"), FAILED)
    await scene.whispered("U0PARTNER", "people of other workspaces")
    assert scene.sent == []


async def test_a_reply_with_a_file_is_not_sent_by_half(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("Here it is", files=[("invoice.exe", b"MZ")]), FAILED)
    await scene.tells("A reply was not sent to the customer", "file")
    assert scene.sent == []


async def test_after_the_end_it_is_held(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.end(scene.id)
    await scene.tells("The conversation was ended")
    await scene.marked(scene.writes("Are you still there?"), HELD)
    question = await scene.whispered("U0MINA", "this reply was not sent")
    assert "Are you still there?" in question.text
    assert scene.sent == []


# ── is not for us ────────────────────────────────────────────────────────────────────────────────


async def ignored(stage: Stage, reason: str) -> float:
    return await counted(stage, f'bridge_slack_events_total{{result="{reason}"}}')


def other_bot(scene: Scene) -> Message | None:
    bot = User("U0OTHER", "deploys", "Deploy Bot", is_bot=True, bot_id="B0OTHER")
    scene.stage.slack.state.users["U0OTHER"] = bot
    return scene.writes("Deployed!", user="U0OTHER")


def unfurled(scene: Scene) -> Message | None:
    link = scene.writes("// https://shop.example/mug")
    scene.stage.slack.unfurl("C0SUPPORT", link.ts, "https://shop.example/mug")
    return link


def outside(scene: Scene) -> Message | None:
    return scene.stage.slack.post_as("U0MINA", "C0SUPPORT", "lunch?")


def other_thread(scene: Scene) -> Message | None:
    root = scene.stage.slack.post_as("U0MINA", "C0SUPPORT", "lunch?")
    return scene.stage.slack.post_as("U0JO", "C0SUPPORT", "yes!", thread_ts=root.ts)


def other_channel(scene: Scene) -> Message | None:
    root = scene.stage.slack.post_as("U0MINA", "C0ALERTS", "what is this?")
    return scene.stage.slack.post_as("U0JO", "C0ALERTS", "nothing", thread_ts=root.ts)


def joined(scene: Scene) -> Message | None:
    return scene.writes("<@U0JO> has joined the channel", user="U0JO", subtype="channel_join")


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (other_bot, "other_bot"),
        (unfurled, "unfurl"),
        (outside, "not_in_thread"),
        (other_thread, "not_our_thread"),
        (other_channel, "not_our_thread"),
        (joined, "other_subtype"),
    ],
)
async def test_what_is_no_reply_is_left_alone_and_counted(stage: Stage, happens: object, reason: str) -> None:
    scene = await waiting(stage)
    await stage.slack.settled()
    before = await ignored(stage, reason)
    message = happens(scene)  # type: ignore[operator]
    await scene.carried("only this")
    await stage.slack.settled()
    assert await ignored(stage, reason) == before + 1
    assert len(scene.sent) == 1
    assert not message.reactions


async def test_our_own_messages_are_told_to_us_and_left_alone(stage: Stage) -> None:
    before = await ignored(stage, "own_echo")
    scene = await waiting(stage)
    await stage.slack.settled()
    ours = [message for message in (scene.card, *scene.thread) if message.bot_id]
    assert await ignored(stage, "own_echo") >= before + len(ours)
    assert scene.sent == []


@pytest.mark.parametrize(
    "elsewhere",
    [{"team_id": "T0OTHER"}, {"authorizations": [{"team_id": "T0OTHER", "is_bot": True}]}],
    ids=str,
)
async def test_another_workspaces_events_are_left_alone(stage: Stage, elsewhere: dict[str, object]) -> None:
    scene = await waiting(stage)
    before = await ignored(stage, "foreign_team")
    event = reply(scene, "from elsewhere")
    answer = await tell(stage, envelope(stage, event, f"Ev-{event['ts']}", **elsewhere))
    assert answer.status_code == 200
    await scene.carried("only this")
    assert await ignored(stage, "foreign_team") == before + 1
    assert len(scene.sent) == 1
