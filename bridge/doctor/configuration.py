"""The file and the environment: what cannot be read, and what is readable and still not right."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bridge import telemetry
from bridge.adapter import Finding, ok, unknown, warning, wrong
from bridge.config import Workspace
from bridge.doctor.case import LOCAL, Case
from bridge.errors import ConfigError

_FILE = "Correct it in the file"
_ENVIRONMENT = "Set it in the environment"


def faults(error: ConfigError) -> tuple[Finding, ...]:
    """Each fault of what cannot be read; `load` tells one a line: `where: what; what to do`."""
    if error.remedy:
        return (wrong(error.problem, error.where, remedy=error.remedy),)
    return tuple(_fault(line, error.where) for line in error.problem.splitlines())


def _fault(line: str, file: str) -> Finding:
    where, colon, told = line.partition(": ")
    if not colon or " " in where:
        return wrong(line, file, remedy=_FILE)
    what, _, remedy = told.partition("; ")
    usual = _ENVIRONMENT if where == "environment" else _FILE
    return wrong(what, where, remedy=remedy[:1].upper() + remedy[1:] or usual)


async def check(case: Case) -> Iterator[Finding]:
    return _found(case)


def _found(case: Case) -> Iterator[Finding]:
    config = case.config
    yield ok(f"{_count(len(config.sources), 'source')}, {_count(len(config.routes), 'route')}")
    told: dict[Finding, None] = {}  # once: several workspaces may have one app
    for one, name in case.workspaces:
        told |= dict.fromkeys(_workspace(one))
        if not any(route.workspace == one.name for route in config.routes):
            told[ok("no route leads there: only threads from earlier are carried", f"{name}routes")] = None
    yield from told
    yield _address(case)
    try:
        telemetry.ready(os.environ)
    except ConfigError as error:
        yield wrong(error.problem, error.where, remedy=error.remedy)


def _workspace(one: Workspace) -> Iterator[Finding]:
    yield _bot_token(one.bot_token.get_secret_value(), one.bot_variable)
    for secret in one.signing_secrets:
        if not re.fullmatch(r"[0-9a-f]{32}", secret.get_secret_value()):
            yield warning(
                "is not 32 hexadecimal digits, as Slack's signing secrets are",
                one.signing_variable,
                remedy="Copy it from Basic Information > App Credentials > Signing Secret",
            )
    if one.app_token and not one.app_token.get_secret_value().startswith("xapp-"):
        yield wrong(
            "is not an app-level token",
            one.app_variable,
            remedy="Set one (xapp-…) from Basic Information > App-Level Tokens, or unset it to do without "
            "Socket Mode",
        )


def _bot_token(token: str, where: str) -> Finding:
    remedy = "Copy it from OAuth & Permissions: it begins with xoxb-"
    if token.startswith("xoxe."):
        remedy = "Switch token rotation off, which the manifest does, and install the app again"
        return wrong("is a token that expires, and the bridge does not renew it", where, remedy=remedy)
    if token.startswith("xoxb-") and not re.fullmatch(r"[!-~]+", token):
        return wrong("holds what is in no token: perhaps a text from the documents", where, remedy=remedy)
    if token.startswith("xoxb-"):
        return ok("has the form of a bot token", where)
    kinds = {"xapp-": "an app-level token", "xoxp-": "a person's token"}
    return wrong(f"is {kinds.get(token[:5], 'not a bot token')}", where, remedy=remedy)


def _address(case: Case) -> Finding:
    where, url = "server.public_url", case.public_url
    remedy = "Set it to the address at which Slack and the vendors reach the bridge, https://…"
    if url is None:
        return unknown(
            "is not set, so nothing can be asked there; links to agents' files need it", where, remedy=remedy
        )
    parts = urlsplit(url)
    if parts.hostname in LOCAL and not case.local:
        return wrong("is an address of this machine, which nobody else reaches", where, remedy=remedy)
    if parts.scheme != "https" and not case.local:
        return wrong("is not https, and Slack and the vendors call nothing else", where, remedy=remedy)
    return ok("is an address that can be entered at Slack and the vendors", where)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
