"""`bridge demo`: the real bridge against a Slack and three vendors on this machine, with a page to play on.

With `--check` nobody plays: the tour goes through it by itself, and the exit code says whether all was seen.
Everything lies in a folder of its own that goes with the demo, so several run side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bridge.errors import ConfigError
from bridge.sandbox import tour
from bridge.sandbox.page import Page
from bridge.sandbox.stage import Stage

_ROUTE = """\
alert_channel = "C0HANDOFFS"
remind_after = ["1m", "3m"]
escalate_after = "5m"
escalate_channel = "C0LEADS"
escalate_to = "S0LEADS"
greeting = "Somebody will be with you in a moment."
"""
_READY = """
  The sandbox is at {url}

  On the left is Slack, on the right are the customers of three vendors.
    1. Write something as the customer, and see its thread grow in Slack.
    2. Ask for a person: the alert appears, and the card says who waits.
    3. Answer in the thread, and see it arrive in the customer's chat.
  What begins with // stays in the thread.

  The bridge's log: {log}
  Ask it, from this folder in another terminal (doctor, trace, deadletters, replay):
    . {environment}; {python} -m bridge doctor
  Ctrl-C ends it all.
"""


async def demo(*, port: int, check: bool) -> int:
    """The exit code. Raises `ConfigError` where `port` cannot be had."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # of the stage's own server
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as folder, signals_cancel():
        try:
            return await (_check(Path(folder)) if check else _play(Path(folder), port))
        except asyncio.CancelledError:
            return 130 if check else 0


async def _check(folder: Path) -> int:
    async with Stage(folder, channel_rate=0, route=tour.ROUTE) as stage:
        return 0 if await tour.take(stage, _tell) else 1


def stage_at(folder: Path, port: int) -> Stage:
    """A stage with its page. Raises `ConfigError` where `port` cannot be had."""
    try:
        stage = Stage(folder, port=port, route=_ROUTE)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise ConfigError(
            f"port {port} cannot be had: {why}", where="--port", remedy="Name another one"
        ) from None
    stage.app.router.routes.extend(Page(stage).routes())
    return stage


async def _play(folder: Path, port: int) -> int:
    async with stage_at(folder, port) as stage:
        try:
            bridge = await stage.serve()
        except (RuntimeError, TimeoutError) as error:
            _tell(f"The bridge did not start: {error}")
            return 1
        _furnish(stage)
        python, environment = shlex.quote(sys.executable), _environment(stage)
        _tell(_READY.format(url=stage.base, log=bridge.log, environment=environment, python=python))
        code = await bridge.wait()
        _tell(f"The bridge ended with {code}. The end of its log:\n{bridge.tail()}")
    return 1


def _environment(stage: Stage) -> Path:
    """A file for a shell to read: its commands are then for this bridge. The secrets are the stage's own."""
    own = dict(stage.environ.items() - os.environ.items(), BRIDGE_CONFIG=str(stage.config))
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(own.items())]
    file = stage.folder / "environment"
    file.touch(mode=0o600)
    file.write_text("".join(["unset DATABASE_URL SLACK_APP_TOKEN\n", *lines]))
    return file


def _furnish(stage: Stage) -> None:
    """One customer at each vendor, so that there is something to see."""
    for vendor, name, text in (
        (stage.ada, "Nora Lind", "Hi! Where is my order 1042?"),
        (stage.gptbots, "Kofi Mensah", "Where is my parcel 2077?"),
        (stage.moveo, "Elena Rossi", "Show me your products"),
    ):
        vendor.say(vendor.open(name).id, text)


@contextlib.contextmanager
def signals_cancel() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what runs here, in good order; a second one does not hurry it."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine is run by a task
    loop = asyncio.get_running_loop()
    asked = False

    def ask() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for one in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(one, ask)
    try:
        yield
    finally:
        for one in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(one)


def _tell(line: str) -> None:
    print(line, flush=True)
