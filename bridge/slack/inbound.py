"""Which of Slack's message events is something a person wrote in a thread: pure.

Everything else is ignored, with a reason that is counted. The subtypes are an allow-list: Slack has
dozens, and adds to them (https://docs.slack.dev/reference/events/message).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.model import ThreadKey
from bridge.slack.api import MARKER, Identity

_WRITTEN = {None, "file_share", "thread_broadcast", "me_message"}
_KEPT = ("channel", "ts", "thread_ts", "user", "text", "blocks", "files", "client_msg_id", "subtype")
NEW = 600.0  # seconds; Slack tries at once, then after one and after five minutes


@dataclass(frozen=True)
class Written:
    """A person's message in a thread that may be ours. `key` is the same if Slack tells it twice."""

    thread: ThreadKey
    key: str
    message: Mapping[str, Any]


@dataclass(frozen=True)
class Changed:
    """A person changed (or, where `message` is None, deleted) what they had written under `key`."""

    thread: ThreadKey
    key: str
    user: str
    message: Mapping[str, Any] | None


@dataclass(frozen=True)
class Gone:
    """The first message of a thread of ours was deleted, and with it the thread."""

    thread: ThreadKey


@dataclass(frozen=True)
class Ignored:
    reason: str


def read(envelope: Mapping[str, Any], us: Identity) -> Written | Changed | Gone | Ignored:
    """What an `event_callback` amounts to."""
    event = envelope.get("event")
    if not isinstance(event, Mapping):
        return Ignored("no_event")
    if event.get("type") != "message":
        return Ignored("other_event")
    if _team(envelope) != us.team:
        return Ignored("foreign_team")
    subtype = event.get("subtype")
    if subtype in ("message_changed", "message_deleted"):
        return _hidden(event, us)
    if _own(event, us):
        return Ignored("own_echo")
    if subtype == "bot_message" or event.get("bot_id") or event.get("bot_profile"):
        return Ignored("other_bot")
    if subtype not in _WRITTEN:
        return Ignored("other_subtype")
    channel, ts, thread_ts, user = (event.get(name) for name in ("channel", "ts", "thread_ts", "user"))
    if not (isinstance(channel, str) and isinstance(ts, str) and isinstance(user, str)):
        return Ignored("incomplete")
    if not isinstance(thread_ts, str) or thread_ts == ts:
        return Ignored("not_in_thread")
    message = {name: event[name] for name in _KEPT if event.get(name) is not None}
    return Written(ThreadKey(team=us.team, channel=channel, ts=thread_ts), _key(channel, event), message)


def may_become_ours(event: Mapping[str, Any], us: Identity, now: float) -> bool:
    """Whether a thread that we do not know may be a new one of ours.

    Its card stands in Slack before we have written down where, and a crash can come in between. A thread
    that is older than all of Slack's tries to tell us will not be known any more.
    """
    try:
        began = float(event["thread_ts"])
    except (KeyError, TypeError, ValueError):
        return False
    return event.get("parent_user_id") == us.user and now - began < NEW


def _key(channel: str, message: Mapping[str, Any]) -> str:
    """The same gesture was seen with two ts and one client_msg_id, and one ts with two event_ids."""
    return str(message.get("client_msg_id") or f"{channel}:{message.get('ts')}")


def _hidden(event: Mapping[str, Any], us: Identity) -> Changed | Gone | Ignored:
    """What a change or a deletion amounts to."""
    channel, before, after = event.get("channel"), event.get("previous_message"), event.get("message")
    if not isinstance(channel, str) or not isinstance(before, Mapping):
        return Ignored("incomplete")
    deleted = event.get("subtype") == "message_deleted"
    # A thread's first message that still has replies leaves a tombstone (not verified on a real Slack).
    tombstone = isinstance(after, Mapping) and after.get("subtype") == "tombstone"
    ts, thread_ts, user = (before.get(name) for name in ("ts", "thread_ts", "user"))
    if not isinstance(ts, str):
        return Ignored("incomplete")
    if (deleted or tombstone) and thread_ts in (None, ts) and _own(before, us):
        return Gone(ThreadKey(team=us.team, channel=channel, ts=ts))
    if _own(event, us):
        return Ignored("own_echo")
    if before.get("bot_id") or before.get("subtype") not in _WRITTEN:
        return Ignored("other_bot" if before.get("bot_id") else "other_subtype")
    if not isinstance(thread_ts, str) or thread_ts == ts or not isinstance(user, str):
        return Ignored("not_in_thread")
    thread = ThreadKey(team=us.team, channel=channel, ts=thread_ts)
    if deleted or tombstone:
        return Changed(thread, _key(channel, before), user, None)
    # Slack's own unfurling changes a message as well; only a person's editing leaves its mark and new words.
    if not isinstance(after, Mapping) or not after.get("edited") or after.get("text") == before.get("text"):
        return Ignored("unfurl")
    kept = {name: after[name] for name in _KEPT if after.get(name) is not None}
    return Changed(thread, _key(channel, before), user, {**kept, "channel": channel, "thread_ts": thread_ts})


def _team(envelope: Mapping[str, Any]) -> object:
    """The workspace that the app is installed in; with Slack Connect the event's own may be another."""
    authorizations = envelope.get("authorizations")
    if isinstance(authorizations, list) and authorizations and isinstance(authorizations[0], Mapping):
        return authorizations[0].get("team_id") or envelope.get("team_id")
    return envelope.get("team_id")


def _own(event: Mapping[str, Any], us: Identity) -> bool:
    """Whether it is ours: by the bot, by the user, or by the marker. Slack does not always give all three."""
    told = [event, event.get("message"), event.get("previous_message")]
    for one in told:
        if not isinstance(one, Mapping):
            continue
        metadata = one.get("metadata")
        marked = isinstance(metadata, Mapping) and metadata.get("event_type") == MARKER
        if marked or one.get("bot_id") == us.bot or one.get("user") == us.user:
            return True
    return False
