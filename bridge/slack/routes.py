"""The configured routes and sources, asked by conversation: those of one workspace, or all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bridge import routing
from bridge.adapter import KnowsCustomers, SpeaksAsCustomer, title_of
from bridge.config import Match, Route, Source
from bridge.engine.acts import can
from bridge.engine.work import Conversation
from bridge.model import Act
from bridge.render import ConversationView, SlackMessage, card
from bridge.slack.view import digest, view

REMEMBERED = 1000  # cards
#: of a route, where it leads to
_PLACES = ("fallback_channel", "alert_channel", "escalate_channel", "escalate_to", "digest_at")


class Routes:
    """In a `workspace` its own routes count, and the last of them for conversations that none of them fits:
    their thread stands there from when another fitted."""

    def __init__(
        self, routes: tuple[Route, ...], sources: Mapping[str, Source], workspace: str | None = None
    ) -> None:
        self._all = routes
        self._routes = routes if workspace is None else _of(routes, workspace)
        self._sources = sources
        self._looks: dict[object, str] = {}
        #: what of a vendor's own fields some card shows
        self.shown = tuple(dict.fromkeys(name for route in routes for name in route.details))

    def workspace(self, conversation: Conversation, facts: Mapping[str, object] | None = None) -> str:
        """Which workspace a conversation without a thread belongs to."""
        return self._choose(self._all, conversation, facts).workspace

    def vendor(self, conversation: Conversation) -> str:
        source = self._sources.get(conversation.key.source)
        return source.adapter.vendor if source else conversation.key.source

    def title(self, conversation: Conversation) -> str:
        """The vendor's name as people write it."""
        source = self._sources.get(conversation.key.source)
        return title_of(source.adapter) if source else conversation.key.source

    def tells_humans_apart(self, conversation: Conversation) -> bool:
        source = self._sources.get(conversation.key.source)
        return source is None or source.adapter.capabilities.tells_humans_apart

    def knows_customers(self, conversation: Conversation) -> bool:
        """Whether the vendor can be asked for a customer's profile."""
        source = self._sources.get(conversation.key.source)
        return source is not None and issubclass(source.adapter, KnowsCustomers)

    def cannot(self, conversation: Conversation, act: Act) -> str | None:
        """Why the vendor of `conversation` cannot do `act`, where it cannot."""
        source = self._sources.get(conversation.key.source)
        return source.adapter.capabilities.cannot.get(act) if source else None

    def of(self, conversation: Conversation, facts: Mapping[str, object] | None = None) -> Route:
        return self._choose(self._routes, conversation, facts)

    def _choose(
        self, routes: tuple[Route, ...], conversation: Conversation, facts: Mapping[str, object] | None
    ) -> Route:
        told = conversation.facts if facts is None else facts
        customer, channel = told.get("customer") or {}, told.get("channel") or {}
        return routing.choose(
            routes,
            source=conversation.key.source,
            vendor=self.vendor(conversation),
            language=customer.get("language") if isinstance(customer, dict) else None,
            customer_channel=channel.get("name") if isinstance(channel, dict) else None,
        )

    def card(self, conversation: Conversation, facts: Mapping[str, object] | None = None) -> SlackMessage:
        told = conversation.facts if facts is None else facts
        return card(self.view(conversation, told))

    def looks(self, conversation: Conversation, facts: Mapping[str, object]) -> str:
        """The digest of its card, remembered: hardly any message changes it, and each is held against it."""
        stands = conversation.id, conversation.control, conversation.since, conversation.owner
        seen = (*stands, json.dumps(facts))  # all that `view` reads and that may change
        if (known := self._looks.get(seen)) is None:
            if len(self._looks) >= REMEMBERED:
                self._looks.clear()
            known = self._looks[seen] = digest(self.card(conversation, facts))
        return known

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
            title=self.title(conversation),
        )


def _of(routes: tuple[Route, ...], workspace: str) -> tuple[Route, ...]:
    own = [route for route in routes if route.workspace == workspace]
    # One without routes has at most threads from earlier: the rules are those of the others, not the places.
    last = own[-1] if own else routes[-1].model_copy(update=dict.fromkeys(_PLACES))
    return (*own, last.model_copy(update={"match": Match()}))
