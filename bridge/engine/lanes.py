"""The lanes' runner: takes due lanes, carries their deliveries one after the other, records each.

One delivery of a lane at a time, across all processes; lanes in parallel. A lane that fails waits by
itself. Everything a worker holds carries a lease, renewed only while its task lives.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
import re
import time
from typing import Any

from bridge import metrics, telemetry
from bridge.config import Engine
from bridge.engine.follow import notice, stuck
from bridge.engine.policy import decide, given_up
from bridge.engine.ports import Carrier, Ledger
from bridge.engine.work import (
    STARTS,
    Again,
    Done,
    Failed,
    Kept,
    NewDelivery,
    Outcome,
    PutBack,
    Turn,
    Uncertain,
    recorded,
)
from bridge.errors import BridgeError, DeliveryError, Unavailable
from bridge.logs import about, fault
from bridge.model import Direction

logger = logging.getLogger(__name__)

TURNS = 20  # deliveries of one lane in a row, before others get their turn
ALONE = 2.0  # seconds that nothing more is taken beside a delivery that may end the process
SOON = 0.05  # seconds between taking lanes and asking when another is due
REAP = 1.0  # seconds between looks for dead workers: two looks and their lanes are free
_QUOTED = re.compile("“.*?”", re.DOTALL)
_OUTCOMES = {
    Done: "sent",
    Kept: "kept",
    PutBack: "put_back",
    Again: "retry",
    Failed: "failed",
    Uncertain: "uncertain",
}


class Lanes:
    def __init__(self, ledger: Ledger, carriers: dict[Direction, Carrier], settings: Engine) -> None:
        self._ledger = ledger
        self._carriers = carriers
        self._settings = settings
        self._retry = {
            Direction.SLACK: settings.to_slack,
            Direction.MARKS: settings.to_slack,
            Direction.CARD: settings.to_slack,
            Direction.STATUS: settings.to_slack,
            Direction.ACTS: settings.to_slack,
            Direction.ALERTS: settings.to_slack,
            Direction.CLOCKS: settings.to_slack,
            Direction.VENDOR: settings.to_vendor,
        }
        self._worker: int | None = None
        self._held: dict[int, asyncio.Task[None]] = {}  # lane -> its task
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self._lost = False  # this worker may own a lane that no task carries

    @property
    def working(self) -> bool:
        """Whether lanes are being taken."""
        return self._worker is not None and not self._stopping and all(not one.done() for one in self._loops)

    async def start(self) -> None:
        self._worker = await self._ledger.join()
        self._loops = [
            asyncio.create_task(self._take(self._worker), name="lanes-take"),
            asyncio.create_task(self._renew(self._worker), name="lanes-renew"),
            asyncio.create_task(self._reap(), name="lanes-reap"),
        ]

    async def stop(self, drain: float) -> None:
        """Take nothing more, finish what is under way within `drain` seconds, and let the lanes go."""
        self._stopping = True
        self._ledger.woken.set()
        until = time.monotonic() + drain
        # First who takes: what it is claiming just now is written down as begun, and has to be carried too.
        for some in (self._loops[:1], self._held.values()):
            if waited := [*some]:
                await asyncio.wait(waited, timeout=max(0.0, until - time.monotonic()))
        rest = [*self._held.values(), *self._loops]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if self._worker is not None:
            try:
                await self._ledger.leave(self._worker)
            except Unavailable as error:  # the lease ends by itself
                logger.warning("could not let the lanes go: %s", error)

    # ── loops ────────────────────────────────────────────────────────────────────────────────────

    async def _take(self, worker: int) -> None:
        woken = self._ledger.woken
        while not self._stopping:
            woken.clear()
            free = self._settings.concurrency - len(self._held)
            wait: float | None = self._settings.poll
            try:
                if free > 0:
                    turns = await self._claim(worker, free)
                    tasks = [self._begin(turn) for turn in turns]
                    if any(turn.is_suspect for turn in turns):
                        await asyncio.wait(tasks, timeout=ALONE)
                        continue
                    if len(turns) == free:
                        continue
                    # What was just taken has the database to itself before the next question.
                    due = SOON if turns else await self._ledger.next_due()
                    wait = self._settings.poll if due is None else min(max(due, 0.001), self._settings.poll)
            except BaseException as error:
                self._lost = True  # what was claimed may have been committed, and not be begun
                _survive("cannot take lanes", error)
                wait = 1.0
            try:
                async with asyncio.timeout(wait):
                    await woken.wait()
            except TimeoutError:
                pass

    async def _claim(self, worker: int, free: int) -> list[Turn]:
        lost, self._lost = self._lost, False
        return await self._ledger.claim(worker, self._settings.lease, free, list(self._held), lost=lost)

    async def _renew(self, worker: int) -> None:
        while True:
            await asyncio.sleep(self._settings.lease / 3)
            try:
                await self._ledger.renew(worker, list(self._held), self._settings.lease)
            except BaseException as error:
                _survive("cannot renew leases", error)

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(REAP)
            try:
                freed = await self._ledger.reap()
            except BaseException as error:
                _survive("cannot look for workers that died", error)
                continue
            if freed:
                logger.info("took over %d lanes of a worker that died", freed)

    # ── one lane ─────────────────────────────────────────────────────────────────────────────────

    def _begin(self, turn: Turn) -> asyncio.Task[None]:
        task = asyncio.create_task(self._carry(turn), name=f"lane-{turn.lane}")
        self._held[turn.lane] = task
        metrics.lanes_held.set(len(self._held))
        task.add_done_callback(lambda done: self._ended(turn.lane, done))
        return task

    def _ended(self, lane: int, task: asyncio.Task[None]) -> None:
        if self._held.get(lane) is task:
            del self._held[lane]
        metrics.lanes_held.set(len(self._held))
        if task.cancelled() or task.exception() is not None:
            self._lost = True
        self._ledger.woken.set()

    async def _carry(self, turn: Turn) -> None:
        """Carry the lane; where that fails the lane is taken again, with doubt."""
        try:
            await self._drain(turn)
        except BaseException as error:
            self._lost = True
            _reraise(error)
            if not self._stopping:  # a `SystemExit` that a task raises ends the process
                fault(logger, "a lane's task died", error)

    async def _drain(self, first: Turn) -> None:
        turn: Turn | None = first
        turns = 0
        while turn is not None:
            told: dict[str, Any] = {"delivery": turn.delivery, "conversation": str(turn.conversation.key)}
            with about(id=turn.key, **told):
                told |= {"kind": turn.kind, "direction": turn.direction, "attempt": turn.attempt}
                with telemetry.span("delivery", turn.key, **told) as span:
                    outcome = await self._try(turn)
                    span.tell(outcome=_OUTCOMES[type(outcome)])
                turns += 1
                turn = await self._record(turn, outcome, keep_going=turns < TURNS and not self._stopping)

    async def _try(self, turn: Turn) -> Outcome:
        carrier = self._carriers[turn.direction]
        began = time.monotonic()
        outcome: Outcome
        if turn.starts > STARTS:
            outcome = given_up(turn)
        else:
            try:
                outcome = await carrier.carry(turn)
            except BaseException as error:
                _reraise(error)
                if not isinstance(error, BridgeError):
                    fault(logger, f"delivery {turn.delivery}", error)
                retry = self._retry[turn.direction]
                outcome = decide(error, turn, retry, random.random())  # noqa: S311 - jitter
        # A follow-up that ends the process as well is left out.
        if isinstance(outcome, Again | Failed | Uncertain) and turn.starts <= STARTS + 1:
            follow = (*_follow(carrier, turn, outcome), *stuck(turn, outcome))
            outcome = dataclasses.replace(outcome, follow=follow)
        _note(turn, outcome, time.monotonic() - began)
        return outcome

    async def _record(self, turn: Turn, outcome: Outcome, *, keep_going: bool) -> Turn | None:
        """Write it down, however long the store is away: what was sent must not be sent again."""
        wait = 0.05
        while True:
            try:
                ours, following = await self._ledger.advance(turn, outcome, keep_going=keep_going)
            except Unavailable as error:
                logger.warning("delivery %d: cannot record its outcome yet: %s", turn.delivery, error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2.0)
                continue
            if not ours:
                logger.warning("delivery %d: its lane was taken over meanwhile", turn.delivery)
            return following


def _reraise(error: BaseException) -> None:
    """Raise `error` where this task was cancelled or the loop is closed. A `CancelledError` or `SystemExit`
    that a library raises by itself is not raised: it is handled as any other fault."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error
    if isinstance(error, KeyboardInterrupt | GeneratorExit):
        raise error


