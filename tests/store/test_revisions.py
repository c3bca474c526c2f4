"""A message that a vendor tells again under the same id: the same words, or others, which are a revision."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bridge.adapter import Webhook
from bridge.delivery.kinds import Revision
from bridge.engine.work import Done, Incoming, Turn
from bridge.model import (
    EVENT,
    Audio,
    Author,
    Card,
    Carousel,
    Image,
    Message,
    Option,
    Options,
    Presence,
    Role,
    Text,
    UnknownEvent,
)
from bridge.store import Store
from bridge.store.tables import conversation, delivery, handoff, inbox
from tests import signing
from tests.stores import opened, said
from tests.vendors import AT, MOVEO_SECRET, make

AUTHOR = Author(role=Role.AGENT, name="Kim")
FIRST, SECOND = json.loads((Path(__file__).parent / "same_id.json").read_text())


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


def words(text: str, **changes: Any) -> Message:
    return said("c", 1).model_copy(update={"parts": (Text(text=text),), **changes})


async def came(store: Store, message: Message, key: str = "webhook") -> bool:
    body = message.model_dump_json().encode()
    return await store.keep_events(Incoming("acme-ada", key, "", body), (message,))


async def carried(store: Store, ref: str = "1.1", worker: int | None = None) -> list[Turn]:
    """All that the thread's lane has, carried."""
    worker, turns = worker or await store.join(), list[Turn]()
    while claimed := [one for one in await store.claim(worker, 30, 10) if one.direction == "slack"]:
        (turn,) = claimed
        while turn is not None:
            turns.append(turn)
            _, turn = await store.advance(turn, Done(ref), keep_going=True)  # type: ignore[assignment]
    return turns


async def test_other_words_under_a_known_id_are_told_once(store: Store) -> None:
    assert await came(store, words(FIRST), "w1")
    again = words(f"  {FIRST}\n", at=said("c", 1).at + timedelta(seconds=9))
    for number, message in enumerate((again, words(SECOND), words(SECOND, at=again.at), words(FIRST))):
        await came(store, message, f"again {number}")

    turns = await carried(store)
    assert [turn.kind for turn in turns] == ["event", Revision.kind.name]
    assert [json.loads(turn.body)["parts"][0]["text"] for turn in turns] == [FIRST, SECOND]
    assert {json.loads(turn.body)["id"] for turn in turns} == {"c:1"}


def at(seconds: float, text: str, **changes: Any) -> Message:
    return words(text, at=said("c", 1).at + timedelta(seconds=seconds), **changes)


@pytest.mark.parametrize(
    ("dates", "shown"),
    [
        ((0, 5, 10), ["A", "B", "A"]),  # the vendor took the correction back
        ((0, 5, 10, 15), ["A", "B", "A", "B"]),
        ((0, 5, 0), ["A", "B"]),  # a repetition of the first
        ((5, 0), ["A", "B"]),
        ((5, 0, 5, 0), ["A", "B"]),
        ((0, 0, 0, 0), ["A", "B"]),
    ],
)
async def test_the_first_words_again_count_where_they_are_dated_later(
    store: Store, dates: tuple[float, ...], shown: list[str]
) -> None:
    for number, seconds in enumerate(dates):
        await came(store, at(seconds, "AB"[number % 2]), f"w{number}")
    assert [json.loads(turn.body)["parts"][0]["text"] for turn in await carried(store)] == shown


async def test_undated_words_again_are_a_repetition(store: Store) -> None:
    for number, text in enumerate("ABA"):
        await came(store, at(number * 9, text, dated=False), f"w{number}")
    assert [json.loads(turn.body)["parts"][0]["text"] for turn in await carried(store)] == ["A", "B"]


@pytest.mark.parametrize(
    ("first", "second", "overtaken"),
    [(0.0, -5.0, True), (-5.0, 0.0, False), (-4.5, -5.0, False), (86_400.0, 0.0, False)],
)
async def test_words_of_an_earlier_time_are_no_correction(
    store: Store, first: float, second: float, overtaken: bool
) -> None:
    """But for those before which a single message has a wrong date."""
    now = (datetime.now(UTC) - said("c", 1).at).total_seconds()
    for number in range(5):
        other = said("c", 10 + number).model_copy(update={"at": datetime.now(UTC)})
        await came(store, other, f"other {number}")
    await came(store, at(now + first, FIRST), "w1")
    await came(store, at(now + second, SECOND), "w2")
    (turn,) = [one for one in await carried(store) if one.kind == Revision.kind.name]
    revision = EVENT.validate_json(turn.body)
    assert isinstance(revision, Message)
    assert await store.is_overtaken(turn, revision) is overtaken


PARTS = [
    (Audio(url="https://x.test/a"), Audio(url="https://x.test/b", transcript="Cancel it")),
    (Options(options=(Option(text="Yes"),)), Options(options=(Option(text="No"),))),
    (Carousel(cards=(Card(title="Lamp"),)), Carousel(cards=(Card(title="Chair"),))),
    (Image(url="https://x.test/a", name="a.png"), Image(url="https://x.test/b", name="b.png")),
]


