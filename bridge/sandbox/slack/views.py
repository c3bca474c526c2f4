"""views.*: modals, opened with a trigger that an interaction gave, and the App Home.

https://docs.slack.dev/reference/views. What is wrong with a view is `invalid_arguments`, with pointers.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from bridge.sandbox.slack.arguments import ApiError, Arguments
from bridge.sandbox.slack.blocks import check_blocks, finish
from bridge.sandbox.slack.elements import plain
from bridge.sandbox.slack.schema import Findings, Record, flag, items, one_of, string
from bridge.sandbox.slack.state import Json, View
from bridge.sandbox.slack.workspace import Workspace

TRIGGER_SECONDS = 3
VIEW_BYTES = 250_000


def _anything(value: Any, at: str, found: Findings) -> None:
    """Blocks have a check of their own."""


_FIELDS = {
    "type": one_of("modal", "home"),
    "blocks": items(_anything, least=0),
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
_VIEWS = {
    "home": Record(None, _FIELDS, need=("type", "blocks")),
    "modal": Record(
        None,
        {
            **_FIELDS,
            "title": plain(24),
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": flag,
            "notify_on_close": flag,
            "submit_disabled": flag,
        },
        need=("type", "title", "blocks"),
    ),
}


async def open_(args: Arguments) -> Json:
    trigger = args.text("trigger_id") or ""
    given = args.workspace.triggers.get(trigger)
    if given is None:
        raise ApiError("invalid_trigger_id")
    if given.used:
        raise ApiError("exchanged_trigger_id")
    if args.workspace.clock() - given.at > TRIGGER_SECONDS:
        raise ApiError("expired_trigger_id")
    body = _body(args)
    if body["type"] != "modal":
        raise ApiError("invalid_arguments", ["must be a modal [json-pointer:/view/type]"])
    given.used = True
    view = View(_new_id(), "modal", given.user, body)
    return _kept(args, view)


async def update(args: Arguments) -> Json:
    name, external = args.text("view_id"), args.text("external_id")
    for view in args.workspace.views.values():
        if view.id == name or (external and view.body.get("external_id") == external):
            break
    else:
        raise ApiError("not_found")
    return _changed(args, view)


async def publish(args: Arguments) -> Json:
    user = args.needed("user_id")
    if user not in args.workspace.users:
        raise ApiError("invalid_arguments", ["unknown user [json-pointer:/user_id]"])
    view = args.workspace.view_of(user, "home") or View(_new_id(), "home", user, {})
    return _changed(args, view)


def _changed(args: Arguments, view: View) -> Json:
    if "hash" in args and args.text("hash") != view.hash:
        raise ApiError("hash_conflict")
    body = _body(args)
    if body["type"] != view.type:
        raise ApiError("invalid_arguments", [f"must be a {view.type} [json-pointer:/view/type]"])
    view.body, view.errors = body, {}
    return _kept(args, view)


def _new_id() -> str:
    return f"V0{secrets.token_hex(4).upper()}"


def _kept(args: Arguments, view: View) -> Json:
    workspace = args.workspace
    return {"ok": True, "view": workspace.keep_view(view).as_json(workspace.app, workspace.team_id)}


def _body(args: Arguments) -> Json:
    return _checked(args.workspace, args.json("view", "invalid_arguments"))


def _checked(workspace: Workspace, body: Any) -> Json:
    problems = check_view(workspace, body)
    if problems:
        raise ApiError("invalid_arguments", problems)
    if len(json.dumps(body)) > VIEW_BYTES:
        raise ApiError("view_too_large")
    finish(body["blocks"])
    return dict(body)


def answered(workspace: Workspace, view: View, answer: Any) -> None:
    """What becomes of a modal that was sent, by what the app answered at once; `None` closes it.

    https://docs.slack.dev/surfaces/modals#response_actions. Raises `ApiError` where the answer cannot be
    followed; the modal then stays, and says that there was trouble connecting.
    """
    match answer:
        case None | {"response_action": "clear"}:
            workspace.close_view(view)
        case {"response_action": "errors", "errors": {**errors}} if errors:
            blocks = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
            if not errors.keys() <= blocks:
                raise ApiError("invalid_arguments", ["must name input blocks [json-pointer:/errors]"])
            view.errors = {str(block): str(what) for block, what in errors.items()}
            workspace.tell_view(view)
        case {"response_action": "update", "view": body}:
            view.body, view.errors = _checked(workspace, body), {}
            workspace.keep_view(view)
        case _:  # "push" too, which nobody has asked this Slack for
            raise ApiError("invalid_response_action")


def check_view(workspace: Workspace, body: Any) -> list[str]:
    kind = body.get("type") if isinstance(body, dict) else None
    found = Findings()
    _VIEWS["home" if kind == "home" else "modal"](body, "/view", found)
    if found.problems:
        return found.problems
    asks = any(isinstance(block, dict) and block.get("type") == "input" for block in body["blocks"])
    if asks and kind == "modal" and "submit" not in body:
        found.add("missing required field: submit", "/view")
    return found.problems + check_blocks(
        body["blocks"],
        "home" if kind == "home" else "modal",
        at="/view/blocks",
        dead_images=workspace.dead_images,
        slack_files=workspace.images(),
    )
