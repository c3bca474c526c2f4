"""The suite's own Postgres: found in both places, started, crashed, and gone without a trace."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from tests import postgres as harness
from tests.postgres import NoPostgres, Postgres


def programs(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in harness.PROGRAMS:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


def test_installed_programs_are_found_newest_first(tmp_path: Path) -> None:
    old = programs(tmp_path / "9998" / "bin", "9998.10")
    new = programs(tmp_path / "9999" / "bin", "9999.9 (Debian)")
    programs(tmp_path / "9" / "bin", "9.6.24")
    (programs(tmp_path / "10000" / "bin", "10000.1") / "initdb").unlink()
    (programs(tmp_path / "10001" / "bin", "10001.1") / "postgres").write_text("#!/bin/sh\nexit 1\n")

    found = harness.installed([f"{tmp_path}/*/bin"])

    assert found[:2] == [new, old]
    assert [path for path in found if path.is_relative_to(tmp_path)] == [new, old]


def test_the_machine_s_own_pg_config_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = programs(tmp_path / "anywhere", "17.2")
    (tmp_path / "pg_config").write_text(f"#!/bin/sh\necho {mine}\n")
    (tmp_path / "pg_config").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert harness.installed([]) == [mine]


def test_the_wheel_serves_where_none_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "installed", list)

    assert harness.find() == harness.bundled()[0]


def test_none_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "installed", list)
    monkeypatch.setattr(harness, "bundled", list)

    with pytest.raises(NoPostgres, match="install postgresql"):
        harness.find()


async def test_the_wheel_s_server_runs_and_leaves_nothing() -> None:
    with Postgres(harness.bundled()[0]) as server:
        connection = await asyncpg.connect(server.create_database())
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
        await connection.close()
        pid = server.pid

    assert not server.home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_programs_that_only_we_can_reach_run_too(tmp_path: Path) -> None:
    wheel = harness.bundled()[0]
    package = wheel.parent.parent
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        (closed / folder.name).symlink_to(folder)

    with Postgres(closed / wheel.relative_to(package.parent)) as server:
        assert server.sql("SELECT 1") == "1\n"
        assert server.programs.is_relative_to(server.home) == (os.geteuid() == 0)


def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    server = Postgres(
        programs(tmp_path / "bin", "17.2")
    )  # its initdb makes no data, its postgres ends at once

    with pytest.raises(NoPostgres, match=r"does not start:\npostgres \(PostgreSQL\) 17\.2"), server:
        pass
    assert not server.home.exists()


def test_what_was_committed_outlives_a_crash() -> None:
    with Postgres(harness.find()) as server:
        url = server.create_database()
        database = url.rpartition("/")[2]
        server.sql("CREATE TABLE kept AS SELECT 1 AS value", database)
        pid = server.pid

        server.restart(mode="immediate")

        assert server.pid != pid
        assert server.url(database) == url
        assert server.sql("SELECT value FROM kept", database) == "1\n"


async def test_databases_are_apart_and_are_dropped_while_in_use(postgres: Postgres) -> None:
    one, other = postgres.create_database(), postgres.create_database()
    connection = await asyncpg.connect(one)
    await connection.execute("CREATE TABLE mine (value int)")

    assert postgres.sql("SELECT to_regclass('mine') IS NULL", other.rpartition("/")[2]) == "t\n"
    for url in (one, other):
        postgres.drop_database(url)
    with pytest.raises(asyncpg.PostgresConnectionError):
        await connection.execute("SELECT 1")
    left = postgres.sql("SELECT datname FROM pg_database").split()
    assert not {url.rpartition("/")[2] for url in (one, other)} & set(left)
    connection.terminate()


def test_each_test_gets_a_database_without_rows(database_url: str, postgres: Postgres) -> None:
    if database_url.startswith("sqlite"):
        assert not Path(database_url.removeprefix("sqlite:///")).exists()
        return
    database = database_url.rpartition("/")[2]
    tables = postgres.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database).split()
    assert {"conversation", "delivery", "alembic_version"} <= set(tables)
    for table in set(tables) - {"alembic_version"}:
        assert postgres.sql(f"SELECT count(*) FROM {table}", database) == "0\n", table
