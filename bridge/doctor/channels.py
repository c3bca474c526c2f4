"""Every channel, user group and member that a route names: whether they are there, and the app in them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bridge.adapter import Finding, ok, unknown, warning, wrong
from bridge.config import Route, Workspace
from bridge.doctor.case import SILENT, Answer, Case, ask_slack
from bridge.doctor.slack import TOKEN

AT_ONCE = 5
KEYS = ("channel", "fallback_channel", "alert_channel", "escalate_channel")
_MENDED = {
    "channel_not_found": "Check the id; if the channel is private, invite the app: /invite @<the app>",
    "missing_scope": "Add the scope to the app, and install it again",
    "ratelimited": "Ask again in a minute",
}


async def check(case: Case) -> list[Finding]:
    told = await asyncio.gather(*(_of(case, one, name) for one, name in case.workspaces))
    return [finding for found in told for finding in found]


async def _of(case: Case, one: Workspace, name: str) -> list[Finding]:
    """Those of one workspace."""
    routes = {number: route for number, route in enumerate(case.config.routes) if route.workspace == one.name}
    gate = asyncio.Semaphore(AT_ONCE)

    async def about(id: str) -> Answer:
        method, key = ("conversations.info", "channel") if id[0] in "CG" else ("users.info", "user")
        async with gate:
            return await ask_slack(case, one.slack, method, one.bot_token, **{key: id})

    channels, called = _named(routes, *KEYS), _named(routes, "escalate_to")
    people = [id for id in called if not id.startswith("S")]
    told = dict(
        zip([*channels, *people], await asyncio.gather(*map(about, [*channels, *people])), strict=True)
    )
    if told and all(it.error in TOKEN or it.error.startswith(SILENT) for it in told.values()):
        return [unknown("cannot be asked for: see above, under slack", name.removesuffix(": "))]
    found = [_channel(told[id], f"{id} ({places})") for id, places in channels.items()]
    found += [_person(told[id], f"{id} ({called[id]})") for id in people]
    return found + await _groups(case, one, {id: called[id] for id in called if id not in people})


def _named(routes: Mapping[int, Route], *keys: str) -> dict[str, str]:
    """Each id, and the places that name it."""
    named: dict[str, list[str]] = {}
    for number, route in routes.items():
        for key in keys:
            if id := getattr(route, key):
                named.setdefault(id, []).append(f"routes.{number}.{key}")
    return {id: ", ".join(places) for id, places in named.items()}


def _channel(told: Answer, where: str) -> Finding:
    """https://docs.slack.dev/reference/objects/conversation-object"""
    if told.error:
        return _refused(told, where, "Check the id")
    channel = told.data.get("channel") or {}
    name = f"#{channel.get('name')}"
    if channel.get("is_im") or channel.get("is_mpim"):
        what, remedy = "is no channel, but a direct message", "Name a public or a private channel"
        return wrong(what, where, remedy=remedy)
    if channel.get("is_archived"):
        return wrong(f"{name} is archived", where, remedy="Unarchive the channel, or change the route")
    if not channel.get("is_member"):
        return wrong(f"the app is not in {name}", where, remedy="In the channel: /invite @<the app>")
    kind = "private" if channel.get("is_private") else "public"
    shared = ", shared with another organisation" if channel.get("is_ext_shared") else ""
    return ok(f"{name} is {kind}{shared}, and the app is in it", where)


def _person(told: Answer, where: str) -> Finding:
    if told.error:
        return _refused(told, where, "Check the member's id")
    user = told.data.get("user") or {}
    if user.get("deleted") or user.get("is_bot"):
        return wrong("is deactivated, or a bot: nobody reads it", where, remedy="Name somebody who is there")
    return ok("is a member", where)


async def _groups(case: Case, one: Workspace, called: Mapping[str, str]) -> list[Finding]:
    """https://docs.slack.dev/reference/methods/usergroups.list, and also those that are disabled"""
    if not called:
        return []
    told = await ask_slack(case, one.slack, "usergroups.list", one.bot_token, include_disabled="true")
    groups: dict[str, dict[str, Any]] = {group["id"]: group for group in told.data.get("usergroups") or ()}
    found = []
    for id, places in called.items():
        where = f"{id} ({places})"
        if told.error:
            found.append(unknown(_problem(told), where, remedy=_MENDED.get(told.error, "Ask again")))
        elif id not in groups:
            remedy = "Check the id: it is at the end of the group's address in Slack"
            found.append(wrong("is no user group of this workspace", where, remedy=remedy))
        elif groups[id].get("date_delete"):
            remedy = "Enable the group, or name another"
            found.append(warning(f"@{groups[id].get('handle')} is disabled", where, remedy=remedy))
        else:
            found.append(ok(f"is @{groups[id].get('handle')}", where))
    return found


def _refused(told: Answer, where: str, remedy: str) -> Finding:
    tell = unknown if told.error == "ratelimited" else wrong
    return tell(_problem(told), where, remedy=_MENDED.get(told.error, remedy))


def _problem(told: Answer) -> str:
    needed = told.data.get("needed")
    return str(told) + (f" ({needed})" if needed else "")
