"""The slips that users of other bridges complain of, from end to end: one test for each, by its row.

Their parts are tested where they belong; here is what an agent would have seen, and the customer.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.events import envelope, tell
from tests.bridge.scene import FAILED, HELD, SENT, Scene, buttons, opened, thread_of, waiting
from tests.handoffs.stands import NOTE, ONCE, TAKE_OVER, ends
from tests.handoffs.ways import named

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
INSTEAD = {
    "[store]": '[aliases]\nU0MINA = "Mia"\n\n[store]',
    'channel = "C0VIP"': 'channel = "C0VIP"\nidentity = "alias"\nteam_name = "The shop"',
    'channel = "C0SUPPORT"': 'channel = "C0SUPPORT"\nidentity = "team"',
}

TIMES = 5  # that each race is run, at each vendor


async def test_row_1_internal_talk_never_reaches_the_customer(stage: Stage) -> None:
    """Internal talk reached the customer: a prefix was forgotten, came late, or was written otherwise."""
    scene = await opened(stage, stage.moveo)
    notes = [scene.writes("  \n// while the AI agent has her")]
    talk, question = await scene.held("she sounds angry, Jo?")
    await scene.presses(question, NOTE)
    await scene.marked(talk)
    scene.says("I want a human")
    await scene.stands("waiting for a human")
    notes += [
        scene.writes("*//* while she waits"),
        scene.writes("<@U0JO>"),
        scene.writes("!note while she waits"),
        scene.writes("// the contract", files=[("contract.pdf", b"%PDF-1.7")]),
    ]
    guests = scene.writes("I would give her nothing", user="U0GUEST")
    await scene.marked(guests, FAILED)
    await scene.marked(scene.writes("Hello Lena"), SENT)
    locked = scene.writes("!clam, she is angry")  # held: so there is time for a lock
    await scene.marked(locked, HELD)
    scene.locks(locked)
    await scene.marked(locked, "lock")
    by_jo, question = await scene.held("is she still there?", "U0JO", "Mina Park has the conversation")
    scene.edits(by_jo, "// is she still there?")
    await stage.slack.settled()
    await scene.presses(question, ONCE, "U0JO")
    await scene.marked(by_jo)
    ends(scene)
    await scene.stands("closed")
    last, question = await scene.held("glad that is over")
    await scene.presses(question, NOTE)
    await scene.marked(last)
    assert scene.sent == ["Hello Lena"]
    assert not any(note.reactions for note in notes)


def changes(scene: Scene) -> int:
    """How often somebody else got the conversation."""
    with contextlib.closing(sqlite3.connect(scene.stage.folder / "bridge.sqlite3", timeout=10)) as store:
        asked = "SELECT changes FROM conversation WHERE external_id = ?"
        return int(store.execute(asked, (scene.id,)).fetchone()[0])


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_row_2_the_bot_does_not_talk_on_unseen(stage: Stage, name: str) -> None:
    """Bot keeps talking over the human: a reply moves control, once, and what the AI agent says then is shown
    as what it is, to the whole channel."""
    scene = await waiting(stage, named(stage, name))
    before = changes(scene)
    await scene.marked(scene.writes("Hello Lena"), SENT)
    await scene.stands("Mina Park has the conversation")
    scene.vendor.bot_says(scene.talk, "Have you tried the lamp?")
    odd = await scene.told("The AI agent said this after a human took over", "Have you tried the lamp?")
    assert odd.broadcast
    await scene.marked(scene.writes("Only me, from now on"), SENT)
    await scene.vendor.settled()  # the echoes of both are taken
    assert changes(scene) == before + 1
    assert [one.text for one in scene.thread if one.broadcast and "took over" in one.text] == [odd.text]


async def test_row_5_edits_are_neither_duplicated_nor_lost(stage: Stage) -> None:
    """Edits duplicated, or lost: a preview is none, one in time is what goes out, a late one may be sent as a
    correction."""
    scene = await opened(stage)
    link = "https://shop.example/mug"
    reply, question = await scene.held(f"This: {link}", "U0MINA", "This:")
    stage.slack.unfurl(reply.channel, reply.ts, link)
    scene.edits(reply, f"That one: {link}")
    stage.slack.unfurl(reply.channel, reply.ts, link)
    await stage.slack.settled()
    await scene.presses(question, ONCE)
    await scene.marked(reply, SENT)
    assert scene.sent == [f"That one: {link}"]
    stage.slack.unfurl(reply.channel, reply.ts, link)
    edit = changed(reply, "No, the lamp")
    for _ in range(2):  # Slack may tell anything twice
        assert (await tell(stage, envelope(stage, edit, f"Ev-{reply.ts}"))).status_code == 200
    scene.edits(reply, "No, the lamp")
    offers = lambda: [one for one in scene.thread if "changed here after it had gone out" in one.text]
    await scene.until(lambda: len(offers()) == 2, "both edits told, the forged and the real one")
    await asyncio.gather(*(scene.presses(offers()[1], "send_correction") for _ in range(2)))
    await scene.until(lambda: len(scene.sent) > 1, "the correction")
    _, last = await scene.held("anything else?")  # decided after it
    await scene.presses(last, ONCE)
    await scene.until(lambda: scene.sent[-1] == "anything else?", "what comes after")
    assert scene.sent == [f"That one: {link}", "Correction:\nNo, the lamp", "anything else?"]
    assert len(offers()) == 2


def changed(message: Message, text: str | None = None) -> dict[str, Any]:
    """The event of a change: by its author, or without `text` by Slack itself."""
    before = message.as_json()
    edit = {"user": message.user, "ts": f"{time.time():.6f}"}
    after = before | ({} if text is None else {"text": text, "edited": edit})
    told = {"type": "message", "subtype": "message_changed", "channel": message.channel, "hidden": True}
    return {**told, "message": after, "previous_message": before, "ts": "1.0"}


async def test_row_6_a_deleted_root_replays_nothing(stage: Stage) -> None:
    """Deleting a thread root replays all replies as edits: here the next message opens another thread, and
    nothing else happens."""
    scene = await opened(stage)
    first, question = await scene.held("Hello Lena")
    await scene.presses(question, ONCE)
    await scene.marked(first, SENT)
    second, question = await scene.held("One more thing")
    note = scene.writes("// she is angry")
    stage.slack.state.delete(scene.card)
    for number, message in enumerate((first, second, note)):
        event = changed(message)
        assert (await tell(stage, envelope(stage, event, f"Ev-{message.ts}-{number}"))).status_code == 200
    await stage.slack.settled()
    before = scene.texts
    scene.says("where is my order?")
    new = await thread_of(stage, scene.id)
    await new.tells("where is my order?")
    assert "goes on here: its earlier thread is gone" in new.texts[0]
    assert scene.sent == ["Hello Lena"]
    assert not {"Hello Lena", "One more thing", "// she is angry"} & set(new.texts)
    assert scene.texts == before
    await scene.presses(question, ONCE)  # what was held is still its author's to decide
    await scene.marked(second, SENT)
    assert scene.sent == ["Hello Lena", "One more thing"]


async def test_row_18_no_id_and_no_private_link_leaks(stage: Stage) -> None:
    """Mentions leak as <@U123> or #C123: not to the customer, and not into the question either."""
    scene = await opened(stage, stage.moveo)
    text = (
        "<@U0JO>, <@U0NOBODY>, <!subteam^S0SUPPORT>, <!subteam^S0NONE>, <#C0VIP|vip>, <#C0NONE|gone>, "
        "<!here>: see https://acme.slack.com/archives/C0VIP/p1 and <https://shop.example/mug|the mug>"
    )
    reply, question = await scene.held(text, "U0MINA", "@Jo")
    await scene.presses(question, ONCE)
    await scene.marked(reply, SENT)
    (sent,) = scene.sent
    assert sent.startswith("@Jo, @someone, @support-team, @someone, #vip, #")
    assert sent.endswith("see (a private link) and the mug (https://shop.example/mug)")
    for said in (sent, question.text):
        assert not [one for one in ("U0", "C0", "S0", "<", "&lt;", "slack.com") if one in said]


