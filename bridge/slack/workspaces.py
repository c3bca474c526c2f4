"""All workspaces, and which of them something is about; below this everything knows only its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.adapter import Adapter
from bridge.config import Config
from bridge.delivery.kind import Payload
from bridge.delivery.kinds import Look, OfChannel, OfEvent, OfHandoff
from bridge.engine.ports import Carrier, Ledger
from bridge.engine.work import Conversation, Done, NewDelivery, Outcome, PutBack, Turn
from bridge.errors import Rejected, RetryLater, Unavailable
from bridge.media import Fetcher
from bridge.model import Direction
from bridge.slack.api import UNASKED
from bridge.slack.doors import Door
from bridge.slack.downloads import Downloads
from bridge.slack.gaps import Gaps
from bridge.slack.handoffs import known
from bridge.slack.routes import Routes
from bridge.slack.socket import Socket
from bridge.slack.view import learn
from bridge.slack.workspace import Workspace

logger = logging.getLogger(__name__)

SOON = 0.5  # seconds until it is asked again whose a turn is


class Workspaces:
    """`returned` is told by each socket since when it was deaf."""

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        adapters: Mapping[str, Adapter],
        returned: Callable[[float], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._routes = Routes(config.routes, config.sources)
        self._fetcher = Fetcher(config.media)
        self.gaps = Gaps(ledger.look_into)
        self._all = {
            name: Workspace(settings, config, ledger, adapters, self._fetcher)
            for name, settings in config.workspaces.items()
        }
        self._sockets: dict[str, Socket] = {}  # by workspace; those with one app share it
        by_token: dict[str, list[Workspace]] = {}
        for one in self._all.values():
            if one.settings.app_token is not None:
                by_token.setdefault(one.settings.app_token.get_secret_value(), []).append(one)
        for token, those in by_token.items():
            doors, variable = [one.door for one in those], those[0].settings.app_variable
            socket = Socket(doors, token, returned, self.gaps, variable)
            self._sockets |= {one.settings.name: socket for one in those}
        self._tasks: list[asyncio.Task[None]] = []

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def start(self, *, listen: bool) -> None:
        """Let each be known to Slack, and with `listen` heard by socket."""
        for one in self._all.values():
            task = asyncio.create_task(self._stay_known(one, listen=listen), name=f"know-{one.settings.name}")
            self._tasks.append(task)

    async def stop(self) -> None:
        """Nothing is heard any more; what is under way can still be carried."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        for one in self._all.values():
            await one.close()
        await self._fetcher.close()

    async def arrange(self, heard: float | None) -> bool:
        """What is due by itself. Whether what was missed since anything was `heard` is to be looked for now,
        or else once the sockets are open."""
        for one in self._all.values():
            await one.digests.arrange(time.time())
        for socket in self._sockets.values():
            socket.heard = heard
        return heard is not None and self._sockets.keys() != self._all.keys()

    async def look_back(self, since: float) -> None:
        """Look for what was written in threads since then: into those that matter most at once."""
        for one in self._all.values():  # first: what is looked into later they leave out
            await one.scans.arrange(since, time.time())
        await self._ledger.look_back(since)

    async def _stay_known(self, one: Workspace, *, listen: bool) -> None:
        """Whenever its token is refused, ask Slack whether it is, until it is not."""
        await one.authenticate()
        await self._resume(one)  # what an earlier process was refused waits too
        if (problem := self._same(one)) is not None:
            logger.error("%s: %s", one.settings.key, problem)
        socket = self._sockets.get(one.settings.name)
        if listen and socket is not None and not socket.listening:
            self._tasks.append(asyncio.create_task(socket.listen(), name="socket"))
        while True:
            self._ledger.woken.set()
            await one.api.doubted.wait()
            if await one.authenticate():  # else it was one call alone that was refused
                await self._resume(one)

    async def _resume(self, one: Workspace) -> None:
        """Slack knows us again: what waits for its next try there goes at once."""
        try:
            await self._ledger.resume(one.api.known().team)
        except Unavailable as error:  # then it goes when its next try is due
            logger.warning("what waits for %s cannot be tried at once: %s", one.settings.key, error)

    # ── all of them ──────────────────────────────────────────────────────────────────────────────

    @property
    def first(self) -> Workspace:
        return next(iter(self._all.values()))

    @property
    def doors(self) -> list[Door]:
        return [one.door for one in self._all.values()]

    @property
    def downloads(self) -> list[Downloads]:
        return [one.downloads for one in self._all.values()]

    def problems(self) -> dict[str, str]:
        """Why nothing can be carried, or heard, in which of them."""
        found = {}
        for name, one in self._all.items():
            socket = self._sockets.get(name)
            problem = one.api.problem or self._same(one) or (socket.problem if socket else None)
            if problem is not None:
                found[one.settings.key] = problem
        return found

    def stand_still(self) -> bool:
        """Whether this is so in all of them."""
        return len(self.problems()) == len(self._all)

    def _same(self, one: Workspace) -> str | None:
        """Why it is not used, if there is another of the same workspace before it."""
        us = one.api.identity
        if us is None or (first := self._at(us.team)) is None or first is one:
            return None
        other, own = first.settings.bot_variable, one.settings.bot_variable
        return (
            f"{own} is a token of the same workspace as {other} ({us.team}): let the routes name one of them"
        )

    # ── which of them ────────────────────────────────────────────────────────────────────────────

    def carrier(self, direction: Direction) -> Carrier:
        """Carries the deliveries of one direction, each in its workspace."""
        return _Carrier(self, direction)

    async def of(self, turn: Turn) -> Workspace | PutBack | Done:
        """Where it was written or pressed, else where the conversation's thread is, else what its route says.

        A thread in a workspace that is not configured any more is left: what comes next opens another. Raises
        a `DeliveryError`.
        """
        about, payload = turn.conversation, turn.payload
        if isinstance(payload, OfChannel):
            one = self._all.get(payload.workspace)
            return Done("not needed") if one is None else self._used(one)
        team = payload.workspace_team or (about.thread.team if about.thread else None)
        if team is None:
            name = self._routes.workspace(about, await self._facts(turn, payload))
            return self._used(self._all[name])
        if (found := self._at(team)) is not None:
            return found
        if unknown := [one for one in self._all.values() if one.api.identity is None]:
            return self._perhaps(about, unknown, by_people=payload.workspace_team is not None)
        if isinstance(payload, Look):
            return Done("away")  # nobody could write there, or be heard
        if payload.workspace_team or about.thread is None:
            raise Rejected(f"its message is in a workspace ({team}) that is no longer configured")
        await self._ledger.leave_thread(about.id, about.thread)
        return PutBack(0.0)

    def _at(self, team: str) -> Workspace | None:
        for one in self._all.values():
            if one.api.identity is not None and one.api.identity.team == team:
                return one
        return None

    def _used(self, one: Workspace) -> Workspace:
        if (problem := self._same(one)) is not None:
            raise RetryLater(problem)
        return one

    def _perhaps(
        self, about: Conversation, unknown: list[Workspace], *, by_people: bool
    ) -> Workspace | PutBack:
        """It may be any of these, which Slack has not told of: most likely where its route leads. What needs
        Slack waits there, and clocks run on. What is `by_people` of some workspace waits here: by the time
        Slack has told who wrote it, this one may turn out to be another."""
        unasked = any(one.api.problem == UNASKED for one in unknown)
        if unasked and (by_people or len(self._all) > 1):
            return PutBack(SOON)
        likely = self._all[self._routes.workspace(about)]
        return likely if likely in unknown else unknown[0]

    async def _facts(self, turn: Turn, payload: Payload) -> Mapping[str, Any]:
        """What is known of a conversation that has no thread yet, also by what is to open it."""
        about = turn.conversation
        if len(self._all) == 1:
            return about.facts
        if isinstance(payload, OfEvent):
            return learn(about.facts, payload.event)
        if isinstance(payload, OfHandoff):
            return known(about, await self._ledger.handoff(payload.handoff))
        return about.facts


class _Carrier:
    def __init__(self, workspaces: Workspaces, direction: Direction) -> None:
        self._workspaces = workspaces
        self._direction = direction

    async def carry(self, turn: Turn) -> Outcome:
        try:
            found = await self._workspaces.of(turn)
        except Unavailable:  # a clock that has slept for long would be given up at once
            return PutBack(SOON)
        return await found.carriers[self._direction].carry(turn) if isinstance(found, Workspace) else found

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        # What is told is the same in each, and told wherever it belongs.
        return self._workspaces.first.carriers[self._direction].follow(turn, outcome)
