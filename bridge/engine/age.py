"""How old a Slack message may be when it gets here, whichever way it came: by an event, a repeated event,
Socket Mode, or a look into its thread. Pure.

Slack repeats an event at once, after one and after five minutes; with Delayed Events also hourly for a day:
https://docs.slack.dev/apis/events-api/#retries
"""

from __future__ import annotations

#: seconds in which Slack repeats an event without Delayed Events. An older command is not carried out
RETRIES = 600.0
#: seconds after which a reply is called late
SOON = 60.0
#: seconds in which a message is taken to be in Slack as its event says
FRESH = 5.0


def is_stale(age: float, retries: int) -> bool:
    """Whether an event may be outdated, so that Slack is asked how its message reads now."""
    return retries > 0 or age > FRESH


def is_late(at: float, listening_since: float) -> bool:
    """Whether a reply was written `at` a time when nobody listened."""
    return at <= listening_since


def has_waited(waited: float) -> bool:
    """Whether a reply was kept so long ago that a change of its message may have been missed since: Slack
    repeats an event three times in six minutes, and a bridge that is away hears none of them."""
    return waited > SOON


def is_expired(age: float) -> bool:
    """Whether a command is too old to be carried out."""
    return age > RETRIES
