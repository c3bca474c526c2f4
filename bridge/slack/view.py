"""What the card shows of a conversation: learned event by event, kept as JSON facts. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from bridge.engine.work import Conversation
from bridge.model import Act, AnyEvent, Channel, ConversationStarted, Customer
from bridge.render import ConversationView, SlackMessage

ALL = ("*",)


def learn(facts: Mapping[str, Any], event: AnyEvent, shown: Sequence[str] = ALL) -> dict[str, Any]:
    """`facts` with what `event` adds; what it does not say stays. Of its details what fits `shown`: each
    message has ids and times among them, which would be news of the conversation for nobody's sake."""
    learned = dict(facts)
    for name, told in (("customer", event.customer), ("channel", event.channel)):
        if told is not None:
            learned[name] = {**learned.get(name, {}), **told.model_dump(exclude_none=True)}
    if isinstance(event, ConversationStarted):
        learned["started_at"] = event.at.timestamp()
        if event.start_page:
            learned["start_page"] = event.start_page
    if event.late:
        learned["late"] = True  # a webhook may tell it again
    if details := _shown(event.details, shown):
        learned["details"] = {**learned.get("details", {}), **details}
    return learned


def _shown(details: Mapping[str, Any], shown: Sequence[str]) -> dict[str, Any]:
    return {name: told for name, told in details.items() if _fits(name, shown)}


def _fits(name: str, shown: Sequence[str]) -> bool:
    return any(fnmatchcase(name, one) for one in shown)


def customer(facts: Mapping[str, Any]) -> Customer | None:
    return Customer(**facts["customer"]) if "customer" in facts else None


def view(
    conversation: Conversation,
    facts: Mapping[str, Any],
    vendor: str,
    shown: Sequence[str],
    console_url: str | None = None,
    *,
    can_choose: bool = False,
    can: frozenset[Act] = frozenset(),
    title: str | None = None,
) -> ConversationView:
    """The view of a conversation; of e-mail, phone and the vendor's own fields only what fits `shown`."""
    who = customer(facts)
    if who is not None:
        private = {name: None for name in ("email", "phone") if not _fits(name, shown)}
        who = who.model_copy(update=private)
    ids = {"conversation_id": conversation.key.id, "customer_id": who.id if who is not None else None}
    named = {name: id for name, id in ids.items() if id and name in shown}  # not by a pattern
    console = console_url.replace("{id}", quote(conversation.key.id, safe="")) if console_url else None
    return ConversationView(
        key=conversation.key,
        vendor=vendor,
        control=conversation.control,
        customer=who,
        channel=Channel(**facts["channel"]) if "channel" in facts else None,
        start_page=facts.get("start_page"),
        details={**named, **_shown(facts.get("details", {}), shown)},
        started_at=datetime.fromtimestamp(facts.get("started_at", conversation.created_at), UTC),
        since=datetime.fromtimestamp(conversation.since, UTC) if conversation.since else None,
        owner=conversation.owner.name if conversation.owner else None,
        console=console,
        can_choose=can_choose,
        can=can,
        row=conversation.id,
        title=title,
    )


def digest(card: SlackMessage) -> str:
    """The same for the same card, so that it is updated only when it would look different."""
    shown = json.dumps([card.text, card.blocks, card.attachments], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:16]
