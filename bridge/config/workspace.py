"""Workspaces: [slack] and [workspaces.NAME], each with its tokens from the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from bridge.adapter import variable_for
from bridge.config.route import Route
from bridge.config.sections import Slack
from bridge.config.values import nearest, several

#: the name of [slack], whose workspace is that of routes that name none
MAIN = "slack"
_BOT, _SIGNING, _APP = "bot_token", "signing_secret", "app_token"


@dataclass(frozen=True)
class Workspace:
    """One Slack workspace. The last two are the environment variables that its app's secrets come from: an
    app that is installed in several workspaces has one signing secret and one app-level token for all."""

    name: str
    slack: Slack
    bot_token: SecretStr
    signing_secrets: tuple[SecretStr, ...]
    app_token: SecretStr | None = None
    signing_variable: str = "SLACK_SIGNING_SECRET"
    app_variable: str = "SLACK_APP_TOKEN"

    @property
    def key(self) -> str:
        """What /readyz and `bridge doctor` call it."""
        return self.name if self.name == MAIN else f"{MAIN}:{self.name}"

    @property
    def table(self) -> str:
        """Where config.toml has it."""
        return f"[{self.name}]" if self.name == MAIN else f"[workspaces.{self.name}]"

    @property
    def bot_variable(self) -> str:
        return _variable(self.name, _BOT)


def variables(name: str) -> list[str]:
    """The environment variables that are named after a workspace."""
    return [_variable(name, secret) for secret in (_BOT, _SIGNING, _APP)]


def _variable(name: str, secret: str) -> str:
    """`SLACK_BOT_TOKEN`, and of the workspace `emea` `EMEA_SLACK_BOT_TOKEN`."""
    return variable_for(name, secret if name == MAIN else f"{MAIN}_{secret}")


def read(
    main: Slack,
    named: Mapping[str, Slack],
    routes: Iterable[Route],
    environ: Mapping[str, str],
    faults: list[str],
) -> dict[str, Workspace]:
    """All that are configured, by name; that of [slack] first, unless it has no token and no route wants it.
    What is wrong is added to `faults`."""
    tables = {MAIN: main, **named}
    if MAIN in named:
        faults.append(f"workspaces.{MAIN}: is the name of [{MAIN}]; choose another")
    for number, route in enumerate(routes):
        if route.workspace not in tables:
            told = nearest(route.workspace, tables) or f"; it is one of: {', '.join(tables)}"
            faults.append(f"routes.{number}.workspace: no workspace has this name{told}")
    wanted = not named or any(route.workspace == MAIN for route in routes)
    if not wanted and not environ.get(_variable(MAIN, _BOT)):
        del tables[MAIN]
    found = (_workspace(name, table, environ, faults) for name, table in tables.items())
    return {one.name: one for one in found if one is not None}


def _workspace(name: str, table: Slack, environ: Mapping[str, str], faults: list[str]) -> Workspace | None:
    bot, signing, app = (environ.get(one, "") for one in variables(name))
    _, signing_variable, app_variable = variables(name)
    if not signing and not app:  # nothing of its own: the app of [slack] is installed in it too
        _, signing_variable, app_variable = variables(MAIN)
    elif not signing:
        signing_variable = _variable(MAIN, _SIGNING)
    secrets, app = several(environ.get(signing_variable, "")), environ.get(app_variable, "")
    if not bot:
        faults.append(f"environment: {_variable(name, _BOT)} is not set; it is the app's bot token (xoxb-…)")
    if not secrets:
        own = _variable(name, _SIGNING)
        nor = "" if own == signing_variable else f", nor is {signing_variable}"
        faults.append(f"environment: {own} is not set{nor}; it is the app's signing secret")
    if not bot or not secrets:
        return None
    token = SecretStr(app) if app else None
    return Workspace(name, table, SecretStr(bot), secrets, token, signing_variable, app_variable)
