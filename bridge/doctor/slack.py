"""Whether Slack takes each workspace's tokens, and what the app may do.

https://docs.slack.dev/reference/methods/auth.test
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from bridge.adapter import Finding, ok, unknown, warning, wrong
from bridge.config import Workspace
from bridge.doctor.case import Answer, Case, ask_slack
from bridge.manifest import SCOPES, SPARED

_COPY = "Copy it from OAuth & Permissions > Bot User OAuth Token"
_AGAIN = "Install the app again, and set the new token"
#: error code -> what to do
TOKEN = {
    "invalid_auth": _COPY,
    "not_authed": _COPY,
    "token_revoked": _AGAIN,
    "account_inactive": _AGAIN,
    "token_expired": "Switch token rotation off, install the app again, and set the new token",
    "not_allowed_token_type": _COPY,
    "team_access_not_granted": "Install the app in this workspace",
}
_REINSTALL = "Put what `bridge manifest` prints in place under App Manifest, and install the app again"
_CONNECT = (
    "Generate one with connections:write under Basic Information > App-Level Tokens, "
    "and switch Socket Mode on"
)


async def check(case: Case) -> list[Finding]:
    told = await asyncio.gather(*(_asked(case, one) for one, _ in case.workspaces))
    found: list[Finding] = []
    teams: dict[str, Workspace] = {}
    for (one, name), (who, socket) in zip(case.workspaces, told, strict=True):
        found.append(_identity(who, one))
        if not who.error:
            found += [replace(scope, where=f"{name}{scope.where}") for scope in _scopes(who.scopes)]
        if team := who.data.get("team_id"):
            first = teams.setdefault(team, one)
            if first is not one:
                found.append(_same(first, one, team))
        found.append(_socket(socket, one))
    found.append(
        unknown(
            "which events Slack sends, to what address, and whether interactivity and Delayed Events are on: "
            "no call tells a bot",
            remedy="Compare the app's App Manifest with what `bridge manifest` prints",
        )
    )
    return found


async def _asked(case: Case, one: Workspace) -> tuple[Answer, Answer | None]:
    """Who we are there, and whether we may open a socket; an address, which nobody opens here.
    https://docs.slack.dev/reference/methods/apps.connections.open"""
    who = ask_slack(case, one.slack, "auth.test", one.bot_token)
    if one.app_token is None:
        return await who, None
    socket = ask_slack(case, one.slack, "apps.connections.open", one.app_token)
    return await asyncio.gather(who, socket)


def _same(first: Workspace, one: Workspace, team: str) -> Finding:
    what = f"is a token of the same workspace as {first.bot_variable} ({team}), and is not used"
    return wrong(what, one.bot_variable, remedy="Let the routes name one of the two, and drop the other")


def _identity(told: Answer, one: Workspace) -> Finding:
    where = one.bot_variable
    if told.error:
        remedy = TOKEN.get(told.error, f"Check the network, and api_url of {one.table}; then ask again")
        return wrong(str(told), where, remedy=remedy)
    if not told.data.get("bot_id"):
        return wrong("is not the token of an app's bot", where, remedy=_COPY)
    if not told.data.get("team_id") or told.data.get("is_enterprise_install"):
        return wrong("is not the token of one workspace", where, remedy="Install the app in one workspace")
    return ok(f"Slack knows it as {told.data.get('user_id')} in {told.data.get('team')}", where)


def _scopes(given: frozenset[str]) -> Iterator[Finding]:
    """https://docs.slack.dev/apis/web-api: each answer has the token's scopes in `x-oauth-scopes`."""
    if not given:
        yield unknown("Slack did not tell the app's scopes", "scopes")
        return
    missing = [scope for scope in SCOPES if scope not in given]
    for scope in missing:
        tell = warning if scope in SPARED else wrong
        yield tell(f"the app lacks it: {SCOPES[scope]}", f"scope {scope}", remedy=_REINSTALL)
    more = f"; nothing needs {', '.join(sorted(given - SCOPES.keys()))}" if given - SCOPES.keys() else ""
    if not missing:
        yield ok(f"the app has all {len(SCOPES)}{more}", "scopes")


def _socket(told: Answer | None, one: Workspace) -> Finding:
    if told is None:
        return ok("is not set: Slack calls us over HTTP", one.app_variable)
    if told.error:
        return wrong(str(told), one.app_variable, remedy=_CONNECT)
    return ok("Socket Mode: Slack lets us open a connection", one.app_variable)
