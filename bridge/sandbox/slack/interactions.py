"""What people press and fill in, and the addresses an app may answer it at.

https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from bridge.sandbox.slack import chat
from bridge.sandbox.slack.arguments import ApiError, Arguments
from bridge.sandbox.slack.blocks import interactive, walk
from bridge.sandbox.slack.filled import Value, check_filled, chosen, state
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
        self._may_see(user, where)
        for attachment, block, element in _elements(where):
            with suppress(LookupError):  # the same action may stand elsewhere with this value
                if element["action_id"] == action_id:
                    action = {"type": element["type"], "action_id": action_id, **chosen(element, value)}
                    action |= {"block_id": block["block_id"], "action_ts": self._workspace.next_ts()}
                    payload = self._payload("block_actions", user) | {"actions": [action]}
                    return payload | self._around(where, user, attachment)
        raise LookupError(f"nothing to press has the action_id {action_id!r} and the value {value!r}")

    def shortcut(self, user: str, message: Message, callback_id: str) -> Json:
        """`message_action`. Raises LookupError where the menu of `message` has no such entry."""
        app = self._workspace.app
        if message.ephemeral_to or callback_id not in app.shortcuts or "commands" not in app.scopes:
            raise LookupError(f"the message's menu has no {callback_id!r}")
        return self._payload("message_action", user) | {
            "callback_id": callback_id,
            "action_ts": self._workspace.next_ts(),
            "message_ts": message.ts,
            "message": message.as_json(),
            "channel": self._channel(message),
            "response_url": self._url(message, user),
        }

    def submit(self, user: str, view: View, values: Mapping[str, Value]) -> Json:
        """`view_submission`; raises what `state` and `check_filled` raise."""
        self._may_see(user, view)
        payload = self._of_modal("view_submission", user, view, values)
        check_filled(view.body["blocks"], payload["view"]["state"])
        return payload | {"response_urls": []}

    def close(self, user: str, view: View) -> Json:
        """`view_closed`."""
        self._may_see(user, view)
        payload = self._of_modal("view_closed", user, view, {}) | {"is_cleared": False}
        del payload["trigger_id"]
        return payload

    def _may_see(self, user: str, where: Message | View) -> None:
        """Raises PermissionError for what only somebody else has before them."""
        only = where.ephemeral_to if isinstance(where, Message) else where.user
        if only not in (None, user):
            raise PermissionError(f"only {only} sees it, not {user}")

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

    def _around(self, where: Message | View, user: str, attachment: int | None) -> Json:
        """What tells where something was pressed."""
        if isinstance(where, View):
            shown = self._shown(where, {})
            return {"container": {"type": "view", "view_id": where.id}, "view": shown}
        message, ephemeral = where, where.ephemeral_to is not None
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": ephemeral,
        }
        if attachment is not None:
            container |= {
                "type": "message_attachment",
                "attachment_id": attachment,
                "is_app_unfurl": False,
            }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        more: Json = {
            "container": container,
            "channel": self._channel(message),
            "state": state([block for _, blocks in _places(message) for block in blocks], {}),
            "response_url": self._url(message, user),
        }
        # An ephemeral message is kept nowhere, so nothing but its container comes with it.
        return more if ephemeral else more | {"message": message.as_json()}

    def _of_modal(self, type: str, user: str, view: View, values: Mapping[str, Value]) -> Json:
        payload = self._payload(type, user) | {"view": self._shown(view, values)}
        # Of somebody else's workspace, as only `app_installed_team_id` is ours then:
        # https://github.com/slackapi/bolt-js/issues/1614. For what is pressed it is ours, see
        # https://github.com/slackapi/java-slack-sdk/issues/1041
        if (team := self._workspace.users[user].team_id) != self._workspace.team_id:
            payload["team"] = {"id": team, "domain": team.lower()}
        return payload

    def _shown(self, view: View, values: Mapping[str, Value]) -> Json:
        workspace = self._workspace
        return view.as_json(workspace.app, workspace.team_id) | {"state": state(view.body["blocks"], values)}

    def _channel(self, message: Message) -> Json:
        return {"id": message.channel, "name": self._workspace.channels[message.channel].name}

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
        changes = args.flag("delete_original") or args.flag("replace_original")
        if changes and original.bot_id != self._workspace.app.bot_id:
            raise ApiError("cant_update_message")  # a shortcut's; unverified which error it is
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


def _places(where: Message | View) -> Iterator[tuple[int | None, list[Json]]]:
    """Its blocks, and each attachment's with the attachment's id."""
    if isinstance(where, View):
        yield None, where.body["blocks"]
        return
    yield None, where.blocks
    for attachment in where.attachments:
        yield attachment["id"], attachment.get("blocks", [])


def _elements(where: Message | View) -> Iterator[tuple[int | None, Json, Json]]:
    """Everything to press, with its block and the id of the attachment that it is in."""
    for attachment, blocks in _places(where):
        for block in walk(blocks):
            for element in interactive(block):
                yield attachment, block, element
