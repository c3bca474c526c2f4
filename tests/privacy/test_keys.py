"""A store with a key, without one, with another: what is readable, and what a start without one is told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from bridge.control import Signal
from bridge.engine.work import Change, Done, Failed, Incoming, Typist
from bridge.errors import ConfigError, Unavailable
from bridge.model import ConversationKey, Direction, HandoffStarted
from bridge.store import Store, keyring, open_store, retention, trace
from bridge.store.database import Database
from bridge.store.forget import wipe
from bridge.store.reading import open_beside, open_reader
from bridge.store.sealed import VARIABLE, key_id
from bridge.store.tables import delivery, inbox
from tests.privacy.dump import dump, raw
from tests.store.test_handoffs import MINA, Story
from tests.stores import said

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
WORDS = ("marmalade", "persimmon", "quince")  # that nothing else in a store can have
NAME, MAIL = "Ada Lovelace", "ada@example.com"  # who says it: see tests.stores


def environ(*keys: bytes | str) -> dict[str, str]:
    return {VARIABLE: ",".join(one if isinstance(one, str) else one.hex() for one in keys)}


def _place(url: str) -> tuple[Path, str | None]:
    return (Path(url.removeprefix("sqlite:///")), None) if url.startswith("sqlite") else (Path("x"), url)


@contextlib.asynccontextmanager
async def opened(url: str, *keys: bytes | str) -> AsyncIterator[Store]:
    path, shared = _place(url)
    store = open_store(path, shared, pool=4, environ=environ(*keys))
    try:
        await store.migrate()
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def beside(url: str, *keys: bytes | str, writes: bool = True) -> AsyncIterator[Database]:
    path, shared = _place(url)
    database = await (open_beside if writes else open_reader)(path, shared, environ(*keys))
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)
    monkeypatch.setattr(retention, "BATCH", 3)


async def lived(store: Store, name: str = "c") -> None:
    """A conversation with something in each column that may be sealed."""
    story = Story(store, await store.join())
    about = ConversationKey(source="acme-ada", id=name)
    message = said(name, 1, text=WORDS[0])
    start = HandoffStarted(id=f"{name}:start", conversation=about, at=message.at, reason=WORDS[1])
    for event in (message, start):
        body = f"{NAME} says {WORDS[2]}".encode()
        await store.keep_events(Incoming("acme-ada", f"webhook:{event.id}", "ada", body), (event,))
    facts = {"customer": {"name": NAME, "email": MAIL}}
    told = Change(facts=facts, typing=Typist(f"{NAME} is typing…", NAME))
    for turn in await store.claim(story.worker, 30, 50):
        outcome = Done("1.1", told) if turn.direction is Direction.SLACK else Failed(f"refused: {WORDS[0]}")
        await store.advance(turn, outcome, keep_going=False)
        if turn.direction is Direction.SLACK:
            number = turn.conversation.id
    await store._database.run(lambda connection: _claimed(connection, number))
    await store.leave(story.worker)


def _claimed(connection: Connection, about: int) -> None:
    from bridge.store import handoffs

    handoffs.act(connection, about, Signal.CLAIMED, MINA)


async def read(store: Store, number: int = 1) -> str:
    """All that people ask of a conversation, through whatever opens it."""
    conversation = await store.conversation(number)
    handoff = await store.last_handoff(number)
    events = await store.newest_events(number, 10)
    letters = [await store.delivery(one.id) for one in await store.dead_letters(None, 10)]
    assert handoff is not None
    return f"{conversation} {handoff} {events} {letters}"


async def test_with_a_key_nothing_that_people_said_lies_in_the_database(database_url: str) -> None:
    async with opened(database_url, NEW) as store:
        await lived(store)
        found = await dump(database_url)
        for words in (*WORDS, NAME, "Lovelace", MAIL, MINA.name or ""):
            assert words not in found
        opens = await read(store)
        for words in (*WORDS[:2], NAME, MAIL, MINA.name or ""):
            assert words in opens
    async with beside(database_url, NEW, writes=False) as reader:
        bodies = await reader.run(trace.heard, 0, 100, ["acme-ada"], [WORDS[2], NAME])
        assert [row.body for row in bodies] == [f"{NAME} says {WORDS[2]}".encode()] * 2
        assert await reader.run(trace.heard, 0, 100, ["acme-ada"], [WORDS[0]]) == []


async def test_without_a_key_all_is_stored_as_it_is(database_url: str) -> None:
    async with opened(database_url) as store:
        await lived(store)
    found = await dump(database_url)
    assert all(words in found for words in (*WORDS, NAME, MAIL, MINA.name or ""))
    assert "sealed:" not in found


@pytest.mark.parametrize("keys", [(), (NEW,)])
async def test_what_looks_as_if_it_were_sealed_is_what_was_written(
    database_url: str, keys: tuple[bytes, ...]
) -> None:
    looks = f"sealed:1:{key_id(NEW)}:AAAA"
    async with opened(database_url, *keys) as store:
        await store.keep_events(Incoming("acme-ada", "k", "ada", looks.encode()), (said("c", 1),))
        worker = await store.join()
        (turn,) = await store.claim(worker, 30, 5)
        await store.advance(turn, Failed(looks), keep_going=False)
        (letter,) = await store.dead_letters(None, 5)
        assert letter.problem == looks
        bodies = await store._database.run(
            lambda connection: connection.execute(select(inbox.c.body)).scalars().all()
        )
        assert bodies == [looks.encode()]


async def test_what_was_there_before_the_key_stays_readable_until_it_is_sealed_too(database_url: str) -> None:
    async with opened(database_url) as store:
        await lived(store, "before")
    async with opened(database_url, NEW) as store:
        await lived(store, "after")
        assert await read(store, 1) and await read(store, 2)
        assert "marmalade" in await dump(database_url)
        async with beside(database_url, NEW) as database:  # and this beside a bridge that runs
            changed = await keyring.rewrite(database)
            assert {name for name, count in changed.items() if count} == {
                "conversation",
                "handoff",
                "inbox",
                "delivery",
                "attempt",
            }
            assert set((await keyring.rewrite(database)).values()) == {0}
            assert await keyring.retire(database) == []
            assert await wipe(database)
        found = await dump(database_url)
        opens = await read(store, 1)
        assert not any(words in found for words in (*WORDS, NAME, MAIL))
        assert all(words in opens for words in (*WORDS[:2], NAME, MAIL))


async def test_a_key_is_changed_without_a_moment_in_which_something_cannot_be_read(database_url: str) -> None:
    async with opened(database_url, OLD) as store:
        await lived(store, "before")
    async with opened(database_url, OLD, NEW):  # all know the new one before any uses it
        pass
    async with opened(database_url, NEW, OLD) as store:
        await lived(store, "after")
        assert "quince" not in await dump(database_url)
        await read(store, 1)
    with pytest.raises(ConfigError) as raised:
        async with opened(database_url, NEW):
            pass
    told = str(raised.value)
    assert f"{key_id(OLD)} (conversation, inbox, handoff, delivery, attempt)" in told
    assert OLD.hex() not in told
    async with beside(database_url, NEW, OLD) as database:
        await keyring.rewrite(database)
        assert await keyring.retire(database) == [key_id(OLD)]
    async with opened(database_url, NEW) as store:
        opens = await read(store, 1) + await read(store, 2)
        assert all(words in opens for words in (*WORDS[:2], NAME))


async def test_a_key_can_be_given_up(database_url: str) -> None:
    async with opened(database_url, NEW) as store:
        await lived(store)
    with pytest.raises(ConfigError, match=f"{key_id(NEW)} .*conversation"):
        async with opened(database_url):
            pass
    async with beside(database_url, "plain", NEW) as database:
        await keyring.rewrite(database)
        assert await keyring.retire(database) == [key_id(NEW)]
    async with opened(database_url) as store:
        opens = await read(store)
        assert all(words in opens for words in (*WORDS[:2], NAME))


@pytest.mark.parametrize("writes", [True, False])
async def test_a_command_without_the_key_says_which_it_needs(database_url: str, writes: bool) -> None:
    async with opened(database_url, NEW) as store:
        await lived(store)
        with pytest.raises(ConfigError, match=f"{key_id(NEW)} .*add it to {VARIABLE}|Add it to {VARIABLE}"):
            async with beside(database_url, OLD, writes=writes):
                pass


async def test_who_writes_beside_a_bridge_waits_until_it_has_the_key(database_url: str) -> None:
    """One that runs with another could not read what is sealed behind its back."""
    async with opened(database_url, OLD) as store:
        await lived(store)
    with pytest.raises(ConfigError, match="Restart the bridge with it"):
        async with beside(database_url, NEW, OLD):
            pass
    assert "restart the bridge with it, then" in await told(database_url, NEW, OLD)
    async with opened(database_url, NEW, OLD), beside(database_url, NEW, OLD):
        pass
    assert "`bridge encrypt` brings it there" in await told(database_url, NEW, OLD)


async def told(url: str, *keys: bytes) -> str:
    """What the doctor says of the keys."""
    async with beside(url, *keys, writes=False) as reader:
        return await reader.run(keyring.told, reader.keys)


async def test_who_lacks_a_key_that_came_later_takes_nothing_and_loses_nothing(database_url: str) -> None:
    """A process of before the change, beside one of after it: what it cannot read is the other's to carry."""
    async with opened(database_url, NEW) as store:
        await store.keep_events(Incoming("acme-ada", "k", "ada", b"{}"), (said("c", 1, text=WORDS[0]),))
        database = raw(database_url)
        try:
            with pytest.raises(Unavailable, match=key_id(NEW)):
                await database.run(lambda connection: connection.execute(select(delivery)).all())
        finally:
            await database.close()
        worker = await store.join()
        (turn,) = await store.claim(worker, 30, 5)
        assert WORDS[0] in turn.body


