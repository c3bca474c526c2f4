"""Events become Slack messages. Pure: no await, no clock, and whatever others said stays literal."""

from bridge.render.card import card
from bridge.render.events import notice, render, status
from bridge.render.message import ConversationView, SlackMessage, username

__all__ = ["ConversationView", "SlackMessage", "card", "notice", "render", "status", "username"]
