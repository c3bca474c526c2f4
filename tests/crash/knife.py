"""Beneath a bridge process: every step of a delivery is a place where it can be killed.

A *step* is a transaction that writes, or a call to Slack or a vendor, with what is being carried. The process
is killed `BEFORE` it (before the commit, before the call) or `AFTER` it (when the commit is done, when the
other side has answered), before anything is made of that. The file that `Knife` keeps says where; whichever
process gets there first dies there, and leaves a word of when.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "CRASH_KNIFE"
DEADLY = "a word that ends the process"  # that carries it
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, order=True)
class Step:
    """`carried` is the kind of event or delivery, "" where that is not known yet; `name` what is done."""

    carried: str
    name: str

    def __str__(self) -> str:
        return f"{self.carried or '-'} | {self.name}"


class Knife:
    """The test's side."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._passed = folder / "armed", folder / "passed"
        self._armed.write_text("")
        self._passed.write_text("")
        root = Path(__file__).parent
        self.environ = {
            VARIABLE: str(folder),
            "PYTHONPATH": os.pathsep.join([str(root / "beneath"), str(root.parent.parent)]),
        }

    def arm(self, step: Step, when: str, number: int = 1) -> None:
        """From now on: whoever passes there as the `number`th is killed."""
        self._armed.write_text(json.dumps([f"{step} | {when}", number]))

    def sheathe(self) -> None:
        """Nobody is to be killed."""
        self._armed.write_text("")

    @property
    def died(self) -> tuple[int, float] | None:
        """Who died there, and when by `time.time`."""
        told = json.loads(self._armed.read_text() or "null")
        return (told["pid"], told["at"]) if isinstance(told, dict) else None

    def passed(self) -> Counter[Step]:
        """The steps that were taken since the last time this was asked, in the order of the first of each."""
        lines = self._passed.read_text().splitlines()
        self._passed.write_text("")
        return Counter(Step(*line.split("\t")) for line in lines)


# ── in the process ───────────────────────────────────────────────────────────────────────────────

_carried: ContextVar[str] = ContextVar("carried", default="")


def install() -> None:
    """Let this process be killed where the file says."""
    folder = Path(os.environ[VARIABLE])
    passing = _Passing(folder / "armed", folder / "passed")
    _turns()
    _transactions(passing)
    _calls(passing)
    _deadly()


class _Passing:
    def __init__(self, armed: Path, passed: Path) -> None:
        self._armed, self._passed = armed, passed

    def __call__(self, steps: Iterable[Step], when: str) -> None:
        for step in steps:
            if when is BEFORE:
                with self._passed.open("a") as passed:
                    passed.write(f"{step.carried}\t{step.name}\n")
            with self._armed.open("r+") as armed:
                fcntl.flock(armed, fcntl.LOCK_EX)  # of several processes one dies
                self._look(armed, f"{step} | {when}")

    def _look(self, armed: Any, here: str) -> None:
        told = json.loads(armed.read() or "null")
        if not isinstance(told, list) or told[0] != here:
            return
        last = told[1] == 1
        left: Any = {"pid": os.getpid(), "at": time.time()} if last else [here, told[1] - 1]
        armed.seek(0)
        armed.truncate()
        armed.write(json.dumps(left))
        armed.flush()
        if last:
            os.kill(os.getpid(), signal.SIGKILL)


def _turns() -> None:
    """What is being carried is known to all that is done for it."""
    from bridge.engine.lanes import Lanes

    carry = Lanes._try

    async def known(self: Lanes, turn: Any) -> Any:
        _carried.set(_kind(turn))
        return await carry(self, turn)

    Lanes._try = known  # type: ignore[method-assign]


def _deadly() -> None:
    """As a fault in a C library does it, while something is rendered or composed."""
    from bridge.slack.workspaces import _Carrier

    carry = _Carrier.carry

    async def deadly(self: _Carrier, turn: Any) -> Any:
        if turn.kind in ("event", "reply") and DEADLY in turn.body:
            os._exit(70)
        return await carry(self, turn)

    _Carrier.carry = deadly  # type: ignore[method-assign]


def _kind(turn: Any) -> str:
    return str(json.loads(turn.body)["kind"]) if turn.kind == "event" else str(turn.kind)


def _transactions(passing: _Passing) -> None:
    """Every one that has written something."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    from bridge.store.database import Postgres, Sqlite

    def written(connection: Any, _cursor: Any, _statement: Any, _values: Any, context: Any, *_: Any) -> None:
        if context.isinsert or context.isupdate or context.isdelete:
            connection.info["written"] = True

    event.listen(Engine, "after_cursor_execute", written)
    for database in (Sqlite, Postgres):
        database.run = _watched(database.run, passing)  # type: ignore[method-assign]


def _watched(run: Callable[..., Awaitable[Any]], passing: _Passing) -> Any:
    async def watched(self: Any, transaction: Callable[..., Any], *args: Any) -> Any:
        about = _carried.get()
        steps: list[Step] = []

        def work(connection: Any, *args: Any) -> Any:
            connection.info.pop("written", None)
            result = transaction(connection, *args)
            steps.clear()
            if "written" in connection.info:
                steps.extend(_steps(transaction.__name__, about, args, result))
            passing(steps, BEFORE)
            return result

        result = await run(self, work, *args)
        passing(steps, AFTER)
        return result

    return watched


def _steps(name: str, about: str, args: Any, result: Any) -> list[Step]:
    """What a transaction amounts to: several lanes may be in one."""
    match name:
        case "claim":
            kinds = [_kind(turn) for turn in result]
        case "advance":
            kinds = [_kind(turn) for turn, _, _ in args[0]]
        case "keep_events":
            kinds = [one.kind for _, events in args[0] for one in events]
        case "keep_reply":
            kinds = [args[2].kind]
        case _:
            kinds = [about]
    return [Step(kind, name) for kind in dict.fromkeys(kinds)]


def _calls(passing: _Passing) -> None:
    """aiohttp speaks to Slack, httpx to vendors."""
    import aiohttp
    import httpx

    to_slack: Any = aiohttp.ClientSession
    to_vendors: Any = httpx.AsyncClient
    to_slack._request = _calling(to_slack._request, passing, lambda _method, url, **_: str(url))
    to_vendors.send = _calling(to_vendors.send, passing, lambda request, **_: str(request.url))


def _calling(call: Callable[..., Awaitable[Any]], passing: _Passing, url: Callable[..., str]) -> Any:
    async def calling(self: Any, *args: Any, **kwargs: Any) -> Any:
        step = [Step(_carried.get(), _place(url(*args, **kwargs)))]
        passing(step, BEFORE)
        answer = await call(self, *args, **kwargs)
        passing(step, AFTER)
        return answer

    return calling


def _place(url: str) -> str:
    """Slack's method, or the vendor and the last word of the path."""
    words = [word for word in urlsplit(url).path.split("/") if word]
    return words[-1] if words[0] == "slack" else f"{words[0]}: {words[-1]}"
