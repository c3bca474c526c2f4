"""A customer's conversation in the sandbox's Slack, with a real store and real lanes, and no vendor: what is
pressed and written there is kept, agents' acts are carried, and marks, whispers and questions are shown."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route as WebRoute

from bridge.config import Engine, Retry, Route, Slack, Source
from bridge.engine.acts import can
from bridge.engine.follow import question
from bridge.engine.gate import choices
from bridge.engine.lanes import Lanes
from bridge.engine.work import (
    AlertPlace,
    Change,
    Conversation,
    Done,
    Incoming,
    Kept,
    NewDelivery,
    Outcome,
    Turn,
)
from bridge.model import AnyEvent, ConversationKey, Direction, HandoffStarted, HeldFor, ThreadKey
from bridge.sandbox.slack import Message, View
from bridge.slack import http
from bridge.slack.acts import ActsCarrier
from bridge.slack.api import SlackApi
from bridge.slack.doors import Door
from bridge.slack.gaps import Gaps
from bridge.slack.home import Homes
from bridge.slack.listeners import Listeners
from bridge.slack.marks import MarksCarrier
from bridge.slack.modals import Modals
from bridge.slack.people import People
from bridge.slack.permalinks import Permalinks
from bridge.slack.permit import Permit
from bridge.slack.routes import Routes
from bridge.store import Store
from tests.sandbox.slack_running import BOT_TOKEN, SECRET, SUPPORT, Running, running, serving
from tests.stores import opened
from tests.vendors import SECRETS, SETTINGS, VENDORS, make

ALERTS = "C0ALERTS"
LENA = {"customer": {"name": "Lena"}}


def routes_of(*routes: Route) -> Routes:
    """`routes`, else all to one channel, for a source of each vendor."""
    sources = {}
    for vendor, adapter in VENDORS.items():
        settings, secrets = adapter.settings(**SETTINGS[vendor]), adapter.secrets(**SECRETS[vendor])
        sources[f"acme-{vendor}"] = Source(f"acme-{vendor}", adapter, settings, secrets)
    return Routes(routes or (Route(channel=SUPPORT),), sources)


class Recorder:
    """Takes every delivery for done, but holds replies while it is told to."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.holds = False

    async def carry(self, turn: Turn) -> Outcome:
        self.turns.append(turn)
        if turn.kind == "event":
            return Done(change=Change(facts=LENA))
        if not self.holds or turn.kind != "reply" or "choice" in json.loads(turn.body):
            return Done()
        offered = choices(HeldFor.BOT, can(VENDORS["moveo"]))
        return Kept("held", "held: bot", follow=(question(turn, HeldFor.BOT, offered),))

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()


