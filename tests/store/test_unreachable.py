"""A database that cannot be reached when a process starts: where it is and why, once for each reason."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import sys
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from bridge.errors import ConfigError, Unavailable
from bridge.sandbox.stage import free_port
from bridge.store import open_store, patience
from bridge.store.database import postgres_dsn
from bridge.store.patience import patiently
from bridge.store.unreachable import postgres_at, reason
from tests.postgres import Postgres

PASSWORD = "not-to-be-shown"


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgres://u:{}@db.example/name", "db.example:5432"),
        ("postgres://u:{}@db.example:6432/name?sslmode=require", "db.example:6432"),
        ("postgresql://u:{}@[::1]/name", "[::1]:5432"),
        ("postgresql://u:{}@one,two:7000/name", "one:5432, two:7000"),
        ("postgresql:///name?host=/run/postgresql&password={}", "/run/postgresql"),
        ("postgresql:///name?password={}", "localhost:5432"),
    ],
)
def test_where_it_is(url: str, where: str) -> None:
    assert postgres_at(postgres_dsn(url.format(PASSWORD))) == f"Postgres at {where} (DATABASE_URL)"


@pytest.mark.parametrize("password", [f"{PASSWORD}/x", f"12/{PASSWORD}", f"{PASSWORD}#x", f"{PASSWORD}?x"])
def test_a_password_that_ends_the_host_too_early_is_not_shown(password: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a Postgres address") as raised:
        postgres_dsn(f"postgres://u:{password}@db.example/name")
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "db..example", ".example"])
def test_a_host_that_no_name_server_can_be_asked_for(host: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a Postgres address"):
        postgres_dsn(f"postgres://u:{PASSWORD}@{host}:5432/name")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("pgbouncer=true", 'unrecognized configuration parameter "pgbouncer"'),  # of other clients
        ("options=-c%20nosuch%3D1", 'unrecognized configuration parameter "nosuch"'),
        ("TimeZone=nowhere", 'invalid value for parameter "TimeZone"'),
    ],
)
async def test_a_server_that_refuses_a_setting_in_the_address(
    postgres: Postgres, query: str, why: str
) -> None:
    store = open_store(Path("unused"), f"{postgres.url('postgres')}?{query}", pool=1, environ={})
    try:
        with pytest.raises(Unavailable) as raised:
            await store.check_schema()
    finally:
        await store.close()
    assert why in reason(raised.value)


def caused(by: Exception) -> Exception:
    """As the store raises it."""
    error = Unavailable("OperationalError: <class 'x'>: long", where="Postgres")
    error.__cause__ = DBAPIError("SELECT 1", {}, by)
    return error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 5432)"), "connection refused"),
        (OSError("Multiple exceptions: [Errno 111] failed, [Errno 111] …"), "connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "the host name cannot be resolved"),
        (TimeoutError(), "no answer"),
        (caused(asyncpg.InvalidPasswordError('password authentication failed for user "u"')),
         'password authentication failed for user "u"'),
        (caused(asyncpg.InvalidCatalogNameError('database "name" does not exist\nhint')),
         'database "name" does not exist'),
    ],
)  # fmt: skip
def test_why(error: Exception, why: str) -> None:
    assert reason(error) == why


async def test_each_reason_is_one_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_PAUSES", (0.0,))
    caplog.set_level(logging.INFO, "bridge")
    reasons = [ConnectionRefusedError(111, f"at {n}") for n in range(4)] + [TimeoutError()] * 3

    async def act() -> str:
        if reasons:
            raise reasons.pop(0)
        return "in"

    assert await patiently(act, OSError, "Postgres at db.example:5432 (DATABASE_URL)") == "in"
    assert [re.sub(r"\d+ s", "… s", one) for one in caplog.messages] == [
        "Cannot reach Postgres at db.example:5432 (DATABASE_URL): connection refused. Retrying for … s",
        "Cannot reach Postgres at db.example:5432 (DATABASE_URL): no answer. Retrying for … s",
    ]


async def test_in_the_end_the_last_reason_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.2)
    url = f"postgres://u:{PASSWORD}@127.0.0.1:{free_port()}/name"
    store = open_store(Path("unused"), url, pool=1, environ={})
    try:
        with pytest.raises(Unavailable) as raised:
            await patiently(store.check_schema, Unavailable, store.address)
    finally:
        await store.close()
    assert re.fullmatch(
        r"Postgres at 127\.0\.0\.1:\d+ \(DATABASE_URL\): cannot be reached: connection refused\. Check .*",
        str(raised.value),
    )
    assert PASSWORD not in repr(raised.value)


CONFIG = """
[sources.acme-moveo]
vendor = "moveo"
integration_id = "i"
[[routes]]
channel = "C0123456789"
"""


@pytest.mark.parametrize("command", ["serve", "trace x"])
@pytest.mark.parametrize("where", ["SQLite", "Postgres"])
async def test_the_command_ends_with_one_line(tmp_path: Path, command: str, where: str) -> None:
    (tmp_path / "config.toml").write_text(CONFIG + f'[store]\npath = "{tmp_path}/bridge.sqlite3"\n')
    (tmp_path / "bridge.sqlite3").write_bytes(b"no database " * 1000)
    environ = {**os.environ, "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "0" * 32} | {
        "ACME_MOVEO_WEBHOOK_SECRET": "s", "ACME_MOVEO_API_KEY": "k"
    }  # fmt: skip
    expected = (
        rf"bridge: SQLite at {tmp_path}/bridge\.sqlite3: cannot be reached: .*file is not a database\. "
    )
    if where == "Postgres":
        environ["DATABASE_URL"] = f"postgres://u:{PASSWORD}@127.0.0.1:{free_port()}/name"
        expected = (
            r"bridge: Postgres at 127\.0\.0\.1:\d+ \(DATABASE_URL\): cannot be reached: connection refused\. "
        )
    arguments = [*command.split(), "--config", "config.toml"]
    code = (
        "import sys; from bridge import __main__; from bridge.store import patience; "
        "patience.PATIENCE = 0.3; "
        f"sys.exit(__main__.main({arguments!r}))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=tmp_path, env={**environ, "PYTHONPATH": str(Path.cwd())},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    lines = said.decode().splitlines()
    assert process.returncode == 1, lines
    assert re.match(expected, lines[-1]), lines
    assert len([line for line in lines if line.startswith("bridge: ")]) == 1
    assert "Traceback" not in said.decode() and PASSWORD not in said.decode()