def _survive(problem: str, error: BaseException) -> None:
    """No loop ends with an error, not even one of ours: without them nothing would be carried any more."""
    _reraise(error)
    if isinstance(error, Unavailable):
        logger.warning("%s: %s", problem, error)
    else:
        fault(logger, problem, error)


def _follow(carrier: Carrier, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
    """What follows an attempt that did not end as sent, also where the carrier cannot read the row."""
    try:
        _ = turn.payload
    except DeliveryError as error:
        if isinstance(outcome, Again) or turn.conversation.thread is None:
            return ()
        return (
            notice(turn, f"Something that was queued for this conversation was given up: {error.problem}"),
        )
    return carrier.follow(turn, outcome)


def _note(turn: Turn, outcome: Outcome, seconds: float) -> None:
    name = _OUTCOMES[type(outcome)]
    metrics.deliveries.labels(turn.direction, turn.kind, name).inc()
    metrics.attempt_seconds.labels(turn.direction).observe(seconds)
    # A clock is to wait; what somebody sent on waited for them.
    if name == "sent" and turn.direction is not Direction.CLOCKS and not turn.was:
        metrics.lag_seconds.labels(turn.direction).observe(turn.waited + seconds)
    well = isinstance(outcome, Done | Kept | PutBack)
    problem = "" if well else f", {redacted(recorded(outcome) or '')}"
    logger.log(
        logging.DEBUG if well else logging.WARNING,
        "delivery %d (%s to %s, %s): %s%s (attempt %d, %.0f ms)",
        turn.delivery,
        turn.kind,
        turn.direction.value,
        turn.conversation.key,
        name,
        problem,
        turn.attempt,
        seconds * 1000,
        extra={"fields": _fields(turn, outcome, name, seconds)},
    )


def _fields(turn: Turn, outcome: Outcome, name: str, seconds: float) -> dict[str, Any]:
    """The same for a program; `ref` is the other side's id for it."""
    told = {"direction": turn.direction, "kind": turn.kind, "outcome": name, "attempt": turn.attempt}
    ref = getattr(outcome, "ref", None)
    return {**told, "ms": round(seconds * 1000, 1), **({"ref": ref} if ref else {})}


def redacted(problem: str) -> str:
    """`problem` for the log: what stands in it as “…”, such as a file's name, is for the thread only."""
    return _QUOTED.sub("“…”", problem)
