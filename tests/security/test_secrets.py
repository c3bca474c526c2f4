"""Secrets: each can be replaced while the bridge is called, and none is shown."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.app import Bridge, store_of
from bridge.config import load
from bridge.registry import adapters
from tests import signing
from tests.test_web import CONFIG, ENVIRON
from tests.vendors import VENDORS, make

OLD, NEW = "old-and-long-enough", "new-and-long-enough"
BODY = b"{}"


@contextlib.asynccontextmanager
async def bridge(folder: Path, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """The whole app as `bridge serve` makes it of this environment, though it does not work."""
    (folder / "config.toml").write_text(f'[store]\npath = "{folder}/bridge.sqlite3"\n{CONFIG}')
    config = load(folder / "config.toml", {**ENVIRON, **environ}, adapters())
    store = store_of(config)
    await store.migrate()
    one = Bridge(config, store)
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(one.asgi()), base_url="http://bridge"
        ) as http:
            yield http
    finally:
        await one.stop()


def whsec(secret: str) -> str:
    return "whsec_" + base64.b64encode(secret.encode()).decode()


def slack(secret: str) -> dict[str, str]:
    now = str(int(time.time()))
    digest = hmac.new(secret.encode(), f"v0:{now}:".encode() + BODY, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": now, "x-slack-signature": f"v0={digest}"}


#: each secret that others prove themselves with -> where, how, and what it is in the environment
Call = tuple[str, str, Callable[[str], Mapping[str, str]], Callable[[str], str]]
SECRETS: dict[str, Call] = {
    "SLACK_SIGNING_SECRET": ("POST", "/slack/events", slack, str),
    "ACME_ADA_WEBHOOK_SECRET": (
        "POST",
        "/webhooks/acme-ada",
        lambda secret: signing.ada(BODY, whsec(secret)),
        whsec,
    ),
    "ACME_ADA_HANDOFF_TOKEN": ("POST", "/webhooks/acme-ada/handoff", signing.ada_handoff, str),
    "ACME_GPTBOTS_PATH_TOKEN": ("POST", "/webhooks/acme-gptbots/{}/chat", lambda _: {}, str),
    "ACME_GPTBOTS_WEBHOOK_TOKEN": ("POST", "/webhooks/acme-gptbots/messages", signing.gptbots, str),
    "ACME_MOVEO_WEBHOOK_SECRET": (
        "POST",
        "/webhooks/acme-moveo",
        lambda secret: signing.moveo(BODY, secret),
        str,
    ),
    "METRICS_TOKEN": ("GET", "/metrics", lambda secret: {"authorization": f"Bearer {secret}"}, str),
}


async def lets_in(http: httpx.AsyncClient, name: str, secret: str) -> bool:
    method, path, sign, _ = SECRETS[name]
    content = BODY if method == "POST" else None
    answer = await http.request(method, path.format(secret), content=content, headers=sign(secret))
    if answer.status_code == 401:
        assert OLD not in answer.text and NEW not in answer.text
        return False
    # Some mind what is in the body, and Slack is told to come back: it has not told who we are.
    assert answer.status_code in (200, 400, 503), answer.text
    return True


@pytest.mark.parametrize("name", SECRETS)
async def test_a_secret_is_replaced_without_a_gap(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """First the old one, then both, then the new one."""
    caplog.set_level(logging.DEBUG, "bridge")
    given = SECRETS[name][3]
    for environ, old, new in (
        (given(OLD), True, False),
        (f"{given(NEW)}, {given(OLD)}", True, True),
        (f"{given(OLD)},{given(NEW)}", True, True),
        (given(NEW), False, True),
    ):
        async with bridge(tmp_path, **{name: environ}) as http:
            assert await lets_in(http, name, OLD) is old
            assert await lets_in(http, name, NEW) is new
            assert not await lets_in(http, name, "another")
            assert not await lets_in(http, name, environ) or "," not in environ
    for secret in (OLD, NEW, whsec(OLD), whsec(NEW)):
        assert secret not in caplog.text


def test_every_secret_that_others_use_is_among_them() -> None:
    """Those of one value alone are ours to use at Slack or a vendor, which takes several."""
    several = {
        f"ACME_{vendor.upper()}_{field.upper()}"
        for vendor, adapter in VENDORS.items()
        for field, info in adapter.secrets.model_fields.items()
        if "tuple" in str(info.annotation)
    }
    single = {
        field
        for adapter in VENDORS.values()
        for field, info in adapter.secrets.model_fields.items()
        if "tuple" not in str(info.annotation)
    }
    assert several | {"SLACK_SIGNING_SECRET", "METRICS_TOKEN"} == SECRETS.keys()
    assert single == {"api_key"}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic old-and-long-enough", f"Bearer {OLD}x", OLD]
)
async def test_the_metrics_want_their_token_where_there_is_one(header: str, tmp_path: Path) -> None:
    async with bridge(tmp_path, METRICS_TOKEN=OLD) as http:
        answer = await http.get("/metrics", headers={"authorization": header})
        assert answer.status_code == 401
        assert "bridge_webhooks" not in answer.text
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).status_code == 503  # it does not work


async def test_without_one_they_are_anybodys(tmp_path: Path) -> None:
    async with bridge(tmp_path) as http:
        assert (await http.get("/metrics")).status_code == 200


async def test_a_database_that_is_away_is_told_without_its_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    away = {"DATABASE_URL": "postgres://reader:the-password@127.0.0.1:9/none"}
    config = load(tmp_path / "config.toml", {**ENVIRON, **away}, adapters())
    one = Bridge(config, store_of(config))
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(one.asgi()), base_url="http://bridge"
        ) as http:
            ready = await http.get("/readyz")
            refused = await http.post(
                "/webhooks/acme-ada",
                content=BODY,
                headers=signing.ada(BODY, ENVIRON["ACME_ADA_WEBHOOK_SECRET"]),
            )
    finally:
        await one.stop()
    assert (ready.status_code, refused.status_code) == (503, 503)
    assert "store" in ready.json()["missing"]
    assert "the-password" not in ready.text + refused.text + caplog.text
    assert "127.0.0.1" not in refused.text  # whoever sends webhooks need not know what is behind us


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_secret_is_in_what_an_adapter_shows_of_itself(vendor: str) -> None:
    secrets: dict[str, Any] = {
        field: (whsec(f"hush-{field}"),) if "tuple" in str(info.annotation) else f"hush-{field}"
        for field, info in VENDORS[vendor].secrets.model_fields.items()
    }
    adapter = make(vendor, secrets=secrets)
    shown = f"{adapter!r} {vars(adapter)!r} {vars(adapter._api)!r}"
    assert "SecretStr" in shown
    for value in secrets.values():
        assert (value if isinstance(value, str) else value[0]) not in shown
