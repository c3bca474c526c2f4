"""Events become Slack messages. Pure: no await, no clock, and whatever others said stays literal."""

from bridge.render.alert import alert
from bridge.render.as_written import as_written
from bridge.render.card import card
from bridge.render.clocks import alarm, escalation, opened_again, reminder, still_waits, unseen
from bridge.render.digest import DigestView, Numbers, digest, percentile
from bridge.render.events import notice, render, status
from bridge.render.files import without
from bridge.render.handoff import HandoffView
from bridge.render.home import REFRESH, HomeRow, home
from bridge.render.message import (
    ConversationView,
    Shown,
    SlackFile,
    SlackMessage,
    identified,
    short_name,
    username,
)
from bridge.render.question import failure, question
from bridge.render.transcript import transcript

__all__ = [
    "REFRESH",
    "ConversationView",
    "DigestView",
    "HandoffView",
    "HomeRow",
    "Numbers",
    "Shown",
    "SlackFile",
    "SlackMessage",
    "alarm",
    "alert",
    "as_written",
    "card",
    "digest",
    "escalation",
    "failure",
    "home",
    "identified",
    "notice",
    "opened_again",
    "percentile",
    "question",
    "reminder",
    "render",
    "short_name",
    "status",
    "still_waits",
    "transcript",
    "unseen",
    "username",
    "without",
]
