"""The workspace: what it holds, and every way it changes.

Each change is told twice: to the app as the event Slack would send it, and to whoever watches (the page,
tests) as a small dict.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from urllib.parse import quote

from bridge.sandbox.slack.pace import Pace
from bridge.sandbox.slack.pings import pings
from bridge.sandbox.slack.state import App, Channel, File, Json, Message, Status, Trigger, User, View

#: a status goes away by itself; https://docs.slack.dev/reference/methods/assistant.threads.setStatus
STATUS_SECONDS = 120

#: the scope that a channel's messages need, by its type; https://docs.slack.dev/reference/events
HISTORY = {"channel": "channels:history", "group": "groups:history"}


class Workspace:
    """`emit` takes the app's events with what they must stay in order with; `changed` what happened."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        pace: Pace,
        emit: Callable[[Json, Hashable], None],
        changed: Callable[[Json], None],
        team_id: str = "T0SANDBOX",
    ) -> None:
        self.team_id = team_id
        self.name = "Handoff Sandbox"
        self.url = f"https://handoff-{team_id.removeprefix('T0').lower()}.slack.com/"
        self.app = App()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: list[Json] = []
        self.statuses: dict[tuple[str, str], Status] = {}
        self.files: dict[str, File] = {}
        self.base_url: str | None = None  # where the sandbox is, once it is known
        self.views: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.dead_images: set[str] = set()  # addresses Slack will fail to download
        self.clock = clock
        self.pace = pace
        self._emit = emit
        self._changed = changed
        self._last_ts = 0

    # ── looking ───────────────────────────────────────────────────────────────────────────────────

    def next_ts(self) -> str:
        """Now, and later than every ts before."""
        self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def channel(self, name: str) -> Channel:
        """By id, or by name with or without its #."""
        if name in self.channels:
            return self.channels[name]
        for channel in self.channels.values():
            if channel.name == name.removeprefix("#"):
                return channel
        raise KeyError(name)

    def messages(self, channel: str) -> list[Message]:
        """A channel's messages, oldest first, without the replies in its threads."""
        return [
            message
            for message in self.channel(channel).messages.values()
            if not message.is_reply or message.broadcast
        ]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The message at `ts` and the replies to it."""
        root = self.channel(channel).messages[ts]
        return [root, *root.replies]

    def status(self, channel: str, thread_ts: str) -> Status | None:
        status = self.statuses.get((channel, thread_ts))
        return status if status and status.until > self.clock() else None

    def images(self) -> set[str]:
        """What a `slack_file` may name: the images that are shared, by id and by address.

        https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object
        """
        shared = [one for one in self.files.values() if one.shares and one.mimetype.startswith("image/")]
        return {name for one in shared for name in (one.id, one.url)}

    def view_of(self, user: str, type: str) -> View | None:
        """What `user` has before them as "home" or as the uppermost "modal"."""
        found = [view for view in self.views.values() if (view.user, view.type) == (user, type)]
        return found[-1] if found else None

    def told_view(self, view: View) -> Json:
        """A view as those who watch are told of it."""
        return {"user": view.user, "view": view.as_json(self.app, self.team_id), "errors": view.errors}

    def permalink(self, message: Message) -> str:
        link = f"{self.url}archives/{message.channel}/p{message.ts.replace('.', '')}"
        return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else link

    # ── changing ──────────────────────────────────────────────────────────────────────────────────

    def post(self, message: Message) -> Message:
        channel = self.channels[message.channel]
        channel.messages[message.ts] = message
        _count_pings(message)
        if message.is_reply:
            root = channel.messages[message.root_ts]
            message.parent_user_id = root.user
            root.replies.append(message)
            if message.bot_id == self.app.bot_id and (channel.id, root.ts) in self.statuses:
                self.set_status(channel.id, root.ts, "")
        event = message.as_json()
        if message.broadcast:
            event["root"] = channel.messages[message.root_ts].as_json()
        self._send(message, event)
        self._tell("message", message)
        return message

    def replace(self, message: Message, *, edited_by: str | None = None, **fields: Any) -> None:
        """Change a message. `edited` is a person's mark: an app's update and an unfurling leave none."""
        before = message.as_json()
        for name, value in fields.items():
            setattr(message, name, value)
        _count_pings(message)
        if edited_by is not None:
            message.edited = {"user": edited_by, "ts": self.next_ts()}
        self._send(
            message, self._hidden("message_changed", message=message.as_json(), previous_message=before)
        )
        self._tell("update", message)

    def add_file(self, name: str, size: int, user: str) -> File:
        id = f"F0{secrets.token_hex(4).upper()}"
        base = self.base_url or "https://files.slack.com"
        url = f"{base}/files-pri/{self.team_id}-{id}/download/{quote(name, safe='')}"
        self.files[id] = File(id, name, size, user, int(self.clock()), url)
        return self.files[id]

    def share(self, files: Sequence[File], message: Message) -> Message:
        """Post `message` with `files` in it."""
        for file in files:
            file.complete = True
            file.shares.append(message)
        message.files = [file.as_json(self.channels) for file in files]
        return self.post(message)

    def delete_file(self, file: File) -> None:
        """A message that was nothing but the file goes with it (unverified)."""
        del self.files[file.id]
        for message in file.shares:
            rest = [one for one in message.files if one["id"] != file.id]
            if rest or message.text or message.blocks:
                self.replace(message, files=[*rest, {"id": file.id, "mode": "tombstone"}])
            else:
                self.delete(message)

    def delete(self, message: Message) -> None:
        channel = self.channels[message.channel]
        if message.replies:
            # Unverified: a thread's first message leaves a tombstone, and its replies stay.
            self.replace(
                message,
                text="This message was deleted.",
                subtype="tombstone",
                user="USLACKBOT",
                bot_id=None,
                username=None,
                icons=None,
                blocks=[],
                attachments=[],
                files=[],
                metadata=None,
            )
            return
        del channel.messages[message.ts]
        if message.is_reply and (root := channel.messages.get(message.root_ts)):
            root.replies.remove(message)
        before = message.as_json()
        self._send(message, self._hidden("message_deleted", deleted_ts=message.ts, previous_message=before))
        self._changed(
            {"type": "delete", "channel": channel.id, "ts": message.ts, "thread_ts": message.thread_ts}
        )

    def react(self, message: Message, user: str, name: str, *, added: bool = True) -> None:
        users = message.reactions.setdefault(name, [])
        if added:
            users.append(user)
        else:
            users.remove(user)
        if not users:
            del message.reactions[name]
        event = {
            "type": "reaction_added" if added else "reaction_removed",
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": message.channel, "ts": message.ts},
            **({"item_user": message.user} if message.user else {}),
        }
        if self._app_hears(self.channels[message.channel], "reactions:read"):
            self._emit({**event, "event_ts": self.next_ts()}, (message.channel, message.root_ts))
        self._tell("reaction", message, user=user, name=name, added=added)

    def show(self, message: Message) -> None:
        """To one person only: no history has it and no event tells of it."""
        self.channels[message.channel].ephemerals[message.ts] = message
        _count_pings(message)
        self._tell("ephemeral", message, user=message.ephemeral_to)

    def hide(self, message: Message) -> None:
        self.channels[message.channel].ephemerals.pop(message.ts, None)
        self._changed(
            {"type": "delete", "channel": message.channel, "ts": message.ts, "thread_ts": message.thread_ts}
        )

    def set_status(self, channel: str, thread_ts: str, text: str, **fields: Any) -> None:
        if text:
            self.statuses[channel, thread_ts] = Status(text, self.clock() + STATUS_SECONDS, **fields)
        else:
            self.statuses.pop((channel, thread_ts), None)
        status = self.statuses.get((channel, thread_ts))
        self._changed(
            {
                "type": "status",
                "channel": channel,
                "thread_ts": thread_ts,
                "status": text,
                "until": status.until if status else None,
                "username": status.username if status else None,
            }
        )

    def keep_view(self, view: View) -> View:
        view.hash = secrets.token_hex(8)
        self.views[view.id] = view
        self.tell_view(view)
        return view

    def close_view(self, view: View) -> None:
        if self.views.pop(view.id, None):
            self._changed({"type": "view_closed", "user": view.user, "view": view.id})

    def open_home(self, user: str, tab: str) -> None:
        """https://docs.slack.dev/reference/events/app_home_opened, which needs no scope"""
        event: Json = {"type": "app_home_opened", "user": user, "channel": f"D0{user[2:]}", "tab": tab}
        if tab == "home" and (view := self.view_of(user, "home")):
            event["view"] = view.as_json(self.app, self.team_id)
        self._emit({**event, "event_ts": self.next_ts()}, ("home", user))

    # ── telling ───────────────────────────────────────────────────────────────────────────────────

    def _app_hears(self, channel: Channel, scope: str) -> bool:
        # https://docs.slack.dev/reference/events/message.channels: only where the bot is a member
        return self.app.user in channel.members and scope in self.app.scopes

    def _send(self, message: Message, event: Json) -> None:
        channel = self.channels[message.channel]
        if self._app_hears(channel, HISTORY[channel.type]):
            event |= {"channel": channel.id, "channel_type": channel.type}
            event.setdefault("event_ts", event["ts"])
            if "user" in event:
                sender = self.users.get(event["user"])
                event["team"] = sender.team_id if sender else self.team_id
                if channel.is_ext_shared:
                    event |= {"user_team": event["team"], "source_team": event["team"]}
            self._emit(event, (channel.id, message.root_ts))

    def _hidden(self, subtype: str, **more: Any) -> Json:
        ts = self.next_ts()
        return {"type": "message", "subtype": subtype, "hidden": True, "ts": ts, "event_ts": ts, **more}

    def tell_view(self, view: View) -> None:
        self._changed({"type": "view", **self.told_view(view)})

    def _tell(self, type: str, message: Message, **more: Any) -> None:
        self._changed({"type": type, "channel": message.channel, "message": message.as_json(), **more})


def _count_pings(message: Message) -> None:
    message.pings |= pings(message.text, message.blocks, message.attachments)
