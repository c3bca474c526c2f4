"""Edits and deletions of messages, also of those that are not here yet, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select

from bridge.delivery.kinds import Look, SlackReply
from bridge.engine.reread import reread
from bridge.engine.work import Done, Found, Incoming, NewDelivery, PutBack, Turn
from bridge.model import DeliveryState, Direction, ThreadKey
from bridge.store import Store
from bridge.store.tables import delivery, early_change
from tests.stores import opened, receive, said

THREAD = ThreadKey(team="T", channel="C", ts="1.1")
ELSEWHERE = ThreadKey(team="T", channel="C9", ts="2.1")
LATE = NewDelivery(Direction.SLACK, "too_late", "too_late", "{}")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        await receive(store, said("c", 1))
        await store.open_thread(1, THREAD, "card")
        yield store


def place(ts: str) -> ThreadKey:
    return THREAD.model_copy(update={"ts": ts})


def message(ts: str, text: str = "before", **more: Any) -> dict[str, Any]:
    told = {"team": "T", "channel": "C", "ts": ts, "thread_ts": "1.1", "user": "U0MINA", "text": text}
    return {**told, **more}


def reply(ts: str, text: str = "before", **more: Any) -> NewDelivery:
    return NewDelivery(
        Direction.VENDOR, "reply", f"cm-{ts}", json.dumps(message(ts, text, **more)), message=ts
    )


class Slack:
    """What Slack tells the store, each under an id of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.events = 0

    def _event(self) -> Incoming:
        self.events += 1
        return Incoming("@slack", f"Ev{self.events}", "events", b"{}")

    async def writes(self, new: NewDelivery, where: ThreadKey = THREAD) -> str:
        return await self.store.keep_reply(self._event(), where, new)

    async def edits(self, ts: str, text: str, *, where: ThreadKey | None = THREAD, **more: Any) -> str:
        """As documented where it names no thread: `where` is None."""
        changed = message(ts, text, **more)
        if where is None:
            del changed["thread_ts"], changed["user"]
        key = f"cm-{ts}" if where else f"C:{ts}"
        return await self.store.amend_reply(
            self._event(), where, key, SlackReply.model_validate(changed), (LATE,), place(ts)
        )

    async def deletes(self, ts: str, *, where: ThreadKey | None = THREAD) -> str:
        key = f"cm-{ts}" if where else f"C:{ts}"
        return await self.store.amend_reply(self._event(), where, key, None, (LATE,), place(ts))


@pytest.fixture
def slack(store: Store) -> Slack:
    return Slack(store)


async def rows(store: Store) -> list[tuple[str, str, dict[str, Any]]]:
    """The replies in their order: kind, state, payload."""
    wanted = select(delivery.c.kind, delivery.c.state, delivery.c.payload).where(
        delivery.c.kind.in_(("reply", "act"))
    )
    found = await store._database.run(
        lambda connection: connection.execute(wanted.order_by(delivery.c.id)).all()
    )
    return [(row.kind, row.state, json.loads(row.payload)) for row in found]


async def marks(store: Store) -> int:
    count = select(func.count()).select_from(early_change)
    return int(await store._database.run(lambda connection: connection.execute(count).scalar_one()))


async def turn_of(store: Store, worker: int, kind: str = "reply") -> Turn:
    found = []
    for turn in await store.claim(worker, 30, 20):
        if turn.kind == kind:
            found.append(turn)
        else:
            await store.advance(turn, Done(), keep_going=False)
    (turn,) = found
    return turn


# ── before the message is here ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("where", [THREAD, None], ids=["as seen", "as documented"])
async def test_deleted_first_it_is_a_note(store: Store, slack: Slack, where: ThreadKey | None) -> None:
    assert await slack.deletes("2.1", where=where) == "remembered"
    assert await slack.edits("2.1", "after", where=where) == "remembered"  # what was deleted stays so
    assert await slack.writes(reply("2.1")) == "deleted"
    assert await slack.writes(reply("2.1")) == "duplicate"
    assert await slack.writes(reply("2.2")) == "queued"
    assert [state for _, state, _ in await rows(store)] == [DeliveryState.CANCELLED, DeliveryState.QUEUED]
    turn = await turn_of(store, await store.join())
    assert json.loads(turn.body)["ts"] == "2.2"


