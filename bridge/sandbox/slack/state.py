"""What the workspace holds: people, channels, messages, statuses, views. Plain data."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from bridge.sandbox.slack.pings import Pings

Json = dict[str, Any]


@dataclass
class User:
    id: str
    name: str
    real_name: str
    display_name: str = ""
    avatar: str = "https://avatars.slack-edge.com/2026-01-01/1_blank_72.png"
    email: str | None = None
    team_id: str = "T0SANDBOX"
    is_bot: bool = False
    bot_id: str | None = None
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_workflow_bot: bool = False
    enterprise_user: Json | None = None  # of a member of an Enterprise Grid
    deleted: bool = False

    def as_json(self) -> Json:
        profile: Json = {
            "display_name": self.display_name,
            "display_name_normalized": self.display_name,
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "team": self.team_id,
            **{f"image_{size}": self.avatar for size in (24, 32, 48, 72, 192, 512)},
        }
        if self.email:
            profile["email"] = self.email
        if self.bot_id:
            profile["bot_id"] = self.bot_id
        grid = {"enterprise_user": self.enterprise_user} if self.enterprise_user else {}
        return {
            **grid,
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "tz": "Europe/Berlin",
            "tz_offset": 3600,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_workflow_bot": self.is_workflow_bot,
            "is_app_user": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_stranger": self.is_stranger,
            "updated": 1_700_000_000,
        }


@dataclass(eq=False)
class Message:
    """One message, as it was posted; `ts` is its id in its channel and its time."""

    channel: str
    ts: str
    text: str = ""
    user: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    username: str | None = None
    icons: Json | None = None
    client_msg_id: str | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    broadcast: bool = False
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    edited: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    replies: list[Message] = field(default_factory=list, repr=False)  # of a thread's first message
    options: Json = field(default_factory=dict)  # unfurl_links, mrkdwn … as they were asked for
    ephemeral_to: str | None = None
    pings: Pings = field(default_factory=Pings)  # whom it has named since it was posted

    @property
    def root_ts(self) -> str:
        return self.thread_ts or self.ts

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def as_json(self, *, metadata: bool = False) -> Json:
        """As history, replies and events show it: absent where there is nothing to say."""
        body: Json = {"type": "message", "text": self.text, "ts": self.ts}
        for name in (
            "subtype",
            "user",
            "bot_id",
            "app_id",
            "username",
            "icons",
            "client_msg_id",
            "thread_ts",
        ):
            if (value := getattr(self, name)) is not None:
                body[name] = value
        if self.is_reply and self.parent_user_id:
            body["parent_user_id"] = self.parent_user_id
        for name in ("blocks", "attachments", "files", "edited"):
            if value := getattr(self, name):
                body[name] = value
        if self.reactions:
            body["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in self.reactions.items()
            ]
        if self.replies:
            people = list(dict.fromkeys(reply.user or reply.bot_id or "" for reply in self.replies))
            body |= {
                "thread_ts": self.ts,
                "reply_count": len(self.replies),
                "reply_users": people,
                "reply_users_count": len(people),
                "latest_reply": self.replies[-1].ts,
            }
        if metadata and self.metadata is not None:
            body["metadata"] = self.metadata
        if self.ephemeral_to:
            body["is_ephemeral"] = True
        return body


@dataclass(eq=False)
class File:
    """A file: first only announced, then uploaded, then shared. `shares` are the messages that show it."""

    id: str
    name: str
    size: int
    user: str
    created: int
    url: str  # where its bytes are, for those with a token
    content: bytes | None = field(default=None, repr=False)
    title: str = ""
    alt_txt: str | None = None
    complete: bool = False
    shares: list[Message] = field(default_factory=list, repr=False)

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def as_json(self, channels: dict[str, Channel]) -> Json:
        """https://docs.slack.dev/reference/objects/file-object; less before it was looked through."""
        body: Json = {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "user": self.user,
            "size": self.size,
            "mode": "hosted",
            "is_external": False,
            "is_public": any(not channels[one.channel].is_private for one in self.shares),
            "url_private": self.url,
            "url_private_download": self.url,
            "permalink": self.url,
        }
        if self.alt_txt:
            body["alt_txt"] = self.alt_txt
        if self.shares:
            suffix = PurePosixPath(self.name).suffix.removeprefix(".").lower() or "binary"
            body |= {"mimetype": self.mimetype, "filetype": suffix, "pretty_type": suffix.upper()}
            body["shares"] = {}
            for one in self.shares:
                kind = "private" if channels[one.channel].is_private else "public"
                share = {"ts": one.ts, "channel_name": channels[one.channel].name}
                if one.thread_ts:
                    share["thread_ts"] = one.thread_ts
                body["shares"].setdefault(kind, {}).setdefault(one.channel, []).append(share)
        return body


@dataclass
class Channel:
    id: str
    name: str
    members: list[str] = field(default_factory=list)
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False  # with another workspace, by Slack Connect
    messages: dict[str, Message] = field(default_factory=dict, repr=False)  # by ts, replies too, oldest first
    ephemerals: dict[str, Message] = field(default_factory=dict, repr=False)

    @property
    def type(self) -> str:
        return "group" if self.is_private else "channel"

    def as_json(self, viewer: str) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_member": viewer in self.members,
            "num_members": len(self.members),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


@dataclass
class Status:
    text: str
    until: float
    loading_messages: list[str] = field(default_factory=list)
    username: str | None = None


@dataclass
class View:
    id: str
    type: Literal["modal", "home"]
    user: str
    body: Json
    hash: str = ""
    errors: dict[str, str] = field(default_factory=dict)  # by block, after it was sent in vain

    def as_json(self, app: App, team: str) -> Json:
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "state": {"values": {}},
            **self.body,
            "id": self.id,
            "team_id": team,
            "app_installed_team_id": team,
            "hash": self.hash,
            "app_id": app.id,
            "bot_id": app.bot_id,
            "root_view_id": self.id,
            "previous_view_id": None,
        }


@dataclass
class Trigger:
    """What an interaction gives an app so that it may open one modal, soon."""

    user: str
    at: float
    used: bool = False


@dataclass
class App:
    """Our app, as it is installed in the workspace."""

    id: str = "A0BRIDGE"
    bot_id: str = "B0BRIDGE"
    user: str = "U0BRIDGE"
    name: str = "Handoff Bridge"
    scopes: set[str] = field(
        default_factory=lambda: {
            "channels:history",
            "channels:read",
            "chat:write",
            "chat:write.customize",
            "commands",
            "files:read",
            "files:write",
            "groups:history",
            "groups:read",
            "reactions:read",
            "reactions:write",
            "usergroups:read",
            "users:read",
        }
    )
    unfurl_domains: set[str] = field(default_factory=set)  # the hosts whose videos its manifest lists
    #: message shortcuts, by callback id, as its manifest names them
    shortcuts: dict[str, str] = field(
        default_factory=lambda: {
            "claim": "Claim",
            "transfer": "Transfer…",
            "hand_back": "Hand back…",
            "resolve": "Resolve…",
            "ask_again": "Send or keep this reply…",
        }
    )