@pytest.mark.parametrize(("first", "second"), PARTS)
async def test_all_that_can_be_read_counts_as_words(store: Store, first: Any, second: Any) -> None:
    for number, part in enumerate((first, first, second, second)):
        await came(store, words("", parts=(part,)), f"w{number}")
    assert [turn.kind for turn in await carried(store)] == ["event", Revision.kind.name]


async def test_what_is_no_message_any_more_is_shown_too(store: Store) -> None:
    """A vendor may withdraw a message in a way that no page describes."""
    withdrawn = UnknownEvent(id="c:1", conversation=words("").conversation, at=words("").at, type="RECALL")
    presence = Presence(
        id="c:1", conversation=withdrawn.conversation, at=withdrawn.at, author=AUTHOR, text="x"
    )
    for number, event in enumerate((words(FIRST), withdrawn, withdrawn, presence, presence, words(FIRST))):
        await store.keep_events(Incoming("acme-ada", f"w{number}", "", b"{}"), (event,))
    assert [json.loads(turn.body)["kind"] for turn in await carried(store)] == [
        "message",
        "unknown",
        "presence",
    ]


async def test_a_webhook_that_was_kept_takes_no_other_words(store: Store) -> None:
    assert await came(store, words(FIRST))
    assert not await came(store, words(SECOND))
    assert [turn.kind for turn in await carried(store)] == ["event"]


async def test_both_in_one_transaction(store: Store) -> None:
    first, second = (words(one) for one in (FIRST, SECOND))
    assert await store.keep_events(Incoming("acme-ada", "w", "", b""), (first, second, first))
    assert [turn.kind for turn in await carried(store)] == ["event", Revision.kind.name]


async def test_what_was_never_kept_or_is_forgotten_stays_so(store: Store) -> None:
    """The webhook's key outlives a customer who is forgotten."""
    await store.keep_events(Incoming("acme-ada", "webhook", "", b""), ())
    assert await came(store, words(SECOND)) is False
    count = select(func.count()).select_from(conversation)
    assert await store._database.run(lambda on: on.execute(count).scalar_one()) == 0


async def test_a_history_revises_nothing(store: Store) -> None:
    """How its words differ from those of the webhook is not known."""
    assert await came(store, words(FIRST))
    await came(store, words(SECOND, late=True), "history:1")
    assert [turn.kind for turn in await carried(store)] == ["event"]


async def test_whether_the_first_was_our_own_reply(store: Store) -> None:
    worker = await store.join()
    await came(store, words(FIRST))
    (echo,) = await carried(store, "echo", worker)
    assert await store.first_was_echo(echo, words(SECOND))
    assert not await store.first_was_echo(echo, said("c", 2))
    await came(store, said("c", 2), "another")
    (shown,) = await carried(store, worker=worker)
    assert not await store.first_was_echo(shown, said("c", 2))


# ── what a webhook says of the customer and the session is stored once ───────────────────────────

CONTEXT = {"user": {"user_id": "u-1", "display_name": "Lena " * 200}, "tags": ["vip"], "note": "x" * 200_000}
TEXT, HANDOVER = {"type": "text", "text": "Hi"}, {"type": "handover"}
PAUSE = {"type": "pause", "duration": 1}


def responses() -> Iterator[list[dict[str, Any]]]:
    yield [TEXT] * 1000
    yield [HANDOVER] * 1000
    yield [PAUSE, TEXT] * 500
    yield [TEXT, HANDOVER, PAUSE] * 333


@pytest.mark.parametrize("said_by_ai", [*responses()])
async def test_a_webhook_with_many_events_is_stored_once(
    store: Store, said_by_ai: list[dict[str, Any]]
) -> None:
    body = json.dumps(
        {
            "event_type": "message:brain_send",
            "session_id": "s-1",
            "timestamp": round(AT["moveo"].timestamp() * 1000),
            "context": CONTEXT,
            "output": {"responses": said_by_ai},
        }
    ).encode()
    webhook = Webhook("", signing.moveo(body, MOVEO_SECRET), body, AT["moveo"])
    received = make("moveo").receive(webhook)
    assert await store.keep_events(Incoming("acme-moveo", received.key, "", body), received.events)

    shown = [event for event in received.events if event.kind != "typing"]
    assert shown[0].details["context.note"] == CONTEXT["note"]
    assert shown[0].details["context.tags"] == ["vip"]
    assert [event.customer is not None for event in shown[:1]] == [True]
    started = [event for event in received.events if event.kind == "handoff_started"]
    assert all(event.customer is not None for event in started[:1])  # its alert does not wait for the thread

    def size(on: Any) -> int:
        columns = (delivery.c.payload, inbox.c.body, handoff.c.start, conversation.c.facts)
        found = [value for column in columns for value in on.execute(select(column)).scalars()]
        return sum(len(value) for value in found if value is not None)

    events = 600 * len(received.events)  # an event's own words, id and time
    assert await store._database.run(size) < 4 * len(body) + events
