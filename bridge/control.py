"""Who has the conversation: state × event -> state, pure.

bot ──handoff──> waiting ──a human answers──> human
 ^                  │                           │
 └── handoff ended ─┴───────────────────────────┘      any ──ended──> closed ──customer speaks──> bot
"""

from __future__ import annotations

from bridge.model import (
    AnyEvent,
    Control,
    ConversationEnded,
    ConversationReopened,
    HandoffEnded,
    HandoffStarted,
    Message,
    Role,
)


def after_event(control: Control, event: AnyEvent) -> Control | None:
    """The control that follows from what the vendor reported, or None where it stays."""
    after: Control
    match event:
        case HandoffStarted():
            after = control if control is Control.HUMAN else Control.WAITING
        case HandoffEnded() | ConversationReopened():
            after = Control.BOT
        case ConversationEnded():
            after = Control.CLOSED
        case Message(author=author) if author.role is Role.AGENT:
            after = Control.HUMAN
        case Message(author=author) if author.role is Role.CUSTOMER and control is Control.CLOSED:
            after = Control.BOT
        case _:
            after = control
    return None if after is control else after


def after_reply(control: Control) -> Control | None:
    """The control once a human's reply has reached the vendor, or None where it stays."""
    return None if control is Control.HUMAN else Control.HUMAN
