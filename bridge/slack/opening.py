"""Gives a conversation the thread it has not, and another where its own is gone."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.engine.ports import Ledger
from bridge.engine.work import Conversation, PutBack, Turn
from bridge.model import ThreadKey
from bridge.render import notice
from bridge.slack.api import ChannelAway, SlackApi, ThreadGone
from bridge.slack.pacing import Slots
from bridge.slack.routes import Routes
from bridge.slack.view import digest

LOOKBACK = 600.0  # seconds before a conversation's row in which its card is looked for: clocks differ


class Opener:
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes

    def has_elsewhere(
        self, conversation: Conversation, facts: Mapping[str, object], error: ThreadGone | ChannelAway
    ) -> bool:
        """Whether a message that its thread cannot take has another place to go."""
        if isinstance(error, ThreadGone):
            return True
        fallback = self._routes.of(conversation, facts).fallback_channel
        return (
            fallback is not None
            and conversation.thread is not None
            and conversation.thread.channel != fallback
        )

    async def open(self, turn: Turn, facts: Mapping[str, object], slots: Slots) -> Conversation | PutBack:
        """Post the card in the route's channel, or in its fallback while that one cannot be reached."""
        route = self._routes.of(turn.conversation, facts)
        try:
            return await self._open_in(route.channel, turn, facts, slots)
        except ChannelAway as error:
            if route.fallback_channel is None:
                raise
            return await self._open_in(route.fallback_channel, turn, facts, slots, instead_of=error)

    async def _open_in(
        self,
        channel: str,
        turn: Turn,
        facts: Mapping[str, object],
        slots: Slots,
        instead_of: ChannelAway | None = None,
    ) -> Conversation | PutBack:
        about, us = turn.conversation, self._api.known()
        card = self._routes.card(about, facts)
        ts, looks = None, ""  # one that is found may be from when the conversation stood otherwise
        if turn.doubt:
            ts = await self._api.standing(
                channel, {"card": str(about.key)}, oldest=about.created_at - LOOKBACK
            )
        if ts is None:
            if (wait := await slots.wait(channel)) > 0:
                return PutBack(wait)
            ts = (await self._api.post(channel, card, {"card": str(about.key)})).ts
            looks = digest(card)
        where = ThreadKey(team=us.team, channel=channel, ts=ts)
        opened = await self._ledger.open_thread(about.id, where, looks)
        if instead_of is not None:
            await self._say(
                where, f"This conversation is here because its channel is away: {instead_of.problem}."
            )
        elif about.card is not None:
            await self._say(where, "This conversation goes on here: its earlier thread is gone.")
        return opened

    async def _say(self, where: ThreadKey, text: str) -> None:
        # Not worth a step of its own: after a crash just here the thread stands without the line.
        await self._api.post(where.channel, notice(text), {"notice": text}, where.ts)