@pytest.mark.parametrize("where", [THREAD, None], ids=["as seen", "as documented"])
async def test_edited_first_it_is_read_from_slack(
    store: Store, slack: Slack, where: ThreadKey | None
) -> None:
    assert await slack.edits("2.1", "// after", where=where) == "remembered"
    assert await slack.writes(reply("2.1")) == "queued"
    ((kind, state, payload),) = await rows(store)
    assert (kind, state, payload["reread"]) == ("reply", DeliveryState.QUEUED, True)


@pytest.mark.parametrize("change", ["edits", "deletes"])
async def test_a_command_counts_as_it_is_by_then(store: Store, slack: Slack, change: str) -> None:
    await (slack.edits("2.1", "Hello") if change == "edits" else slack.deletes("2.1"))
    asked = message("2.1") | {"act": "resolve", "to": None}
    act = NewDelivery(Direction.VENDOR, "act", "act:cm-2.1", json.dumps(asked))
    became = await slack.writes(act)
    ((kind, state, payload),) = await rows(store)
    assert kind == "reply" and "act" not in payload
    expected = {"edits": ("queued", DeliveryState.QUEUED), "deletes": ("deleted", DeliveryState.CANCELLED)}
    assert (became, state) == expected[change]


async def test_what_is_written_elsewhere_is_not_remembered(store: Store, slack: Slack) -> None:
    event = Incoming("@slack", "elsewhere", "events", b"{}")
    assert await store.amend_reply(event, None, "C9:2.1", None, (), ELSEWHERE) == "not_our_thread"
    assert await store.amend_reply(event, ELSEWHERE, "C9:2.2", None, (), ELSEWHERE) == "not_our_thread"
    assert await marks(store) == 0


async def test_what_is_known_already_is_not_queued_to_be_read(store: Store, slack: Slack) -> None:
    act = NewDelivery(Direction.VENDOR, "act", "act:cm-2.1", json.dumps(message("2.1") | {"act": "resolve"}))
    assert await slack.writes(act) == "queued"
    assert await slack.writes(reread(reply("2.1"))) == "duplicate"
    assert await slack.writes(reply("2.2")) == "queued"
    again = reply("2.2")
    assert await slack.writes(reread(NewDelivery(again.direction, "reply", "C:2.2", again.body, "2.2"))) == (
        "duplicate"
    )


async def test_what_a_look_found_counts_as_it_is_by_then(store: Store, slack: Slack) -> None:
    worker = await store.join()
    look = NewDelivery.of(Look(team="T", channel="C", ts="1.1", since=0.0), "look:C:1.1:1")
    assert await slack.writes(look) == "queued"
    turn = await turn_of(store, worker, "look")
    assert await slack.deletes("2.1") == "remembered"
    assert await slack.edits("2.2", "after") == "remembered"
    found = [
        Found(place(ts), Incoming("@slack", f"found:{ts}", "replies", b"{}"), reply(ts), (f"cm-{ts}",))
        for ts in ("2.1", "2.2", "2.3")
    ]
    assert await store.keep_found(turn, found) == 3
    told = [(state, "reread" in payload) for _, state, payload in await rows(store)]
    assert sorted(told) == [
        (DeliveryState.CANCELLED, True),
        (DeliveryState.QUEUED, False),
        (DeliveryState.QUEUED, True),
    ]


@pytest.mark.parametrize("change", ["edits", "deletes"])
@pytest.mark.parametrize("first", ["message", "change"])
async def test_neither_overlooks_the_other(store: Store, slack: Slack, change: str, first: str) -> None:
    """At once: whichever is first, the words that were written first do not go out."""
    for number in range(10):
        ts = f"3.{number}"
        written = slack.writes(reply(ts))
        changed = slack.edits(ts, "// after") if change == "edits" else slack.deletes(ts)
        both = (written, changed) if first == "message" else (changed, written)
        await asyncio.gather(*both)
    for _, state, payload in await rows(store):
        as_written = payload["text"] == "before" and "reread" not in payload
        assert state == DeliveryState.CANCELLED or (change == "edits" and not as_written)


# ── once it is here ──────────────────────────────────────────────────────────────────────────────


