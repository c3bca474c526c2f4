"""Events become Slack messages. Pure: no await, no clock, and whatever others said stays literal."""

from bridge.render.card import card
from bridge.render.events import notice, render, status
from bridge.render.files import without
from bridge.render.message import ConversationView, Shown, SlackFile, SlackMessage, username

__all__ = [
    "ConversationView",
    "Shown",
    "SlackFile",
    "SlackMessage",
    "card",
    "notice",
    "render",
    "status",
    "username",
    "without",
]
