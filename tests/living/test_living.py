"""What goes on around messages: typing, receipts, edits, deletions, threads that are gone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from bridge.sandbox.vendors.moveo import MoveoConversation
from tests.bridge.scene import PATIENCE, RECORDED
from tests.crash.books import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXTRA = """
[[routes]]
match = { source = "acme-ada" }
channel = "C0SUPPORT"
fallback_channel = "C0ALERTS"
"""
VIP = "C0VIP"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with Stage(tmp_path_factory.mktemp("stage"), channel_rate=0, extra_config=EXTRA) as stage:
        await stage.serve()
        yield stage


def roots(stage: Stage, channel: str) -> list[Message]:
    return [one for one in stage.slack.state.channel(channel).messages.values() if not one.is_reply]


def said(root: Message) -> list[str]:
    return [reply.text for reply in root.replies]


async def talking(stage: Stage, name: str) -> tuple[MoveoConversation, Message]:
    """A customer of Moveo's who asked for a human, and the thread."""
    customer = stage.moveo.open(name)
    stage.moveo.say(customer.id, "I want a human")
    seen = lambda: [one for one in roots(stage, VIP) if name in one.text and "waits for" in str(said(one))]
    await until(lambda: bool(seen()), PATIENCE, "the alert")
    return customer, seen()[0]


def agents(customer: MoveoConversation) -> list[str]:
    return [one.text for one in customer.messages if one.role == "agent"]


async def test_typing_is_the_status_of_the_thread(stage: Stage) -> None:
    customer, root = await talking(stage, "Typing Tom")
    stage.moveo.send_sample("message:compose", customer.id)

    def shown() -> tuple[str, str | None] | None:
        status = stage.slack.state.status(VIP, root.ts)
        return status and (status.text, status.username)

    await until(lambda: shown() == ("is typing…", "Sarah Johnson (agent)"), PATIENCE, "the status")
    # Our own post clears it at Slack; it is told again, since she still types.
    told = stage.slack.calls.count("assistant.threads.setStatus")
    stage.moveo.send_sample("message:brain_send/text", customer.id)
    await until(lambda: stage.slack.calls.count("assistant.threads.setStatus") > told, PATIENCE, "told again")
    await until(lambda: shown() == ("is typing…", "Sarah Johnson (agent)"), PATIENCE, "the status again")
    stage.moveo.send_sample("message:compose/stop", customer.id)
    await until(lambda: shown() is None, PATIENCE, "the status gone")
    assert not any("typing" in text for text in said(root))


async def test_typing_ends_with_what_was_typed(stage: Stage) -> None:
    customer, root = await talking(stage, "Typing Tess")
    status = lambda: stage.slack.state.status(VIP, root.ts)
    stage.moveo.send_sample("message:compose", customer.id)
    await until(lambda: status() is not None, PATIENCE, "the status")
    stage.moveo.send_sample("message:send", customer.id)  # her own message: it takes the status away
    await until(lambda: any("I'm Sarah" in text for text in said(root)), PATIENCE, "what she typed")
    stage.moveo.send_sample("message:brain_send/text", customer.id)  # no reason to show it again
    await until(lambda: any("order status" in text for text in said(root)), PATIENCE, "another's message")
    reply = stage.slack.post_as("U0MINA", VIP, "One", thread_ts=root.ts)
    await until(lambda: RECORDED in reply.reactions, PATIENCE, "recorded")
    assert status() is None


async def test_typing_behind_the_first_message_is_shown(stage: Stage) -> None:
    stage.slack.faults.next("chat.postMessage", delay=0.5)  # the card: the typing comes meanwhile
    # Without the AI agent's greeting: its own typing would take the place of hers.
    customer = stage.moveo.create(None, {"user": {"user_id": "theo", "display_name": "Typing Theo"}})
    stage.moveo.send_sample("message:brain_send/text", customer.id)
    stage.moveo.send_sample("message:compose", customer.id)
    found = lambda: [root for root in roots(stage, VIP) if "Typing Theo" in root.text]
    await until(lambda: bool(found()), PATIENCE, "the thread")
    (root,) = found()
    typing = lambda: stage.slack.state.status(VIP, root.ts)
    await until(lambda: typing() is not None, PATIENCE, "the status")
    shown = typing()
    assert shown is not None and shown.username == "Sarah Johnson (agent)"


