"""A customer's conversation in the sandbox's Slack, with a real store and real lanes, and no vendor: what is
pressed and written there is kept, agents' acts are carried, and marks, whispers and questions are shown."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route as WebRoute

from bridge.config import Engine, Route, Slack, Source
from bridge.engine.acts import can
from bridge.engine.follow import question
from bridge.engine.gate import choices
from bridge.engine.lanes import Lanes
from bridge.engine.work import AlertPlace, Conversation, Done, Incoming, Kept, NewDelivery, Outcome, Turn
from bridge.model import AnyEvent, ConversationKey, Customer, Direction, HandoffStarted, HeldFor
from bridge.sandbox.slack import Message, SlackSandbox
from bridge.slack import http
from bridge.slack.acts import ActsCarrier
from bridge.slack.api import SlackApi
from bridge.slack.home import Homes
from bridge.slack.listeners import Listeners
from bridge.slack.marks import MarksCarrier
from bridge.slack.modals import Modals
from bridge.slack.people import People
from bridge.slack.permalinks import Permalinks
from bridge.slack.permit import Permit
from bridge.slack.routes import Routes
from bridge.store import Store
from bridge.store.tables import delivery
from tests.sandbox.slack_running import BOT_TOKEN, SECRET, SUPPORT, Running, running, serving
from tests.stores import opened
from tests.vendors import SECRETS, SETTINGS, VENDORS, make

LENA = Customer(name="Lena")


def routes_of(*routes: Route) -> Routes:
    """Where the three vendors' sources are known."""
    sources = {
        f"acme-{vendor}": Source(
            f"acme-{vendor}",
            adapter,
            adapter.settings(**SETTINGS[vendor]),
            adapter.secrets(**SECRETS[vendor]),
        )
        for vendor, adapter in VENDORS.items()
    }
    return Routes(routes or (Route(channel=SUPPORT),), sources)


