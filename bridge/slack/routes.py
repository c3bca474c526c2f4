"""The configured routes and sources, asked by conversation."""

from __future__ import annotations

from collections.abc import Mapping

from bridge import routing
from bridge.config import Route, Source
from bridge.engine.work import Conversation
from bridge.render import SlackMessage, card
from bridge.slack.view import view


class Routes:
    def __init__(self, routes: tuple[Route, ...], sources: Mapping[str, Source]) -> None:
        self._routes = routes
        self._sources = sources

    def vendor(self, conversation: Conversation) -> str:
        source = self._sources.get(conversation.key.source)
        return source.adapter.vendor if source else conversation.key.source

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
        shown = self.of(conversation, told).details
        return card(view(conversation, told, self.vendor(conversation), shown))
