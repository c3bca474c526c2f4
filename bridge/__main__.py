"""The commands: `bridge COMMAND`, or `python -m bridge COMMAND`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bridge import __version__, logs
from bridge.errors import BridgeError, ConfigError, Unavailable

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.store.database import Database

logger = logging.getLogger("bridge")


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    logs.setup(arguments.log_level, logs.format_of(arguments.log_format, os.environ))
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return int(runner.run(arguments.run(arguments)))
    except ConfigError as error:
        print(f"bridge: {error}", file=sys.stderr)
        return 2
    except BridgeError as error:
        print(f"bridge: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:  # it has no wheel for this platform
        return None
    return new_event_loop


class _CommandParser(argparse.ArgumentParser):
    """The parser of one command.

    `describe` adds the command's own arguments. It is called only when the command is asked for, since it
    imports the command: all of them together take seconds.
    """

    describe: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(  # type: ignore[override]  # argparse has three overloads of it
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        describe, self.describe = self.describe, None
        if describe is not None:
            describe(self)
        return super().parse_known_args(args, namespace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bridge",
        description="AI-agent conversations as Slack threads, and people's replies carried back.",
    )
    parser.add_argument("--version", action="version", version=f"bridge {__version__}")
    common = _CommandParser(add_help=False)
    common.add_argument(
        "--log-level", default="info", choices=("debug", "info", "warning", "error"), help="default: info"
    )
    common.add_argument("--log-format", choices=logs.FORMATS, help="default: BRIDGE_LOG, or else pretty")
    configured = _CommandParser(add_help=False, parents=[common])
    configured.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("BRIDGE_CONFIG") or "config.toml"),
        metavar="FILE",
        help="default: BRIDGE_CONFIG, or else config.toml",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_CommandParser)

    serve = commands.add_parser(
        "serve", parents=[configured], help="take webhooks and Slack's events, and carry everything"
    )
    serve.set_defaults(run=_serve)
    work = commands.add_parser("work", parents=[configured], help="carry only; beside `serve`, on Postgres")
    work.set_defaults(run=_work)
    migrate = commands.add_parser("migrate", parents=[configured], help="bring the schema up to date")
    migrate.set_defaults(run=_migrate)
    app = commands.add_parser(
        "manifest", parents=[configured], help="print the manifest from which the Slack app is made"
    )
    app.add_argument("--url", help="where Slack reaches the bridge, https://…; default: [server] public_url")
    app.add_argument("--socket-mode", action="store_true", help="without one; also if SLACK_APP_TOKEN is set")
    app.set_defaults(run=_manifest)
    examine = commands.add_parser("doctor", parents=[configured], help="say what is wrong, and what to do")
    examine.describe = _doctor_options
    examine.set_defaults(run=_doctor)
    dead = commands.add_parser("deadletters", help="what failed or is uncertain: list, show, retry, drop")
    dead.describe = partial(_deadletters_options, configured=configured)
    dead.set_defaults(run=_deadletters)
    traced = commands.add_parser(
        "trace",
        parents=[configured],
        help="the life of one message or conversation, and why it did not arrive",
    )
    traced.describe = _trace_options
    traced.set_defaults(run=_trace)
    recorded = commands.add_parser(
        "record", parents=[configured], help="keep webhooks that came in as fixtures, without anybody's words"
    )
    recorded.describe = _record_options
    recorded.set_defaults(run=_record)
    forgotten = commands.add_parser(
        "forget", parents=[configured], help="delete everything of one customer, for good"
    )
    forgotten.describe = _forget_options
    forgotten.set_defaults(run=_forget)
    sealed = commands.add_parser(
        "encrypt", parents=[configured], help="bring what is stored to the first of the encryption keys"
    )
    sealed.describe = _encrypt_options
    sealed.set_defaults(run=_encrypt)
    replayed = commands.add_parser(
        "replay", parents=[configured], help="sign a recorded webhook, and send it to a bridge"
    )
    replayed.describe = _replay_options
    replayed.set_defaults(run=_replay)
    render = commands.add_parser(
        "render", parents=[common], help="print what Slack is sent for a recorded webhook"
    )
    render.add_argument("fixture", type=Path, metavar="FILE", help="the webhook's body")
    render.add_argument("--vendor", help="whose it is; default: the name of the file's folder")
    render.add_argument("--open", action="store_true", help="show it in the sandbox's Slack, in a browser")
    render.add_argument("--port", type=int, default=8765, help="of the page with --open; default: 8765")
    render.set_defaults(run=_render)
    demo = commands.add_parser(
        "demo", parents=[common], help="the bridge with a Slack and three vendors on this machine"
    )
    demo.add_argument("--check", action="store_true", help="take the tour by itself; exit 0 if all was seen")
    demo.add_argument("--port", type=int, default=8765, help="of the page; default: 8765")
    demo.set_defaults(run=_demo)
    return parser


def _config(arguments: argparse.Namespace) -> Config:
    from bridge.config import load
    from bridge.registry import adapters

    return load(arguments.config, os.environ, adapters())


async def _serve(arguments: argparse.Namespace) -> int:
    import uvicorn

    from bridge import telemetry
    from bridge.app import Bridge, store_of
    from bridge.protocol import Protocol
    from bridge.server import Server, listening
    from bridge.store.patience import patiently

    config = _config(arguments)
    telemetry.start(os.environ)
    store = store_of(config)
    try:
        if store.shared:
            await patiently(store.check_schema, Unavailable, store.address)
        else:
            await patiently(store.migrate, Unavailable, store.address, patience=0.0)
        sockets = listening(config.server.host, config.server.port)
        bridge = Bridge(config, store)
    except BaseException:
        await store.close()
        raise
    server = Server(
        uvicorn.Config(
            bridge.asgi(),
            log_config=None,
            access_log=False,  # addresses hold tokens
            # Longer than a router keeps one: https://devcenter.heroku.com/articles/http-routing#keepalives
            timeout_keep_alive=100,
            timeout_graceful_shutdown=5,  # requests are short; the drain belongs to the lanes
            server_header=False,
            http=Protocol,
            ws="none",
        )
    )
    gc.freeze()  # what is loaded stays: going through it again and again cost a tenth of all time
    await server.serve(sockets)
    return 0 if server.started else 1


async def _work(arguments: argparse.Namespace) -> int:
    from bridge import telemetry
    from bridge.app import Bridge, check_can_work, store_of
    from bridge.store.patience import patiently

    config = _config(arguments)
    telemetry.start(os.environ)
    store = store_of(config)
    try:
        check_can_work(store)
        await patiently(store.check_schema, Unavailable, store.address)
    except BaseException:
        await store.close()
        raise
    bridge = Bridge(config, store)
    gc.freeze()  # as above
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(one, stop.set)
    try:
        await bridge.start(listen=False)
        logger.info("working")
        await stop.wait()
    finally:
        await bridge.stop()
    return 0


async def _migrate(arguments: argparse.Namespace) -> int:
    from bridge.app import store_of
    from bridge.store.patience import patiently

    store = store_of(_config(arguments))
    try:
        before, after = await patiently(store.migrate, Unavailable, store.address)
    finally:
        await store.close()
    print(f"the schema is at {after}" + ("" if before == after else f" (was at {before or 'nothing'})"))
    return 0


async def _manifest(arguments: argparse.Namespace) -> int:
    from bridge.config import public_url
    from bridge.manifest import manifest

    url = None
    if not arguments.socket_mode and not os.environ.get("SLACK_APP_TOKEN", "").strip():
        url = arguments.url or (public_url(arguments.config) if arguments.config.exists() else None)
        if url is None or not url.startswith("https://"):
            raise ConfigError(
                "Slack calls https addresses only" if url else "the app needs an address that Slack can call",
                where="--url",
                remedy="Name it: --url https://<your host>; or --socket-mode, which needs none",
            )
    print(json.dumps(manifest(url), indent=2, ensure_ascii=False))
    return 0


def _doctor_options(parser: argparse.ArgumentParser) -> None:
    from bridge import doctor

    doctor.options(parser)


async def _doctor(arguments: argparse.Namespace) -> int:
    from bridge import doctor

    return await doctor.run(lambda: _config(arguments), arguments)


def _deadletters_options(parser: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    from bridge import deadletters

    deadletters.options(parser, configured)


async def _deadletters(arguments: argparse.Namespace) -> int:
    from bridge.store import Store

    config = _config(arguments)
    if getattr(arguments, "source", None) is not None:  # only `list` has one
        config.source(arguments.source)
    async with _beside(config, writes=arguments.writes) as database:
        return int(await arguments.act(Store(database, dsn=None), arguments))


def _trace_options(parser: argparse.ArgumentParser) -> None:
    from bridge import trace

    trace.options(parser)


async def _trace(arguments: argparse.Namespace) -> int:
    from bridge import trace

    config = _config(arguments)
    async with _beside(config, writes=False) as database:
        return await trace.run(config, database, arguments)


def _record_options(parser: argparse.ArgumentParser) -> None:
    from bridge import record

    record.options(parser)


async def _record(arguments: argparse.Namespace) -> int:
    from bridge import record

    config = _config(arguments)
    async with _beside(config, writes=False) as database:
        return await record.run(config, database, arguments)


def _forget_options(parser: argparse.ArgumentParser) -> None:
    from bridge import forget

    forget.options(parser)


async def _forget(arguments: argparse.Namespace) -> int:
    from bridge import forget

    config = _config(arguments)
    async with _beside(config, writes=True) as database:
        return await forget.run(config, database, arguments)


def _encrypt_options(parser: argparse.ArgumentParser) -> None:
    from bridge import encrypt

    encrypt.options(parser)


async def _encrypt(arguments: argparse.Namespace) -> int:
    from bridge import encrypt

    async with _beside(_config(arguments), writes=True) as database:
        return await encrypt.run(database, arguments)


@contextlib.asynccontextmanager
async def _beside(config: Config, *, writes: bool) -> AsyncIterator[Database]:
    """The store, beside a bridge that may run."""
    from bridge.store.reading import open_beside, open_reader

    url = config.database_url.get_secret_value() if config.database_url else None
    opens = open_beside if writes else open_reader
    database = await opens(config.store.path, url, os.environ)
    try:
        yield database
    finally:
        await database.close()


def _replay_options(parser: argparse.ArgumentParser) -> None:
    from bridge import replay

    replay.options(parser)


async def _replay(arguments: argparse.Namespace) -> int:
    from bridge import replay

    return await replay.run(_config(arguments), arguments)


async def _render(arguments: argparse.Namespace) -> int:
    from bridge.preview import preview
    from bridge.registry import adapters

    shown = preview(arguments.fixture, arguments.vendor, adapters(), at=datetime.now(UTC))
    print(json.dumps([one.payload() for one in shown], indent=2, ensure_ascii=False))
    if not shown:
        print("bridge: this webhook shows nothing in Slack", file=sys.stderr)
    elif arguments.open:
        from bridge.sandbox.show import show

        return await show([one.payload() for one in shown], port=arguments.port)
    return 0


async def _demo(arguments: argparse.Namespace) -> int:
    from bridge.sandbox.demo import demo  # a server needs no sandbox

    return await demo(port=arguments.port, check=arguments.check)


if __name__ == "__main__":
    sys.exit(main())
