"""The public address: whether a bridge answers there, and whether it takes what we sign.

Only Slack can prove that our signing secret is its own: what is proved here is that the bridge that answers
there was started with the secret that we were given.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from bridge.adapter import Finding, answer_of, ok, unknown, wrong
from bridge.doctor.case import Case
from bridge.manifest import PATH

_START = "Start the bridge, and check the address, its DNS and its certificate"


async def check(case: Case) -> list[Finding]:
    url = case.public_url
    if url is None:
        return [unknown("not asked: server.public_url is not set")]
    if not case.running:
        return [unknown("not asked, since the bridge does not run yet", url)]
    try:
        answer = await case.http.get(f"{url}/healthz")
    except httpx.HTTPError as error:
        return [wrong(f"nothing answers there ({type(error).__name__})", url, remedy=_START)]
    if answer.is_redirect:
        remedy = "Set public_url to where it leads: Slack and the vendors do not follow"
        return [wrong("redirects", url, remedy=remedy)]
    if answer.status_code != 200 or answer.text.strip() != "ok":
        remedy = "Let the address lead to the bridge, whose /healthz answers ok"
        return [wrong(f"what answers there is not the bridge ({answer.status_code})", url, remedy=remedy)]
    found = [ok("the bridge answers there", url), await _ready(case, url)]
    signing = {
        secret: one.signing_variable
        for one, _ in case.workspaces
        for secret in one.signing_secrets
        if one.app_token is None  # else Slack signs nothing
    }
    return found + [await _signed(case, url, *one) for one in signing.items()]


async def _ready(case: Case, url: str) -> Finding:
    told = await _json(case.http.build_request("GET", f"{url}/readyz"), case)
    missing = told.get("missing")
    if not isinstance(missing, dict):
        return unknown("whether it is ready", f"{url}/readyz", remedy="Ask again")
    if missing:
        reasons = "; ".join(f"{name}: {why}" for name, why in missing.items())
        return wrong(f"it is not ready: {reasons}", f"{url}/readyz", remedy="See the bridge's log")
    return ok("it is ready", f"{url}/readyz")


async def _signed(case: Case, url: str, secret: SecretStr, variable: str) -> Finding:
    """What Slack sends to verify an address. https://docs.slack.dev/reference/events/url_verification"""
    where, challenge, at = url + PATH, secrets.token_hex(16), str(int(time.time()))
    body = json.dumps({"type": "url_verification", "challenge": challenge}).encode()
    signature = SignatureVerifier(secret.get_secret_value()).generate_signature(timestamp=at, body=body)
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": signature or "",
    }
    request = case.http.build_request("POST", where, headers=headers, content=body)
    told = await _json(request, case)
    if challenge in json.dumps(told):
        return ok(
            f"it takes what our {variable} signs; that it is also Slack's, only Slack can tell",
            where,
        )
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if code == "not_authentic":
        remedy = f"Restart it with this {variable}, and check its clock"
        return wrong("the bridge there has another signing secret than we", where, remedy=remedy)
    if code == "unavailable":
        return wrong("Slack does not know the bridge there yet", where, remedy="See what /readyz says")
    return wrong("it does not answer Slack's challenge", where, remedy="Let the address lead to the bridge")


async def _json(request: httpx.Request, case: Case) -> Mapping[str, Any]:
    """What it answers, or nothing."""
    try:
        return answer_of(await case.http.send(request)) or {}
    except httpx.HTTPError:
        return {}
