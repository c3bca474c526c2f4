"""A bridge's life: what stops it from starting, what it waits for, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bridge.sandbox.stage import Stage, free_port
from bridge.slack import socket
from tests.bridge.events import envelope, reply, tell
from tests.bridge.running import in_process
from tests.bridge.scene import FAILED, SENT, later, ready, waiting
from tests.crash.books import cards, differences, shown, until
from tests.crash.traffic import talk
from tests.postgres import Postgres, find
from tests.stores import migrate


@contextlib.asynccontextmanager
async def set_up(folder: Path, database_url: str = "", **options: object) -> AsyncIterator[Stage]:
    url = database_url if database_url.startswith("postgres") else None
    async with Stage(folder, channel_rate=0, database_url=url, **options) as stage:  # type: ignore[arg-type]
        if url:
            await migrate(url)
        stage.config.write_text(stage.config.read_text().replace('drain = "5s"', 'drain = "1s"'))
        yield stage


async def is_whole(stage: Stage) -> bool:
    return await ready(stage) == (200, {})


# ── does not start ───────────────────────────────────────────────────────────────────────────────


async def refused(stage: Stage, command: str, environ: dict[str, str] | None = None) -> str:
    """What the command says on its way out: one clear fault, told as such."""
    process = await stage.spawn(command, environ)
    async with asyncio.timeout(20):
        code = await process.wait()
    said = process.log.read_text()
    assert code == 2, said
    assert said.splitlines()[0].startswith("bridge: "), said
    assert "Traceback" not in said
    return said


async def test_a_second_process_on_the_same_sqlite_file_is_refused(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage:
        await stage.serve()
        other = {"PORT": str(free_port())}
        for command in ("serve", "work", "migrate"):
            said = await refused(stage, command, other)
            assert "another bridge process has this SQLite file open" in said
            assert "DATABASE_URL" in said
        scene = await waiting(stage)  # and the first one goes on
        await scene.carried()


async def test_work_is_refused_where_only_one_process_may_write(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage:
        said = await refused(stage, "work")
        assert "`work` beside another process needs a Postgres" in said
        assert "Set DATABASE_URL" in said


async def test_a_database_without_its_tables_is_refused(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.create_database()
    async with Stage(tmp_path, channel_rate=0, database_url=url) as stage:
        for command in ("serve", "work"):
            assert "Run: python -m bridge migrate" in await refused(stage, command)
        await stage.run("migrate")
        await (await waiting(await _served(stage))).carried()
    postgres.drop_database(url)


async def _served(stage: Stage) -> Stage:
    await stage.serve()
    return stage


async def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage:
        nowhere = f"{stage.config}/bridge.sqlite3"  # below a file
        stage.config.write_text(stage.config.read_text().replace(f"{tmp_path}/bridge.sqlite3", nowhere))
        said = await refused(stage, "serve")
        assert nowhere in said
        assert "[store] path" in said


async def test_everything_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    missing = ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "ACME_ADA_API_KEY", "ACME_MOVEO_WEBHOOK_SECRET"]
    async with set_up(tmp_path) as stage:
        said = await refused(stage, "serve", dict.fromkeys(missing, ""))
        assert [name for name in missing if f"environment: {name} is not set" in said] == missing
        assert stage.environ["ACME_ADA_HANDOFF_TOKEN"] not in said


async def test_a_source_that_is_no_longer_configured_is_named_to_who_replies(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage:
        bridge = await stage.serve()
        scene = await waiting(stage, stage.moveo, "Kim")
        await bridge.terminate()
        text = stage.config.read_text()
        gone = text[text.index("[sources.acme-moveo]") : text.index("[[routes]]")]
        routed = 'match = { source = "acme-moveo" }\n'
        assert routed in text
        stage.config.write_text(text.replace(gone, "").replace(routed, 'match = { vendor = "ada" }\n'))
        await stage.serve()
        await scene.marked(scene.writes("Hello Kim"), FAILED)
        await scene.tells("A reply was not sent to the customer: acme-moveo", "Put it back into config.toml")
        assert scene.sent == []


# ── waits for Slack ──────────────────────────────────────────────────────────────────────────────


async def test_while_slack_does_not_know_us_vendors_are_heard_and_slack_is_not(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage:
        bridge = await stage.serve()
        scene = await waiting(stage)
        await bridge.terminate()
        stage.slack.faults.token_error = "invalid_auth"
        bridge = await stage.serve(ready=False)

        async def is_up() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return "Check SLACK_BOT_TOKEN" in (await ready(stage))[1].get("slack", "")
            return False

        await later(is_up, "a bridge that says what is missing")
        status, missing = await ready(stage)
        assert (status, list(missing)) == (503, ["slack"])
        answer = await tell(stage, envelope(stage, reply(scene, "too early")))
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"  # why is for the log and /readyz
        by_mina = scene.writes("Hello Lena")
        scene.says("one", "two")
        await stage.ada.settled()
        assert {delivery.status for delivery in stage.ada.deliveries} == {200}
        assert "one" not in scene.texts

        stage.slack.faults.clear()
        await scene.shows("one", "two")
        await scene.marked(by_mina, SENT)
        await later(lambda: is_whole(stage), "a bridge that misses nothing")
        assert (
            "Slack does not know us yet (slack): auth.test: Slack answers invalid_auth"
            in bridge.log.read_text()
        )


async def test_a_token_that_is_no_bots_is_named(tmp_path: Path) -> None:
    """A user's token is known to Slack as well."""
    async with set_up(tmp_path) as stage:
        stage.slack.state.app.bot_id = None  # type: ignore[assignment]
        await stage.serve(ready=False)

        async def is_told() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return "SLACK_BOT_TOKEN" in (await ready(stage))[1].get("slack", "")
            return False

        await later(is_told, "a bridge that says what is wrong")


