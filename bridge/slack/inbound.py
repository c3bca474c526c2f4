"""Which of Slack's events is something a person did in a thread, or opened: pure.

Everything else is ignored, with a reason that is counted. The subtypes are an allow-list: Slack has
dozens, and adds to them (https://docs.slack.dev/reference/events/message).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.compose import content
from bridge.engine.age import RETRIES
from bridge.model import ThreadKey
from bridge.slack.api import MARKER, Identity
from bridge.slack.payloads import edited_at, without_unstorable

#: Slack's own; users.info says that it is no bot (https://github.com/lyft/omnibot/issues/90)
SLACKBOT = "USLACKBOT"
#: in a kept message: the app through which it was posted
APP = "app"

_WRITTEN = {None, "file_share", "thread_broadcast", "me_message"}
_KEPT = ("ts", "user", "text", "blocks", "attachments", "files", "client_msg_id", "subtype", "edited")
INBOX = "@slack"  # no source can have this name
NEW = RETRIES


@dataclass(frozen=True)
class Written:
    """A message in a thread that may be ours. `key` is the same if Slack sends it twice. Its `APP`, where it
    has one, posted it, for a person or for itself."""

    thread: ThreadKey
    key: str
    message: Mapping[str, Any]


@dataclass(frozen=True)
class Changed:
    """The message at `place` (its own ts), whose reply has `key`, was changed; deleted if `message` is None.

    Slack documents neither with the message's thread: https://docs.slack.dev/reference/events/message
    """

    place: ThreadKey
    thread: ThreadKey | None
    key: str
    message: Mapping[str, Any] | None


@dataclass(frozen=True)
class Gone:
    """The first message of a thread of ours was deleted, and with it the thread."""

    thread: ThreadKey


@dataclass(frozen=True)
class Locked:
    """Somebody put a lock on the message at `place`, whose `ts` is its own."""

    place: ThreadKey


@dataclass(frozen=True)
class HomeOpened:
    user: str


@dataclass(frozen=True)
class Ignored:
    reason: str


def read(
    envelope: Mapping[str, Any], us: Identity
) -> Written | Changed | Gone | Locked | HomeOpened | Ignored:
    """What an `event_callback` amounts to."""
    event = envelope.get("event")
    if not isinstance(event, Mapping):
        return Ignored("no_event")
    kind = event.get("type")
    if kind not in ("message", "reaction_added", "app_home_opened"):
        return Ignored("other_event")
    if team_of(envelope) != us.team:
        return Ignored("foreign_team")
    if kind == "message":
        return _message(event, us)
    return _lock(event, us) if kind == "reaction_added" else _home(event)


def _message(event: Mapping[str, Any], us: Identity) -> Written | Changed | Gone | Ignored:
    subtype = event.get("subtype")
    if subtype in ("message_changed", "message_deleted"):
        return _hidden(event, us)
    if _own(event, us):
        return Ignored("own_echo")
    if _app(event) and event.get("user") in (None, SLACKBOT):
        return Ignored("other_bot")
    if subtype not in _WRITTEN and subtype != "bot_message":
        return Ignored("other_subtype")
    channel, ts, thread_ts, user = (event.get(name) for name in ("channel", "ts", "thread_ts", "user"))
    if not (isinstance(channel, str) and isinstance(ts, str) and ts and isinstance(user, str)):
        return Ignored("incomplete")
    if not isinstance(thread_ts, str) or thread_ts in ("", ts):
        return Ignored("not_in_thread")
    thread = ThreadKey(team=us.team, channel=channel, ts=thread_ts)
    return Written(thread, _key(channel, event), _kept(event, thread, thread_ts))


def found(message: Mapping[str, Any], channel: str, us: Identity) -> Written | None:
    """What a person wrote, as conversations.replies gives it: an event says its channel as well."""
    told = _message({**message, "channel": channel}, us)
    return told if isinstance(told, Written) else None


def _lock(event: Mapping[str, Any], us: Identity) -> Locked | Ignored:
    """https://docs.slack.dev/reference/events/reaction_added"""
    if event.get("user") == us.user:
        return Ignored("own_echo")
    match event:
        case {"reaction": "lock", "item": {"type": "message", "channel": str(channel), "ts": str(ts)}}:
            return Locked(ThreadKey(team=us.team, channel=channel, ts=ts))
    return Ignored("other_event")


def _home(event: Mapping[str, Any]) -> HomeOpened | Ignored:
    """https://docs.slack.dev/reference/events/app_home_opened"""
    match event:
        case {"tab": "home", "user": str(user)}:
            return HomeOpened(user)
    return Ignored("other_event")


def _kept(message: Mapping[str, Any], channel: ThreadKey, thread_ts: str | None) -> dict[str, Any]:
    """What is kept of a message; where it stands is said as the event says it."""
    kept = {name: without_unstorable(message[name]) for name in _KEPT if message.get(name) is not None}
    if app := _app(message):
        kept[APP] = app
    where = {"team": channel.team, "channel": channel.channel}
    return {**kept, **where, **({} if thread_ts is None else {"thread_ts": thread_ts})}


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
    """What a change or a deletion amounts to.

    As documented they have no `previous_message`; as seen, they have one, or an empty list:
    https://github.com/slackapi/java-slack-sdk/issues/784
    """
    channel, after = event.get("channel"), _message_of(event, "message")
    before = _message_of(event, "previous_message")
    # A thread's first message that still has replies leaves a tombstone (not verified on a real Slack).
    deleted = event.get("subtype") == "message_deleted" or after.get("subtype") == "tombstone"
    only_place = deleted and not before
    known = {"ts": event.get("deleted_ts") or after.get("ts")} if only_place else before or after
    if not isinstance(channel, str) or not isinstance(known.get("ts"), str):
        return Ignored("incomplete")
    place, thread = ThreadKey(team=us.team, channel=channel, ts=known["ts"]), None
    thread_ts = known.get("thread_ts") or (None if only_place else after.get("thread_ts"))
    if deleted and before and thread_ts in (None, place.ts) and _own(before, us):
        return Gone(place)
    if _own(event, us):
        return Ignored("own_echo")
    if not only_place and (_app(known) or known.get("subtype") not in _WRITTEN):
        return Ignored("other_bot" if _app(known) else "other_subtype")
    if isinstance(thread_ts, str):
        thread = place.model_copy(update={"ts": thread_ts})
    if thread == place or (before and (thread is None or not isinstance(known.get("user"), str))):
        return Ignored("not_in_thread")
    if deleted:
        return Changed(place, thread, _key(channel, known), None)
    # Slack's own unfurling changes a message as well; only a person's edit leaves its mark and new content.
    if not after.get("edited") or (before and content(after) == content(before)):
        return Ignored("unfurl")
    kept = _kept({**after, "ts": place.ts}, place, thread.ts if thread is not None else None)
    return Changed(place, thread, _key(channel, known), {**kept, **edited_at(after)})


def _message_of(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    message = event.get(name)
    return message if isinstance(message, Mapping) else {}


def _app(message: Mapping[str, Any]) -> str | None:
    """The app that posted `message`, or Slackbot; None for what a person wrote in Slack itself.

    Slack marks what an app posts, also with a person's own token: `user` is then the person, and only
    users.info tells a bot's user from a person's (https://github.com/anneschuth/claude-threads/issues/526).
    """
    if message.get("user") == SLACKBOT:
        return SLACKBOT
    by_app = message.get("bot_profile") or message.get("subtype") == "bot_message"
    known = message.get("bot_id") or message.get("app_id") or (by_app and "unknown")
    return str(known) if known else None


def team_of(envelope: Mapping[str, Any]) -> object:
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
