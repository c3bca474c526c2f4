"""Handoffs as ops watch them: the sandbox's Slack, a real store, and the carriers of alerts and clocks.

Nothing runs by itself: `carry` lets everything that is due, or to be tried again, be tried once.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from bridge.config import Retry, Route, Slack
from bridge.control import Signal
from bridge.engine.policy import decide
from bridge.engine.ports import Carrier
from bridge.engine.work import (
    AlertPlace,
    Change,
    Conversation,
    Done,
    Handoff,
    Incoming,
    NewDelivery,
    Outcome,
    Owner,
    PutBack,
    Turn,
)
from bridge.errors import BridgeError
from bridge.model import (
    EVENT,
    Author,
    ConversationKey,
    Direction,
    HandoffStarted,
    Message,
    Role,
    Text,
    ThreadKey,
)
from bridge.sandbox.slack import Message as Posted
from bridge.slack.alerts import AlertsCarrier
from bridge.slack.api import SlackApi
from bridge.slack.clocks import ClocksCarrier
from bridge.slack.digest import Digests
from bridge.slack.permalinks import Permalinks
from bridge.slack.scans import Scans
from bridge.slack.view import learn
from bridge.store import Store
from bridge.store.tables import lane
from tests.acts import CLAIM
from tests.sandbox.slack_running import SUPPORT, Running, running
from tests.slack.desk import routes_of
from tests.stores import opened

ALERTS, LEADS = "C0ALERTS", "C0HANDOFFS"
MINA = Owner("Mina Park", "U0MINA")
LATER = 3600.0  # seconds until a failed attempt would be tried again by itself
LENA = Author(role=Role.CUSTOMER, name="Lena")


class Watch:
    def __init__(self, run: Running, store: Store, worker: int, routes: tuple[Route, ...]) -> None:
        self.slack, self.store, self.worker = run.slack, store, worker
        self.api = SlackApi(run.client, Slack(channel_rate=0), store)
        asked, links = routes_of(*routes), Permalinks(self.api)
        scans = Scans(self.api, store, routes)
        self.digests = Digests(self.api, store, asked, routes)
        self.carriers: dict[Direction, Carrier] = {
            Direction.ALERTS: AlertsCarrier(self.api, store, asked, links),
            Direction.CLOCKS: ClocksCarrier(self.api, store, asked, links, self.digests, scans),
        }
        self.tried: list[tuple[Turn, Outcome]] = []
        self._numbers = itertools.count(1)

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    async def tell(self, kind: type[Any], ago: float = 0.0, *, id: str = "c", **more: Any) -> Conversation:
        """What the vendor reports of something `ago` seconds ago."""
        key = ConversationKey(source="acme-ada", id=id)
        at = datetime.now(UTC) - timedelta(seconds=ago)
        event = kind(id=f"e{next(self._numbers)}", conversation=key, at=at, **more)
        await self.store.keep_events(Incoming(key.source, event.id, "", b"{}"), (event,))
        found = [row.conversation for row in await self.store.open_handoffs(50)]
        return next((one for one in found if one.key == key), await self.store.conversation(1))

    async def waits(self, ago: float = 0.0, **more: Any) -> Handoff:
        """A customer waits for a human since `ago` seconds."""
        conversation = await self.tell(HandoffStarted, ago, **more)
        found = await self.store.last_handoff(conversation.id)
        assert found is not None
        return found

    async def says(self, *words: str) -> None:
        for one in words:
            await self.tell(Message, author=LENA, parts=(Text(text=one),))

    async def opens(self, channel: str = SUPPORT, conversation: int = 1) -> Posted:
        """The conversation gets its thread, with the alert in it."""
        stands = await self.store.conversation(conversation)
        handoff = await self.store.last_handoff(conversation)
        assert handoff is not None
        card = await self._post(channel, "card")
        where = ThreadKey(team=self.slack.state.team_id, channel=channel, ts=card)
        await self.store.open_thread(stands.id, where, "")
        place = AlertPlace(channel, await self._post(channel, "alert", card))
        await self.happens(Change(alert=(handoff.id, place)), conversation)
        return self.at(channel, card)

    async def _post(self, channel: str, text: str, thread_ts: str | None = None) -> str:
        params = {"channel": channel, "text": text, **({"thread_ts": thread_ts} if thread_ts else {})}
        return str((await self.api.call("chat.postMessage", params))["ts"])

    async def acts(self, happened: Signal, by: Owner = MINA) -> None:
        """What an agent does."""
        await self.happens(Change(happened=happened, by=by))

    async def happens(self, change: Change, conversation: int = 1) -> None:
        """What another lane brings about."""
        key = f"a{next(self._numbers)}"
        new = NewDelivery.of(CLAIM, key)
        kept = await self.store.keep_reply(Incoming("@slack", key, "", b"{}"), conversation, new)
        assert kept == "queued"
        turn = await self.turn(Direction.ACTS)
        await self.store.advance(turn, Done(change=change), keep_going=False)

    # ── what is done about it ────────────────────────────────────────────────────────────────────

    async def carry(self, kind: str = "alert") -> list[Outcome]:
        """Try all that is due, and what failed before; what became of the deliveries of one kind."""
        await self.store._database.run(_poke)
        before = len(self.tried)
        while turns := await self.store.claim(self.worker, 30, 50):
            for turn in turns:
                await self.store.advance(turn, await self._try(turn), keep_going=False)
        return [outcome for turn, outcome in self.tried[before:] if turn.kind == kind]

    async def turn(self, direction: Direction) -> Turn:
        """The turn of one lane, begun and not ended."""
        held = await self.store.claim(self.worker, 30, 50)
        for turn in held:
            if turn.direction is not direction:
                await self.store.advance(turn, PutBack(0.0), keep_going=False)
        (mine,) = [turn for turn in held if turn.direction is direction]
        return mine

    async def _try(self, turn: Turn) -> Outcome:
        carrier = self.carriers.get(turn.direction)
        outcome: Outcome = Done()
        if carrier is not None:
            try:
                outcome = await carrier.carry(turn)
            except BridgeError as error:
                outcome = decide(error, turn, Retry(delays=(LATER,)), 0.5)
        elif turn.kind == "event":
            learned = learn(turn.conversation.facts, EVENT.validate_json(turn.body))
            outcome = Done(change=Change(facts=learned))
        self.tried.append((turn, outcome))
        return outcome

    # ── what stands in Slack ─────────────────────────────────────────────────────────────────────

    def at(self, channel: str, ts: str) -> Posted:
        return self.slack.state.channels[channel].messages[ts]

    def shown(self, channel: str = ALERTS) -> list[Posted]:
        """What stands in a channel itself: without replies in threads, but with those that it was told of."""
        return list(self.slack.state.messages(channel))

    @property
    def alert(self) -> Posted:
        """The one alert in the alert channel."""
        (found,) = [one for one in self.shown() if not one.is_reply]
        return found

    def calls(self, method: str) -> int:
        return len(self.slack.calls.of(method))


def _poke(connection: Connection) -> None:
    connection.execute(update(lane).where(lane.c.owner.is_(None), lane.c.due.is_not(None)).values(due=0.0))


@contextlib.asynccontextmanager
async def watching(database_url: str, *routes: Route) -> AsyncIterator[Watch]:
    async with running(channel_rate=0) as run, opened(database_url) as store:
        watch = Watch(run, store, await store.join(), routes or (Route(channel=SUPPORT),))
        await watch.api.authenticate()
        yield watch


def words(message: Posted) -> str:
    """Everything that is shown of it."""
    return " ".join(_texts([message.text, message.blocks, message.attachments]))


def _texts(shown: Any) -> list[str]:
    match shown:
        case str():
            return [shown]
        case list():
            return [text for one in shown for text in _texts(one)]
        case dict():
            named = (shown[name] for name in ("text", "fallback", "elements", "blocks") if name in shown)
            return [text for one in named for text in _texts(one)]
    return []


def buttons(message: Posted) -> list[str]:
    """The action ids of its buttons, with the address where it has one."""
    rows = [block for block in message.blocks if block["type"] == "actions"]
    rows += [b for one in message.attachments for b in one.get("blocks", ()) if b["type"] == "actions"]
    return [element.get("url") or element["action_id"] for row in rows for element in row["elements"]]