# ── waits for the database ───────────────────────────────────────────────────────────────────────


async def test_while_the_database_is_away_nothing_is_taken_and_nothing_is_lost(tmp_path: Path) -> None:
    with Postgres(find()) as server:
        async with set_up(tmp_path, server.create_database()) as stage:
            bridge = await stage.serve()
            await stage.spawn("work")
            scene = await waiting(stage)
            stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", delay=1.0)
            by_mina = scene.writes("Hello Lena")
            await scene.until(lambda: scene.sent, "the reply at the vendor, its answer outstanding")
            await stage.slack.settled()
            server._stop_server("immediate")
            scene.says("one", "two")
            by_jo = scene.writes("And hello from me", user="U0JO")
            statuses = lambda: [attempt.status for one in stage.ada.deliveries for attempt in one.attempts]
            await scene.until(lambda: 503 in statuses(), "a webhook that is not taken")
            await scene.until(lambda: "an event could not be kept" in bridge.log.read_text(), "nor an event")
            status, missing = await ready(stage)
            assert (status, list(missing)) == (503, ["store"])
            server._start()
            await scene.shows("one", "two")
            await scene.marked(by_mina, SENT)
            await scene.marked(by_jo, SENT)
            assert scene.sent == ["Hello Lena", "And hello from me"]
            await later(lambda: is_whole(stage), "a bridge that misses nothing")
            assert "Traceback" not in bridge.log.read_text()


async def test_a_table_that_is_away_stops_nothing_for_good(tmp_path: Path, postgres: Postgres) -> None:
    """As while somebody restores a table, or migrates under a process that runs."""
    url = postgres.create_database()
    database = url.rpartition("/")[2]
    async with set_up(tmp_path, url) as stage:
        soon = '[engine]\npoll = "300ms"\nlease = "1s"\n\n[engine.to_slack]'
        stage.config.write_text(stage.config.read_text().replace("[engine.to_slack]", soon))
        bridge = await stage.serve()
        scene = await waiting(stage)
        postgres.sql("ALTER TABLE lane RENAME TO elsewhere", database)
        complained = lambda: bridge.log.read_text().count("cannot take lanes")
        scene.says("one", "two")
        await scene.until(complained, "a complaint")
        postgres.sql("ALTER TABLE elsewhere RENAME TO lane", database)
        await scene.shows("one", "two")
        await scene.carried()
        await later(lambda: is_whole(stage), "a bridge that misses nothing")
    postgres.drop_database(url)


# ── Socket Mode ──────────────────────────────────────────────────────────────────────────────────