class Recorder:
    """Takes every delivery for done, but holds replies while it is told to."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.holds = False

    async def carry(self, turn: Turn) -> Outcome:
        self.turns.append(turn)
        if not self.holds or turn.kind != "reply" or "choice" in turn.read():
            return Done()
        offered = choices(HeldFor.BOT, can(VENDORS["moveo"]))
        return Kept("held", "held: bot", follow=(question(turn, HeldFor.BOT, offered),))

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()


class Desk:
    """`about` is the one conversation, `card` the first message of its thread."""

    def __init__(self, run: Running, store: Store, routes: Routes) -> None:
        self.slack: SlackSandbox = run.slack
        self.store = store
        self.api = SlackApi(run.client, Slack(channel_rate=0), store)
        self.routes = routes
        self.people = People(self.api)
        permit = Permit(self.people, routes)
        self.homes = Homes(self.api, store, self.people, routes, Permalinks(self.api))
        adapters = {f"acme-{vendor}": make(vendor) for vendor in VENDORS}
        modals = Modals(self.api, store, routes, adapters)
        self.listeners = Listeners(self.api, run.client, store, BOT_TOKEN, modals, self.homes)
        self.recorder = Recorder()
        carriers: dict[Direction, Any] = dict.fromkeys(Direction, self.recorder)
        carriers[Direction.ACTS] = ActsCarrier(store, permit, routes, self.homes)
        carriers[Direction.MARKS] = MarksCarrier(self.api, store, routes, self.people)
        self.lanes = Lanes(store, carriers, Engine())
        self.about: Conversation
        self.card: Message

    async def meet(self, source: str = "acme-ada", id: str = "c1", channel: str = SUPPORT) -> None:
        """A customer waits for a human; `about` and `card` are theirs."""
        key = ConversationKey(source=source, id=id)
        await self.hears(HandoffStarted(id=f"{id}:1", conversation=key, at=datetime.now(UTC), reason="Refund"))
        found = await self.store.open_handoffs(100)
        self.about = next(row.conversation for row in found if row.conversation.key == key)
        card = self.routes.card(self.about, {"customer": {"name": "Lena"}})
        posted = await self.api.post(channel, card, {"card": str(key)})
        self.card = self.slack.state.channels[channel].messages[posted.ts]
        place = self.thread
        self.about = await self.store.open_thread(self.about.id, place, "")

    async def hears(self, event: AnyEvent) -> None:
        """What the vendor reports."""
        await self.store.keep_events(Incoming(event.conversation.source, event.id, "", b"{}"), (event,))

    @property
    def thread(self) -> Any:
        from bridge.model import ThreadKey

        return ThreadKey(team=self.slack.state.team_id, channel=self.card.channel, ts=self.card.ts)

    def writes(self, text: str, user: str = "U0MINA", **more: Any) -> Message:
        return self.slack.post_as(user, self.card.channel, text, thread_ts=self.card.ts, **more)

    async def presses(self, user: str, action: str, where: Any = None, value: str | None = None) -> None:
        assert (await self.slack.press(user, where or self.card, action, value)).ok

    def asked(self, kind: str = "act") -> list[dict[str, Any]]:
        """The payloads of one kind that came to carriers that do nothing."""
        return [turn.read() for turn in self.recorder.turns if turn.kind == kind]

    @property
    def notices(self) -> list[str]:
        return [told["text"] for told in self.asked("notice")]

    def whispers(self, user: str, channel: str = SUPPORT) -> list[Message]:
        """What only `user` sees."""
        return [
            one for one in self.slack.state.channels[channel].ephemerals.values() if one.ephemeral_to == user
        ]

    async def until(self, look: Callable[[], Any], what: str) -> Any:
        """What `look` finds, once it does."""
        try:
            async with asyncio.timeout(15):
                while not (found := look()):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{what}; notices: {self.notices}") from None
        return found

    async def hears_that(self, user: str, *words: str, channel: str = SUPPORT) -> Message:
        """Wait for what is whispered to `user`."""
        found = await self.until(
            lambda: [one for one in self.whispers(user, channel) if all(word in one.text for word in words)],
            f"{user} is told {words}, and was {[one.text for one in self.whispers(user, channel)]}",
        )
        message: Message = found[-1]
        return message

    async def noticed(self, text: str) -> None:
        await self.until(lambda: text in self.notices, f"the thread is told {text!r}")

    async def stands(self) -> Conversation:
        return await self.store.conversation(self.about.id)

    async def alert(self, channel: str = "C0ALERTS") -> Message:
        """The alert of the handoff in another channel."""
        posted = await self.api.post(channel, self.routes.card(self.about), {"alert": self.about.id})
        handoff = await self.store.last_handoff(self.about.id)
        assert handoff is not None
        turn: Any = type("_", (), {"conversation": self.about})
        place = AlertPlace(channel, posted.ts)
        await self.store.place_alert(turn, handoff.id, "channel", place, self.slack.state.team_id)
        return self.slack.state.channels[channel].messages[posted.ts]

    async def kinds(self) -> list[tuple[str, str]]:
        """Kind and state of all that was queued."""
        rows = await self.store._database.run(
            lambda connection: connection.execute(delivery.select().order_by(delivery.c.id)).all()
        )
        return [(row.kind, row.state) for row in rows]


@contextlib.asynccontextmanager
async def desk(folder: Path, *routes: Route, source: str = "acme-ada") -> AsyncIterator[Desk]:
    async with running(channel_rate=0) as run, opened(f"sqlite:///{folder}/bridge.sqlite3") as store:
        one = Desk(run, store, routes_of(*routes))
        await one.api.authenticate()
        handler = http.endpoint(one.listeners.app, one.api, (SecretStr(SECRET),))
        app = Starlette(routes=[WebRoute("/slack/events", handler, methods=["POST"])])
        async with serving(app) as url:
            run.slack.events_url = f"{url}/slack/events"
            await one.meet(source)
            await one.lanes.start()
            try:
                yield one
            finally:
                await one.lanes.stop(2.0)
                await one.homes.close()
                await run.slack.settled()


def payload(**told: Any) -> str:
    return json.dumps(told)


def values(blocks: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The buttons of a message or a view."""
    return [one for block in blocks if block["type"] == "actions" for one in block["elements"]]
