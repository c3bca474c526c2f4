"""What the checks have in common: the configuration, one HTTP client, and how far our clock is off."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from bridge.adapter import answer_of, date_of
from bridge.config import Config, Slack, Workspace

LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Case:
    """`running`: a bridge can be asked at the public address. `skews`: host -> seconds that we are ahead."""

    config: Config
    http: httpx.AsyncClient
    running: bool
    skews: Mapping[str, float]

    @property
    def public_url(self) -> str | None:
        url = self.config.server.public_url
        return url.rstrip("/") if url else None

    @property
    def local(self) -> bool:
        """Whether even Slack is on this machine: the sandbox."""
        addresses = [one.slack.api_url for one in self.config.workspaces.values()]
        return all(urlsplit(one).hostname in LOCAL for one in addresses)

    @property
    def workspaces(self) -> Iterator[tuple[Workspace, str]]:
        """Each, and what is told before anything about it, where there are several."""
        for one in self.config.workspaces.values():
            yield one, f"{one.key}: " if len(self.config.workspaces) > 1 else ""


SILENT = "no answer"


@dataclass(frozen=True)
class Answer:
    """Slack's: `error` is its own word, or what the network did; empty where it is a yes."""

    error: str
    data: Mapping[str, Any]
    scopes: frozenset[str]

    def __str__(self) -> str:
        return f"Slack gives {self.error}" if self.error.startswith(SILENT) else f"Slack answers {self.error}"


def client(skews: dict[str, float]) -> httpx.AsyncClient:
    """One that notes what each host's clock says as it answers."""

    async def note(response: httpx.Response) -> None:
        if (there := date_of(response)) is None:
            return
        ahead, host = time.time() - there, response.request.url.netloc.decode()
        skews[host] = min(ahead, skews.get(host, ahead), key=abs)

    return httpx.AsyncClient(
        timeout=httpx.Timeout(15.0, connect=5.0), follow_redirects=False, event_hooks={"response": [note]}
    )


async def ask_slack(case: Case, slack: Slack, method: str, token: SecretStr, **params: str) -> Answer:
    """One call of Slack's Web API; never an exception."""
    url = f"{slack.api_url.rstrip('/')}/{method}"
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
    try:
        response = await case.http.post(url, headers=headers, data=params)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # no header takes every character
        return Answer(f"{SILENT} ({type(error).__name__})", {}, frozenset())
    data = answer_of(response) or {}
    refused = "" if data.get("ok") is True else str(data.get("error") or f"HTTP {response.status_code}")
    scopes = response.headers.get("x-oauth-scopes", "")
    return Answer(refused, data, frozenset(one.strip() for one in scopes.split(",") if one.strip()))
