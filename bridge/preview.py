"""`bridge render`: the Slack payload of a recorded webhook, without any account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bridge import control
from bridge.adapter import Adapter, Previews, SpeaksAsCustomer, Webhook, title_of
from bridge.engine.acts import can
from bridge.engine.work import Conversation
from bridge.errors import ConfigError, Refused
from bridge.model import AnyEvent, Control
from bridge.render import SlackFile, SlackMessage, card, render
from bridge.slack.api import body
from bridge.slack.view import learn, view


@dataclass(frozen=True)
class Preview:
    """An event and what the thread shows of it; `card` is the thread's first message after it."""

    event: AnyEvent
    card: SlackMessage
    messages: tuple[SlackMessage | SlackFile, ...]

    def payload(self) -> dict[str, Any]:
        """As JSON: each message as chat.postMessage takes it, and what is sent if Slack refuses it.

        Of a file, where it is fetched from and what is said instead if it cannot be.
        """
        return {
            "event": self.event.kind,
            "conversation": self.event.conversation.id,
            "card": body(self.card),
            "messages": [_sent(message) for message in self.messages],
        }


def _sent(message: SlackMessage | SlackFile) -> Any:
    if isinstance(message, SlackFile):
        return {"file": message.url or message.id, "name": message.name, "instead": _sent(message.instead)}
    return [body(rung) for rung in message.rungs()]


def preview(
    path: Path, vendor: str | None, adapters: Mapping[str, type[Adapter]], *, at: datetime
) -> list[Preview]:
    """What becomes of the payload in `path`, come in at `at`. Raises `ConfigError` where it is unreadable."""
    named = vendor or path.resolve().parent.name
    adapter = adapters.get(named)
    if adapter is None:
        raise ConfigError(
            f"whose payload this is is not known ({named!r} is no vendor)",
            where=str(path),
            remedy=f"Name it: --vendor {'|'.join(sorted(adapters))}",
        )
    if not isinstance(adapter, Previews):
        raise ConfigError(f"the adapter of {named} cannot show a recorded payload", where=str(path))
    try:
        webhook = Webhook(path="", headers={}, body=path.read_bytes(), at=at)
        received = adapter.preview(webhook, f"acme-{named}")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except Refused as refusal:
        raise ConfigError(refusal.problem, where=str(path), remedy=refusal.remedy) from None
    shown: list[Preview] = []
    states: dict[str, tuple[Control, dict[str, Any]]] = {}
    for event in received.events:
        before, facts = states.get(event.conversation.id, (Control.BOT, {}))
        after, facts = control.after_event(before, event), learn(facts, event)
        states[event.conversation.id] = (after or before, facts)
        at = event.at.timestamp()
        about = Conversation(0, event.conversation, after or before, None, created_at=at, since=at)
        speaks = issubclass(adapter, SpeaksAsCustomer)
        seen = view(
            about, facts, named, shown=("*",), can_choose=speaks, can=can(adapter), title=title_of(adapter)
        )
        missed = control.missed(event) if after else None
        shown += [Preview(one, card(seen), render(one, seen)) for one in (event, missed) if one is not None]
    return shown