async def test_row_20_the_customer_sees_who_they_shall_see(stage: Stage) -> None:
    """Wrong sender shown to the customer: an alias, else the team's name, or that for all; and nobody's face.

    As themselves: tests/bridge/test_replies.py. GPTBots shows its customers no names.
    """
    by_alias, as_team = await waiting(stage, stage.moveo), await waiting(stage)
    for scene in (by_alias, as_team):
        for user in ("U0MINA", "U0JO"):
            scene.writes(f"!transfer <@{user}>")
            await scene.stands(f"{'Jo' if user == 'U0JO' else 'Mina Park'} has the conversation")
            await scene.marked(scene.writes(f"this is {user}", user), SENT)
        await scene.vendor.settled()
        scene.says("who is there?")
        assert not [one for one in scene.thread if one.username and "(agent)" in one.username]  # no echoes
    shown = lambda scene: [
        (one.name, one.avatar) for one in scene.vendor.conversations[scene.id].messages if one.role == "agent"
    ]
    assert shown(by_alias) == [("Mia", None), ("The shop", None)]
    assert shown(as_team) == [("Support", None)] * 2


@pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])
async def test_row_25_two_agents_do_not_answer_one_customer(stage: Stage, name: str) -> None:
    """Two agents answer the same customer: of two replies written at the same moment one goes out.

    A reply and a claim at the same moment, and more of that: tests/handoffs/test_races.py.
    """

    async def race(number: int) -> None:
        scene = await _slowly(await waiting(stage, vendor, f"Lena {number}"), number)
        users = ("U0MINA", "U0JO") if number % 2 else ("U0JO", "U0MINA")
        replies = [scene.writes(f"from {user}", user) for user in users]
        decided = lambda: all({scene.taken, HELD} & one.reactions.keys() for one in replies)
        await scene.until(decided, "both replies decided")
        (winner,) = [one for one in replies if scene.taken in one.reactions]
        (loser,) = [one for one in replies if HELD in one.reactions]
        assert scene.sent == [winner.text]
        has_it = "Mina Park" if winner.user == "U0MINA" else "Jo"
        question = await scene.whispered(str(loser.user), f"{has_it} has the conversation", loser.text)
        assert buttons(question) == [TAKE_OVER, ONCE, NOTE]
        assert scene.whispers(str(winner.user)) == []
        await scene.stands(f"{has_it} has the conversation")

    vendor = named(stage, name)
    await asyncio.gather(*(race(number) for number in range(TIMES)))


async def _slowly(scene: Scene, number: int) -> Scene:
    """Every second time the vendor takes its time with the first reply."""
    if number % 2:
        paths = {"ada": f"*/{scene.id}/messages/", "moveo": f"*/{scene.id}/messages/agent"}
        scene.vendor.faults.next(
            paths.get(scene.vendor.name, "*/human/message/receive"), method="POST", delay=0.3
        )
    return scene