async def test_rewriting_goes_on_under_traffic(database_url: str) -> None:
    """What changes meanwhile keeps its change."""
    async with opened(database_url) as store:
        for number in range(10):
            await lived(store, f"c{number}")
    async with opened(database_url, NEW) as store, beside(database_url, NEW) as database:
        changed = update(delivery).where(delivery.c.id == 1).values(problem="changed meanwhile")
        first = await database.run(keyring._rewrite, delivery, database.keys, 0, 2)
        await store._database.run(lambda connection: connection.execute(changed))
        assert first[0] == 2
        await keyring.rewrite(database)
        kept = select(delivery.c.problem).where(delivery.c.id == 1)
        assert await store._database.run(lambda c: c.execute(kept).scalar_one()) == "changed meanwhile"
        assert await wipe(database)
        assert "marmalade" not in await dump(database_url)


def test_all_columns_are_decided() -> None:
    """docs/privacy.md names each; a new column is plain until somebody thinks about it."""
    found = {table.name: [one.name for one in columns] for table, columns in keyring.SEALED.items()}
    assert found == {
        "attempt": ["problem"],
        "conversation": ["owner", "facts", "typing"],
        "delivery": ["payload", "problem"],
        "handoff": ["start", "released_by", "ended_by"],
        "inbox": ["body"],
    }
