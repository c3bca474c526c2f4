"""The configured routes and sources, asked by conversation."""

from __future__ import annotations

from collections.abc import Mapping

from bridge import routing
from bridge.adapter import SpeaksAsCustomer
from bridge.config import Route, Source
from bridge.engine.acts import can
from bridge.engine.work import Conversation
from bridge.model import Act
from bridge.render import ConversationView, SlackMessage, card
from bridge.slack.view import view


class Routes:
    def __init__(self, routes: tuple[Route, ...], sources: Mapping[str, Source]) -> None:
        self._routes = routes
        self._sources = sources

    def vendor(self, conversation: Conversation) -> str:
        source = self._sources.get(conversation.key.source)
        return source.adapter.vendor if source else conversation.key.source

    def tells_humans_apart(self, conversation: Conversation) -> bool:
        source = self._sources.get(conversation.key.source)
        return source is None or source.adapter.capabilities.tells_humans_apart

    def cannot(self, conversation: Conversation, act: Act) -> str | None:
        """Why the vendor of `conversation` cannot do `act`, where it cannot."""
        source = self._sources.get(conversation.key.source)
        return source.adapter.capabilities.cannot.get(act) if source else None

    def of(self, conversation: Conversation, facts: Mapping[str, object] | None = None) -> Route:
        told = conversation.facts if facts is None else facts
        customer, channel = told.get("customer") or {}, told.get("channel") or {}
        return routing.choose(
            self._routes,
            source=conversation.key.source,
            vendor=self.vendor(conversation),
            language=customer.get("language") if isinstance(customer, dict) else None,
            customer_channel=channel.get("name") if isinstance(channel, dict) else None,
        )

    def card(self, conversation: Conversation, facts: Mapping[str, object] | None = None) -> SlackMessage:
        told = conversation.facts if facts is None else facts
        return card(self.view(conversation, told))

    def view(self, conversation: Conversation, facts: Mapping[str, object]) -> ConversationView:
        source = self._sources.get(conversation.key.source)
        console = source.settings.console_url if source else None
        route = self.of(conversation, facts)
        speaks = source is not None and issubclass(source.adapter, SpeaksAsCustomer)
        return view(
            conversation,
            facts,
            self.vendor(conversation),
            route.details,
            console,
            can_choose=speaks and route.reply_mode != "notes_only",
            can=can(source.adapter) if source else frozenset(),
        )