class Desk:
    """`about` is the conversation that was met last, and `card` the first message of its thread."""

    about: Conversation
    card: Message

    def __init__(self, run: Running, store: Store, routes: Routes) -> None:
        self.slack, self.store, self.routes = run.slack, store, routes
        self.api = SlackApi(run.client, Slack(channel_rate=0), store)
        people = People(self.api)
        self.homes = Homes(self.api, store, people, routes, Permalinks(self.api))
        modals = Modals(self.api, store, routes, {f"acme-{vendor}": make(vendor) for vendor in VENDORS})
        self.listeners = Listeners(self.api, run.client, store, BOT_TOKEN, modals, self.homes)
        self.recorder = Recorder()
        carriers: dict[Direction, Any] = dict.fromkeys(Direction, self.recorder)
        carriers[Direction.ACTS] = ActsCarrier(store, Permit(people, routes), routes, self.homes)
        carriers[Direction.MARKS] = carriers[Direction.CARD] = MarksCarrier(self.api, store, routes, people)
        self.lanes = Lanes(store, carriers, Engine(to_slack=Retry(delays=(0.05,))))

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    async def hears(self, event: AnyEvent) -> None:
        """What the vendor reports."""
        await self.store.keep_events(Incoming(event.conversation.source, event.id, "", b"{}"), (event,))

    async def meet(self, id: str, source: str = "acme-ada", channel: str = SUPPORT) -> None:
        """Somebody else waits for a human, with a thread in `channel`."""
        key = ConversationKey(source=source, id=id)
        start = HandoffStarted(id=f"{id}:1", conversation=key, at=datetime.now(UTC), reason="Refund")
        await self.hears(start)
        found = [row.conversation for row in await self.store.open_handoffs(100)]
        self.about = next(one for one in found if one.key == key)
        ts = (await self.api.post(channel, self.routes.card(self.about, LENA), {"card": str(key)})).ts
        self.card = self.slack.state.channels[channel].messages[ts]
        thread = ThreadKey(team=self.slack.state.team_id, channel=channel, ts=ts)
        await self.store.open_thread(self.about.id, thread, "")

    async def alert(self) -> Message:
        """The alert of its handoff, in another channel."""
        turn = await self.until(self._of_alerts, "an alert is wanted")
        ts = (await self.api.post(ALERTS, self.routes.card(self.about, LENA), {"alert": 1})).ts
        await self.store.place_alert(json.loads(turn.body)["handoff"], "channel", AlertPlace(ALERTS, ts))
        where = ThreadKey(team=self.slack.state.team_id, channel=ALERTS, ts=ts)
        await self.store.own_thread(turn.conversation.id, where)
        return self.slack.state.channels[ALERTS].messages[ts]

    def writes(self, text: str, user: str = "U0MINA", where: Message | None = None, **more: Any) -> Message:
        root = where or self.card
        return self.slack.post_as(user, root.channel, text, thread_ts=root.ts, **more)

    async def presses(
        self, user: str, action: str, where: Message | View | None = None, value: str | None = None
    ) -> None:
        assert (await self.slack.press(user, where or self.card, action, value)).ok

    # ── what has come of it ──────────────────────────────────────────────────────────────────────

    def carried(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of one kind that were taken for done."""
        return [json.loads(turn.body) for turn in self.recorder.turns if turn.kind == kind]

    @property
    def notices(self) -> list[str]:
        return [told["text"] for told in self.carried("notice")]

    def whispers(self, user: str, channel: str = SUPPORT) -> list[Message]:
        """What only `user` sees."""
        shown = self.slack.state.channels[channel].ephemerals.values()
        return [one for one in shown if one.ephemeral_to == user]

    async def until(self, look: Callable[[], Any], what: str) -> Any:
        """What `look` finds, once it does."""
        try:
            async with asyncio.timeout(40):
                while not (found := look()):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not so: {what}; the thread: {self.notices}") from None
        return found

    async def told(self, user: str, *words: str, channel: str = SUPPORT) -> Message:
        """Wait for what only `user` is told, with all of `words` in it."""

        def found() -> list[Message]:
            return [one for one in self.whispers(user, channel) if all(word in one.text for word in words)]

        message: Message = (await self.until(found, f"{user} is told {words}"))[-1]
        return message

    async def noticed(self, text: str) -> None:
        await self.until(lambda: text in self.notices, f"the thread is told {text!r}")

    async def stands(self) -> Conversation:
        return await self.store.conversation(self.about.id)

    def _of_alerts(self) -> Turn | None:
        found = [turn for turn in self.recorder.turns if turn.direction is Direction.ALERTS]
        return next((turn for turn in found if turn.conversation.id == self.about.id), None)


@contextlib.asynccontextmanager
async def at_desk(folder: Path, *routes: Route, source: str = "acme-ada") -> AsyncIterator[Desk]:
    """A customer waits for a human in #support."""
    async with running(channel_rate=0) as run, opened(f"sqlite:///{folder}/bridge.sqlite3") as store:
        desk = Desk(run, store, routes_of(*routes))
        await desk.api.authenticate()
        door = Door(desk.listeners.app, desk.api, (SecretStr(SECRET),))
        handler = http.endpoint([door], Gaps(store.look_into), lambda: None)
        app = Starlette(routes=[WebRoute("/slack/events", handler, methods=["POST"])])
        async with serving(app) as url:
            run.slack.events_url = f"{url}/slack/events"
            await desk.meet("c1", source)
            await desk.lanes.start()
            try:
                yield desk
            finally:
                await desk.lanes.stop(2.0)
                await desk.homes.close()
                await run.slack.settled()
