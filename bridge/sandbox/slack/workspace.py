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
from bridge.sandbox.slack.state import App, Channel, File, Json, Message, Status, Trigger, User, View

#: a status goes away by itself; https://docs.slack.dev/reference/methods/assistant.threads.setStatus
STATUS_SECONDS = 120


class Workspace:
    """`emit` takes the app's events with what they must stay in order with; `changed` what happened."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        pace: Pace,
        emit: Callable[[Json, Hashable], None],
        changed: Callable[[Json], None],
    ) -> None:
        self.team_id = "T0SANDBOX"
        self.name = "Handoff Sandbox"
        self.url = "https://handoff-sandbox.slack.com/"
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

    def permalink(self, message: Message) -> str:
        link = f"{self.url}archives/{message.channel}/p{message.ts.replace('.', '')}"
        return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else link

    # ── changing ──────────────────────────────────────────────────────────────────────────────────

    def post(self, message: Message) -> Message:
        channel = self.channels[message.channel]
        channel.messages[message.ts] = message
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
        if self._app_sees(message.channel):
            self._emit({**event, "event_ts": self.next_ts()}, (message.channel, message.root_ts))
        self._tell("reaction", message, user=user, name=name, added=added)

    def show(self, message: Message) -> None:
        """To one person only: no history has it and no event tells of it."""
        self.channels[message.channel].ephemerals[message.ts] = message
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
        self._changed({"type": "view", "user": view.user, "view": view.as_json(self.app, self.team_id)})
        return view

    # ── telling ───────────────────────────────────────────────────────────────────────────────────

    def _app_sees(self, channel: str) -> bool:
        # https://docs.slack.dev/reference/events/message.channels: only where the bot is a member
        return self.app.user in self.channels[channel].members

    def _send(self, message: Message, event: Json) -> None:
        channel = self.channels[message.channel]
        if self._app_sees(channel.id):
            event |= {"channel": channel.id, "channel_type": channel.type}
            event.setdefault("event_ts", event["ts"])
            if "user" in event:
                sender = self.users.get(event["user"])
                event["team"] = sender.team_id if sender else self.team_id
            self._emit(event, (channel.id, message.root_ts))

    def _hidden(self, subtype: str, **more: Any) -> Json:
        ts = self.next_ts()
        return {"type": "message", "subtype": subtype, "hidden": True, "ts": ts, "event_ts": ts, **more}

    def _tell(self, type: str, message: Message, **more: Any) -> None:
        self._changed({"type": type, "channel": message.channel, "message": message.as_json(), **more})


def furnish(workspace: Workspace) -> None:
    """The workspace everybody meets first: three channels, two colleagues, a guest, our app."""
    app = workspace.app
    for user in (
        User("U0MINA", "mina", "Mina Park", "Mina Park", email="mina@example.com"),
        User("U0JO", "jo", "Jo Alvarez", "Jo", email="jo@example.com"),
        User("U0GUEST", "guest", "Sam Guest", is_restricted=True, is_ultra_restricted=True),
        User(app.user, "handoff_bridge", app.name, is_bot=True, bot_id=app.bot_id),
    ):
        workspace.users[user.id] = user
    for id, name in (("C0SUPPORT", "support"), ("C0ALERTS", "support-alerts"), ("C0VIP", "vip")):
        workspace.channels[id] = Channel(id, name, members=list(workspace.users))
    workspace.usergroups.append(
        {
            "id": "S0SUPPORT",
            "team_id": workspace.team_id,
            "is_usergroup": True,
            "name": "Support team",
            "handle": "support-team",
            "users": ["U0MINA", "U0JO"],
            "date_delete": 0,
        }
    )