async def test_typing_is_never_a_reason_to_fail(stage: Stage) -> None:
    customer, root = await talking(stage, "Typing Tim")
    stage.slack.faults.next("assistant.threads.setStatus", ok_error="no_permission")
    stage.moveo.send_sample("message:compose", customer.id)
    before = len(root.replies)
    stage.moveo.send_sample("message:brain_send/text", customer.id)
    await until(lambda: len(root.replies) > before, PATIENCE, "the message after it")
    refused = lambda: [one for one in stage.slack.calls.of("assistant.threads.setStatus") if one.error]
    await until(lambda: bool(refused()), PATIENCE, "the status refused")
    assert [one.error for one in refused()] == ["no_permission"]  # and not tried again


async def test_receipts_show_on_the_last_reply(stage: Stage) -> None:
    customer, root = await talking(stage, "Receipt Rita")
    first = stage.slack.post_as("U0MINA", VIP, "One", thread_ts=root.ts)
    last = stage.slack.post_as("U0MINA", VIP, "Two", thread_ts=root.ts)
    stage.slack.post_as("U0MINA", VIP, "// a note", thread_ts=root.ts)
    await until(lambda: RECORDED in last.reactions, PATIENCE, "both sent")
    stage.moveo.send_sample("message:delivered", customer.id)  # by the AI agent: of no reply
    stage.moveo.send_sample("message:read/visitor", customer.id)
    await until(lambda: "eyes" in last.reactions, PATIENCE, "it is read")
    assert "inbox_tray" not in last.reactions
    stage.moveo.receipt(customer, "delivered")
    await until(lambda: {"inbox_tray", "eyes"} <= set(last.reactions), PATIENCE, "both receipts")
    assert set(first.reactions) == {RECORDED}


async def test_a_change_before_it_goes_out_is_what_goes_out(stage: Stage) -> None:
    customer, root = await talking(stage, "Edit Eve")
    stage.moveo.faults.next("*/messages/agent", status=503, times=1000)  # it waits: time to think again
    stage.slack.post_as("U0MINA", VIP, "First", thread_ts=root.ts)
    second = stage.slack.post_as("U0MINA", VIP, "Secnod", thread_ts=root.ts)
    third = stage.slack.post_as("U0MINA", VIP, "Thrid", thread_ts=root.ts)
    stage.slack.edit_as("U0MINA", VIP, second.ts, "Second")
    stage.slack.delete_as("U0MINA", VIP, third.ts)
    stage.slack.post_as("U0MINA", VIP, "Last", thread_ts=root.ts)
    await stage.slack.settled()
    stage.moveo.faults.clear()
    await until(lambda: "Last" in agents(customer), PATIENCE, "the last")
    assert agents(customer) == ["First", "Second", "Last"]


async def test_a_change_that_comes_too_late_offers_a_correction(stage: Stage) -> None:
    customer, root = await talking(stage, "Late Lena")
    reply = stage.slack.post_as("U0MINA", VIP, "It is bule", thread_ts=root.ts)
    await until(lambda: RECORDED in reply.reactions, PATIENCE, "sent")
    stage.slack.edit_as("U0MINA", VIP, reply.ts, "It is blue")
    await until(lambda: "changed here after it had gone out" in said(root)[-1], PATIENCE, "the notice")
    notice = root.replies[-1]
    assert agents(customer) == ["It is bule"]
    for _ in range(2):  # pressed twice is sent once
        assert (await stage.slack.press("U0JO", notice, "send_correction")).ok
    await until(lambda: len(agents(customer)) == 2, PATIENCE, "the correction")
    stage.slack.post_as("U0MINA", VIP, "Done", thread_ts=root.ts)
    await until(lambda: "Done" in agents(customer), PATIENCE, "what comes after")
    assert agents(customer) == ["It is bule", "Correction:\nIt is blue", "Done"]


