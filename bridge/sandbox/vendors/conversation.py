"""A customer's talk with one of the sandbox's vendors, as the vendor knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["customer", "bot", "agent", "system"]
State = Literal["bot", "handoff", "ended"]


@dataclass
class Message:
    """`parts` is the message in the vendor's own format; `text` what the page shows of it.

    `recorded` marks what the vendor only keeps in its history: the customer's own app has to show it.
    """

    id: str
    role: Role
    name: str
    text: str
    at: float
    parts: list[dict[str, Any]] = field(default_factory=list)
    avatar: str | None = None
    recorded: bool = False


@dataclass
class Conversation:
    id: str
    customer_name: str
    opened_at: float
    state: State = "bot"
    messages: list[Message] = field(default_factory=list)