async def test_as_documented_a_change_finds_its_reply(store: Store, slack: Slack) -> None:
    for ts in ("2.1", "2.2"):
        await slack.writes(reply(ts))
    assert await slack.edits("2.1", "after", where=None) == "amended"
    assert await slack.deletes("2.2", where=None) == "amended"
    (_, waits, changed), (_, gone, _) = await rows(store)
    assert (waits, gone) == (DeliveryState.QUEUED, DeliveryState.CANCELLED)
    assert changed == message("2.1", "after")
    assert await marks(store) == 0


async def test_a_change_by_slack_itself_is_none(store: Store, slack: Slack) -> None:
    await slack.writes(reply("2.1"))
    assert await slack.edits("2.1", "before", where=None) == "unchanged"
    worker = await store.join()
    turn = await turn_of(store, worker)
    assert await store.begin_reply(turn, "0", (), None) is None
    await store.advance(turn, Done(), keep_going=False)
    assert await slack.edits("2.1", "before", where=None) == "unchanged"
    assert await slack.edits("2.1", "after", where=None) == "too_late"
    assert await slack.deletes("2.1", where=None) == "too_late"


@pytest.mark.parametrize("where", [THREAD, None], ids=["as seen", "as documented"])
@pytest.mark.parametrize(
    "part",
    [
        {"blocks": [{"type": "table", "block_id": "b", "rows": [[{"type": "raw_text", "text": "9 EUR"}]]}]},
        {"attachments": [{"id": 1, "blocks": [{"type": "table", "rows": []}]}]},
        {"files": [{"id": "F1"}]},
    ],
    ids=lambda part: next(iter(part)),
)
async def test_an_edit_beside_the_words_counts(
    store: Store, slack: Slack, part: dict[str, Any], where: ThreadKey | None
) -> None:
    await slack.writes(reply("2.1", **part))
    edited = {**part, **({"blocks": [{**part["blocks"][0], "block_id": "c"}]} if "blocks" in part else {})}
    assert await slack.edits("2.1", "before", where=where, **edited) == "unchanged"
    assert await slack.edits("2.1", "before", where=where, edited_at="5.1") == "amended"
    ((_, _, payload),) = await rows(store)
    assert not part.keys() & payload.keys()
    assert await slack.edits("2.1", "before", where=where, edited_at="5.2", **part) == "amended"
    ((_, _, payload),) = await rows(store)
    assert part.items() <= payload.items()


async def test_an_older_edit_does_not_undo_a_later_one(store: Store, slack: Slack) -> None:
    await slack.writes(reply("2.1"))
    assert await slack.edits("2.1", "two", edited_at="5.2") == "amended"
    assert await slack.edits("2.1", "one", edited_at="5.1") == "unchanged"
    assert await slack.edits("2.1", "three", edited_at="5.3") == "amended"
    ((_, _, payload),) = await rows(store)
    assert payload["text"] == "three"


async def test_as_documented_a_deleted_first_message_takes_its_thread_along(
    store: Store, slack: Slack
) -> None:
    assert await slack.deletes(THREAD.ts, where=None) == "forgotten"
    assert (await store.conversation(1)).thread is None
    assert await marks(store) == 0


# ── read again ───────────────────────────────────────────────────────────────────────────────────


async def test_what_was_read_is_what_the_delivery_says(store: Store, slack: Slack) -> None:
    worker = await store.join()
    await slack.writes(reread(reply("2.1", late=True)))
    turn = await turn_of(store, worker)
    await store.rewrite(turn, SlackReply.model_validate(message("2.1", "as it reads now")))
    ((_, _, payload),) = await rows(store)
    assert payload == message("2.1", "as it reads now", late=True)


async def test_what_was_edited_meanwhile_is_read_once_more(store: Store, slack: Slack) -> None:
    worker = await store.join()
    await slack.writes(reread(reply("2.1")))
    turn = await turn_of(store, worker)
    assert await slack.edits("2.1", "newer") == "amended"
    await store.rewrite(turn, SlackReply.model_validate(message("2.1", "older")))
    ((_, _, payload),) = await rows(store)
    assert (payload["text"], payload["reread"]) == ("newer", True)
    await store.advance(turn, PutBack(0.0), keep_going=False)
    assert json.loads((await turn_of(store, worker)).body)["text"] == "newer"