async def test_a_deletion_that_comes_too_late_is_told(stage: Stage) -> None:
    customer, root = await talking(stage, "Gone Gus")
    reply = stage.slack.post_as("U0MINA", VIP, "Oops", thread_ts=root.ts)
    await until(lambda: RECORDED in reply.reactions, PATIENCE, "sent")
    stage.slack.delete_as("U0MINA", VIP, reply.ts)
    await until(lambda: "deleted here after it had gone out" in said(root)[-1], PATIENCE, "the notice")
    assert agents(customer) == ["Oops"]


async def test_a_changed_note_stays_a_note(stage: Stage) -> None:
    customer, root = await talking(stage, "Note Nora")
    note = stage.slack.post_as("U0MINA", VIP, "// she is upset", thread_ts=root.ts)
    stage.slack.post_as("U0MINA", VIP, "Hello", thread_ts=root.ts)
    await until(lambda: agents(customer) == ["Hello"], PATIENCE, "the reply")
    stage.slack.edit_as("U0MINA", VIP, note.ts, "she is upset")
    stage.slack.post_as("U0MINA", VIP, "Bye", thread_ts=root.ts)
    await until(lambda: "Bye" in agents(customer), PATIENCE, "the next reply")
    assert agents(customer) == ["Hello", "Bye"]
    assert not any("changed here" in text for text in said(root))


async def test_an_unfurled_link_is_no_change(stage: Stage) -> None:
    customer, root = await talking(stage, "Link Lou")
    reply = stage.slack.post_as("U0MINA", VIP, "See https://example.com/a", thread_ts=root.ts)
    await until(lambda: RECORDED in reply.reactions, PATIENCE, "sent")
    stage.slack.unfurl(VIP, reply.ts, "https://example.com/a")
    stage.slack.post_as("U0MINA", VIP, "Next", thread_ts=root.ts)
    await until(lambda: "Next" in agents(customer), PATIENCE, "the next reply")
    assert not any("changed here" in text for text in said(root))


async def test_a_deleted_card_opens_another_thread_once(stage: Stage) -> None:
    customer, root = await talking(stage, "Card Cora")
    before = len(roots(stage, VIP))
    stage.slack.state.delete(root)
    await stage.slack.settled()  # the bridge has heard of it
    for _ in range(3):
        stage.moveo.send_sample("message:brain_send/text", customer.id)
    await until(lambda: len(roots(stage, VIP)) == before + 1, PATIENCE, "another thread")
    new = roots(stage, VIP)[-1]
    await until(lambda: len(new.replies) == 4, PATIENCE, "a line that says so, and all three")
    assert said(new)[0] == "This conversation goes on here: its earlier thread is gone."
    reply = stage.slack.post_as("U0MINA", VIP, "Still here", thread_ts=new.ts)
    await until(lambda: RECORDED in reply.reactions, PATIENCE, "a reply from the new one")
    old = stage.slack.post_as("U0MINA", VIP, "And from the old one", thread_ts=root.ts)
    await until(lambda: RECORDED in old.reactions, PATIENCE, "a reply from the old one")
    assert agents(customer) == ["Still here", "And from the old one"]


async def test_while_its_channel_is_away_a_conversation_is_in_the_fallback(stage: Stage) -> None:
    lena = stage.ada.open("Archive Ada")
    stage.ada.say(lena.id, "hello")
    await until(
        lambda: any("Archive Ada" in one.text for one in roots(stage, "C0SUPPORT")), PATIENCE, "the thread"
    )
    channel = stage.slack.state.channel("C0SUPPORT")
    channel.is_archived = True
    try:
        stage.ada.say(lena.id, "where is my order?")
        stage.ada.say(stage.ada.open("Archive Anna").id, "hello")
        found = lambda: [one for one in roots(stage, "C0ALERTS") if "Archive" in one.text]
        await until(lambda: len(found()) == 2, PATIENCE, "both in the fallback")
        await until(lambda: all(len(one.replies) >= 3 for one in found()), PATIENCE, "their messages")
        told = lambda: {text for one in found() for text in said(one)}
        await until(lambda: "where is my order?" in told(), PATIENCE, "what was said meanwhile")
    finally:
        channel.is_archived = False
    assert all("its channel is away" in said(one)[0] for one in found())