async def test_by_socket_mode_a_reply_goes_out_as_well(tmp_path: Path) -> None:
    async with set_up(tmp_path, socket_mode=True) as stage:
        await stage.serve()
        scene = await waiting(stage)
        await scene.marked(scene.writes("Hello Lena"), SENT)
        await stage.slack.sockets.disconnect()
        by_jo = scene.writes("And me", user="U0JO")
        await scene.marked(by_jo, SENT)
        assert scene.sent == ["Hello Lena", "And me"]


async def test_an_app_token_that_is_not_taken_is_named(tmp_path: Path) -> None:
    async with set_up(tmp_path, socket_mode=True) as stage:
        right = stage.environ["SLACK_APP_TOKEN"]
        stage.environ["SLACK_APP_TOKEN"] = "xapp-wrong"
        bridge = await stage.serve(ready=False)

        async def is_told() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return "SLACK_APP_TOKEN" in (await ready(stage))[1].get("slack", "")
            return False

        await later(is_told, "a bridge that says that it cannot hear Slack")
        assert right not in bridge.log.read_text()
        assert "xapp-wrong" not in bridge.log.read_text()


async def test_a_connection_that_does_not_come_back_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "LOOK", 0.1)
    monkeypatch.setattr(socket, "PATIENCE", 1.0)
    async with set_up(tmp_path, socket_mode=True) as stage, in_process(stage) as bridge:
        scene = await waiting(stage)
        with monkeypatch.context() as expired:
            expired.setattr(stage.slack.sockets, "ticket", lambda: "expired")
            await stage.slack.sockets.disconnect()
            await scene.until(bridge.workspaces.problems, "a connection that is lost")
        await scene.marked(scene.writes("Hello Lena"), SENT)
        await later(lambda: is_whole(stage), "a bridge that misses nothing")


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


async def test_ended_in_the_middle_nothing_is_lost_or_said_twice(tmp_path: Path, database_url: str) -> None:
    async with set_up(tmp_path, database_url) as stage:
        bridge = await stage.serve()
        customers = asyncio.create_task(talk(stage, 20, 10))
        total = lambda: sum(len(said) for said in shown(stage).values())
        await until(lambda: total() >= 60 or customers.done(), 60, "messages in threads")
        assert await bridge.terminate() != -9
        await stage.serve()
        await customers
        await until(lambda: total() >= 200, 60, "all in threads")
        assert differences(shown(stage), 20, 10).total() == 0
        assert len(cards(stage)) == 20


async def test_what_is_under_way_is_brought_to_its_end(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage:
        stage.config.write_text(stage.config.read_text().replace('drain = "1s"', 'drain = "10s"'))
        bridge = await stage.serve()
        scene = await waiting(stage, stage.gptbots)
        await stage.slack.settled()
        stage.gptbots.faults.next("*/human/message/receive", delay=0.5)
        by_mina = scene.writes("Hello Lena")
        await scene.until(lambda: scene.sent, "the reply at the vendor, its answer outstanding")
        assert await bridge.terminate() != -9
        await stage.serve()
        await scene.marked(by_mina, SENT)  # with a doubt it would be uncertain: nobody can be asked there
        assert scene.sent == ["Hello Lena"]


async def test_what_takes_longer_is_cut_off_and_looked_for(tmp_path: Path, database_url: str) -> None:
    async with set_up(tmp_path, database_url) as stage:
        bridge = await stage.serve()
        scene = await waiting(stage)
        stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", delay=20)
        scene.fault(delay=20)
        by_mina = scene.writes("Hello Lena")
        scene.says("one", "two")
        await scene.until(lambda: scene.sent and "one" in scene.texts, "both, their answers outstanding")
        assert await bridge.terminate() != -9
        await stage.serve()
        await scene.shows("one", "two")
        await scene.marked(by_mina, SENT)
        assert scene.sent == ["Hello Lena"]


# ── a vendor that does not answer ────────────────────────────────────────────────────────────────


async def test_a_vendor_that_answers_too_late_is_asked_whether_it_has_the_reply(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage, in_process(stage) as bridge:
        bridge._vendors["acme-ada"].timeout = httpx.Timeout(0.5)
        scene = await waiting(stage)
        stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", delay=1.5)
        await scene.marked(scene.writes("Hello Lena"), SENT)
        assert scene.sent == ["Hello Lena"]
