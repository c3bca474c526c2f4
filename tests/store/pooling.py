"""A connection pooler between the bridge and Postgres, as PgBouncer is: in transaction mode a client has a
session of the server only until its transaction ends, in session mode as long as it is connected.

It speaks the frontend/backend protocol as far as it has to: https://www.postgresql.org/docs/current/protocol.html
The server trusts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_SSL, _START = 80877103, 196608
_READY, _END = b"Z", b"X"


@dataclass
class Session:
    """One of the server's. `greeting` is what it said of itself."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes = b""


@dataclass
class Client:
    pooler: Pooler
    writer: asyncio.StreamWriter
    session: Session | None = None
    answers: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Pass on what the session answers, from now on."""
        assert self.session is not None
        self.answers = asyncio.create_task(self._pass_on(self.session))

    async def _pass_on(self, session: Session) -> None:
        while True:
            try:
                kind, body = await _read(session.reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return self.writer.close()
            if kind == _READY and body == b"I" and self.pooler.by_transaction:
                self.release()
                return self.writer.write(_message(kind, body))
            self.writer.write(_message(kind, body))

    def release(self) -> None:
        assert self.session is not None
        self.pooler.idle.append(self.session)
        self.session = None

    def leave(self) -> None:
        if self.answers is not None:
            self.answers.cancel()
        if self.session is not None:
            self.session.writer.close()
        self.writer.close()


@dataclass
class Pooler:
    server: int  # its port
    user: str
    by_transaction: bool
    idle: list[Session] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its first word to its last."""
        client = Client(self, writer)
        try:
            database = await self._database(reader, writer)
            client.session = await self._session(database)
            key = struct.pack("!ciii", b"K", 12, 1, 1)  # a number of its own
            writer.write(client.session.greeting + key + _message(_READY, b"I"))
            if self.by_transaction:
                client.release()
            else:
                client.begin()
            while True:
                kind, body = await _read(reader)
                if kind == _END:
                    break
                if client.session is None:
                    client.session = await self._session(database)
                    client.begin()
                client.session.writer.write(_message(kind, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            client.leave()

    async def _database(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            start = await reader.readexactly(length - 4)
            if struct.unpack("!i", start[:4])[0] != _SSL:
                break
            writer.write(b"N")
        words = start[4:].split(b"\0")
        writer.write(_message(b"R", struct.pack("!i", 0)))
        return words[words.index(b"database") + 1].decode()

    async def _session(self, database: str) -> Session:
        """The one that was used last, as in PgBouncer, else a new one."""
        if self.idle:
            return self.idle.pop()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server)
        told = f"user\0{self.user}\0database\0{database}\0\0".encode()
        writer.write(struct.pack("!ii", len(told) + 8, _START) + told)
        session = Session(reader, writer)
        kind = b""
        while kind != _READY:
            kind, body = await _read(reader)
            if kind == b"S":
                session.greeting += _message(kind, body)
        return session


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


@contextlib.asynccontextmanager
async def pooled(server: int, user: str, *, by_transaction: bool) -> AsyncIterator[int]:
    """The port of a pooler before the server at that port."""
    pooler = Pooler(server, user, by_transaction)
    listening = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    for session in pooler.idle:
        session.writer.close()
    await asyncio.sleep(0.05)  # what was just closed ends
