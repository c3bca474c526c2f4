"""What people press and fill in, and the addresses an app may answer it at.

https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bridge.sandbox.slack import chat
from bridge.sandbox.slack.arguments import ApiError, Arguments
from bridge.sandbox.slack.blocks import interactive, walk
from bridge.sandbox.slack.state import Json, Message, Trigger, View
from bridge.sandbox.slack.workspace import Workspace

RESPONSE_SECONDS = 30 * 60
RESPONSE_USES = 5


@dataclass
class ResponseUrl:
    message: Message
    user: str
    until: float
    left: int = RESPONSE_USES


class Interactions:
    def __init__(self, workspace: Workspace, base_url: str | None) -> None:
        self.base_url = base_url
        self._workspace = workspace
        self._urls: dict[str, ResponseUrl] = {}

    def press(self, user: str, where: Message | View, action_id: str, value: str | None) -> Json:
        """`block_actions`. Raises LookupError where there is nothing like that to press."""
        blocks = where.blocks if isinstance(where, Message) else where.body["blocks"]
        action = next(
            (
                pressed | {"block_id": block["block_id"], "action_ts": self._workspace.next_ts()}
                for block in walk(blocks)
                for element in interactive(block)
                if element["action_id"] == action_id and (pressed := _pressed(element, value))
            ),
            None,
        )
        if action is None:
            raise LookupError(f"nothing to press has the action_id {action_id!r} and the value {value!r}")
        payload = self._payload("block_actions", user) | {"actions": [action], "state": {"values": {}}}
        return payload | (
            self._in_message(where, user) if isinstance(where, Message) else self._in_view(where)
        )

    def submit(self, user: str, view: View, values: Json) -> Json:
        """`view_submission`; `values` as `{block_id: {action_id: {"type": …, "value": …}}}`."""
        shown = view.as_json(self._workspace.app, self._workspace.team_id) | {"state": {"values": values}}
        return self._payload("view_submission", user) | {"view": shown, "response_urls": []}

    def _payload(self, type: str, user: str) -> Json:
        workspace = self._workspace
        person = workspace.users[user]
        number = workspace.next_ts().replace(".", "")
        trigger = f"{number[:6]}.{number[6:]}.{secrets.token_hex(16)}"
        workspace.triggers[trigger] = Trigger(user, workspace.clock())
        return {
            "type": type,
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team_id},
            "api_app_id": workspace.app.id,
            "token": "sandbox-verification-token",
            "trigger_id": trigger,
            "team": {"id": workspace.team_id, "domain": workspace.url.split("//")[1].split(".")[0]},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _in_message(self, message: Message, user: str) -> Json:
        ephemeral = message.ephemeral_to is not None
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": ephemeral,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        channel = {"id": message.channel, "name": self._workspace.channels[message.channel].name}
        more: Json = {"container": container, "channel": channel, "response_url": self._url(message, user)}
        # An ephemeral message is kept nowhere, so nothing but its container comes with it.
        return more if ephemeral else more | {"message": message.as_json()}

    def _in_view(self, view: View) -> Json:
        shown = view.as_json(self._workspace.app, self._workspace.team_id)
        return {"container": {"type": "view", "view_id": view.id}, "view": shown}

    def _url(self, message: Message, user: str) -> str:
        id = secrets.token_urlsafe(16)
        self._urls[id] = ResponseUrl(message, user, self._workspace.clock() + RESPONSE_SECONDS)
        return f"{self.base_url or 'https://hooks.slack.com'}/actions/{id}"

    def respond(self, id: str, args: Arguments) -> None:
        """The app answers an interaction at its `response_url`: a new message, or another or no original."""
        url = self._urls.get(id)
        if url is None or url.left < 1:
            raise ApiError("used_url")
        if self._workspace.clock() > url.until:
            raise ApiError("expired_url")
        url.left -= 1
        original = url.message
        if args.flag("delete_original"):
            self._remove(original)
            return
        content = chat.content(args)[0]
        if args.flag("replace_original"):
            self._replace(original, content)
            return
        message = Message(channel=original.channel, ts=self._workspace.next_ts(), **content)
        app = self._workspace.app
        message.bot_id, message.app_id, message.user = app.bot_id, app.id, app.user
        message.thread_ts = args.text("thread_ts")
        if args.text("response_type") == "in_channel":
            self._workspace.post(message)
        else:
            message.ephemeral_to = url.user
            self._workspace.show(message)

    def _remove(self, message: Message) -> None:
        if message.ephemeral_to:
            self._workspace.hide(message)
        else:
            self._workspace.delete(message)

    def _replace(self, message: Message, content: Json) -> None:
        if message.ephemeral_to:
            for name, value in content.items():
                setattr(message, name, value)
            self._workspace.show(message)
        else:
            self._workspace.replace(message, **content)


def _pressed(element: Json, value: str | None) -> Json | None:
    """The action an element reports; None where it cannot have that value."""
    action = {"type": element["type"], "action_id": element["action_id"]}
    match element["type"]:
        case "button" | "icon_button" | "workflow_button":
            if value is not None and value != element.get("value"):
                return None
            return action | {name: element[name] for name in ("text", "value", "style") if name in element}
        case "feedback_buttons":
            values = [element[f"{one}_button"]["value"] for one in ("positive", "negative")]
            return action | {"value": value} if value in values else None
        case "static_select" | "overflow" | "radio_buttons":
            groups = element.get("option_groups", [element])
            options = [option for group in groups for option in group["options"]]
            chosen = next((option for option in options if option["value"] == value), None)
            return action | {"selected_option": chosen} if chosen else None
        case "users_select" | "channels_select" | "conversations_select":
            return action | {f"selected_{element['type'].split('s_')[0]}": value} if value else None
    return None
