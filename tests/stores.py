"""A store on either database, migrated and closed again; and what tests put into it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from bridge.engine.work import Incoming
from bridge.model import Author, ConversationKey, Message, Role, Text
from bridge.store import Store, open_store
from bridge.store.sealed import VARIABLE


def connect(url: str) -> Store:
    """The store that the application would open for this address; with the keys that the tests were given."""
    keys = {name: value for name, value in os.environ.items() if name == VARIABLE}
    if url.startswith("sqlite:///"):
        return open_store(Path(url.removeprefix("sqlite:///")), None, pool=4, environ=keys)
    return open_store(Path("unused"), url, pool=4, environ=keys)


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = connect(url)
    try:
        await store.migrate()
        yield store
    finally:
        await store.close()


async def migrate(url: str) -> None:
    """As `bridge migrate` does, without a process of its own."""
    async with opened(url):
        pass


def said(conversation: str, number: int, *, source: str = "acme-ada", text: str = "hello") -> Message:
    return Message(
        id=f"{conversation}:{number}",
        conversation=ConversationKey(source=source, id=conversation),
        at=datetime(2026, 11, 1, tzinfo=UTC),
        author=Author(role=Role.CUSTOMER, name="Ada Lovelace"),
        parts=(Text(text=f"{text} {number}"),),
    )


async def receive(store: Store, *messages: Message, key: str | None = None) -> bool:
    """Let `messages` come in as one webhook."""
    body = json.dumps([message.id for message in messages]).encode()
    incoming = Incoming(messages[0].conversation.source, key or messages[0].id, "ada", body)
    return await store.keep_events(incoming, messages)
