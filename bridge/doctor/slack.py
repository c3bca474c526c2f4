"""Whether Slack takes the tokens, and what the app may do. https://docs.slack.dev/reference/methods/auth.test"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.adapter import Finding, ok, unknown, warning, wrong
from bridge.doctor.case import Answer, Case, ask_slack
from bridge.manifest import SCOPES, SPARED

BOT, APP = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"

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
    told = await ask_slack(case, "auth.test", case.config.slack_bot_token)
    found = [_identity(told)]
    if not told.error:
        found += _scopes(told.scopes)
    found.append(await _socket(case))
    found.append(
        unknown(
            "which events Slack sends, to what address, and whether interactivity and Delayed Events are on: "
            "no call tells a bot",
            remedy="Compare the app's App Manifest with what `bridge manifest` prints",
        )
    )
    return found


def _identity(told: Answer) -> Finding:
    if told.error:
        remedy = TOKEN.get(told.error, "Check the network, and api_url of [slack]; then ask again")
        return wrong(f"Slack answers {told.error}", BOT, remedy=remedy)
    if not told.data.get("bot_id"):
        return wrong("is not the token of an app's bot", BOT, remedy=_COPY)
    if not told.data.get("team_id") or told.data.get("is_enterprise_install"):
        return wrong("is not the token of one workspace", BOT, remedy="Install the app in one workspace")
    return ok(f"Slack knows it as {told.data.get('user_id')} in {told.data.get('team')}", BOT)


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


async def _socket(case: Case) -> Finding:
    """https://docs.slack.dev/reference/methods/apps.connections.open: an address, which nobody opens here."""
    token = case.config.slack_app_token
    if token is None:
        return ok("is not set: Slack calls us over HTTP", APP)
    told = await ask_slack(case, "apps.connections.open", token)
    if told.error:
        return wrong(f"Slack answers {told.error}", APP, remedy=_CONNECT)
    return ok("Socket Mode: Slack lets us open a connection", APP)
