"""Two Slacks before one bridge: Ada's customers are in the first, Moveo's and GPTBots' in `emea`.

Both are furnished alike: the same people's and channels' ids are in each.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from starlette.routing import Mount

from bridge.sandbox.slack import Message, SlackSandbox
from bridge.sandbox.slack.events import sign
from bridge.sandbox.stage import AnyVendor, Stage
from tests.bridge.scene import Scene, later, ready

ROUTE = 'reply_mode = "live"\nalert_channel = "C0HANDOFFS"'
_MOVEO = 'match = { source = "acme-moveo" }\nchannel = "C0VIP"'
_EMEA = 'match = { source = ["acme-moveo", "acme-gptbots"] }\nchannel = "C0SUPPORT"\nworkspace = "emea"'


class Side:
    """The stage as one workspace sees it: `slack` is that workspace's."""

    def __init__(self, stage: Stage, slack: SlackSandbox) -> None:
        self._stage = stage
        self.slack = slack

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


@dataclass
class Both:
    stage: Stage
    slack: SlackSandbox  # of the workspace emea

    @property
    def main(self) -> Stage:
        return self.stage

    @property
    def emea(self) -> Stage:
        return cast("Stage", Side(self.stage, self.slack))

    def write(self, old: str, new: str) -> None:
        """Let config.toml say something else."""
        text = self.stage.config.read_text()
        assert text.count(old) == 1, old
        self.stage.config.write_text(text.replace(old, new))

    async def serve(self) -> None:
        """Until both are known to the bridge."""
        await self.stage.serve()

        async def known() -> bool:
            return await ready(self.stage) == (200, {})

        await later(known, "both workspaces are known")

    async def tell(self, secret: str, told: dict[str, Any], *, pressed: bool = False) -> int:
        """Send what Slack might, signed with `secret`; the status of the answer."""
        text, kind = json.dumps(told), "application/json"
        if pressed:
            text, kind = urlencode({"payload": text}), "application/x-www-form-urlencoded"
        body = text.encode()
        headers = {"content-type": kind, **sign(secret, body, int(time.time()))}
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"{self.stage.bridge_url}/slack/events"
            return (await http.post(url, content=body, headers=headers)).status_code

    @property
    def keys(self) -> tuple[str, str]:
        """Both signing secrets."""
        environ = self.stage.environ
        return environ["SLACK_SIGNING_SECRET"], environ["EMEA_SLACK_SIGNING_SECRET"]


@contextlib.asynccontextmanager
async def two(
    folder: Path, database_url: str | None = None, *, socket_mode: bool = False, route: str = ROUTE
) -> AsyncIterator[Both]:
    bot, key, app = f"xoxb-emea-{secrets.token_hex(12)}", secrets.token_hex(16), "xapp-1-emea"
    slack = SlackSandbox(
        bot_token=bot,
        signing_secret=key,
        app_token=app if socket_mode else None,
        channel_rate=0,
        team_id="T0EMEA",
    )
    url = database_url if database_url and database_url.startswith("postgres") else None
    async with Stage(
        folder,
        database_url=url,
        channel_rate=0,
        route=route,
        socket_mode=socket_mode,
        extra_config="[workspaces.emea]\n# here",
        routes=[Mount("/emea", slack.app)],
    ) as stage:
        both = Both(stage, slack)
        both.write("# here", f'api_url = "{stage.base}/emea/api/"\nchannel_rate = 0\n')
        both.write(_MOVEO, _EMEA)
        stage.environ |= {"EMEA_SLACK_BOT_TOKEN": bot, "EMEA_SLACK_SIGNING_SECRET": key}
        if socket_mode:
            stage.environ["EMEA_SLACK_APP_TOKEN"] = app
        else:
            slack.events_url = f"{stage.bridge_url}/slack/events"
        await slack.start()
        try:
            if url is not None:
                await stage.run("migrate")
            yield both
        finally:
            await slack.stop()


def event(team: str, scene: Scene, text: str, user: str = "U0MINA") -> dict[str, Any]:
    """As Slack would tell that somebody wrote in a thread of the workspace `team`."""
    ts = f"{time.time():.6f}"
    message = {"type": "message", "user": user, "text": text, "ts": ts, "thread_ts": scene.card.ts}
    message |= {"channel": scene.card.channel, "client_msg_id": secrets.token_hex(8)}
    return {
        "type": "event_callback",
        "team_id": team,
        "authorizations": [{"team_id": team, "user_id": "U0BRIDGE", "is_bot": True}],
        "event_id": f"Ev{secrets.token_hex(8)}",
        "event": message,
    }


def claim(team: str, scene: Scene, about: int | None = None) -> dict[str, Any]:
    """As Slack would tell that Mina pressed Claim on the card; one that is `about` some conversation."""
    card, user = scene.card, "U0MINA"
    value = json.dumps({} if about is None else {"conversation": about})
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": team},
        "team": {"id": team},
        "channel": {"id": card.channel},
        "container": {"type": "message", "channel_id": card.channel, "message_ts": card.ts},
        "message": {"ts": card.ts},
        "actions": [{"action_id": "act-claim", "action_ts": f"{time.time():.6f}", "value": value}],
    }


def replies_at(vendor: AnyVendor) -> list[str]:
    """What agents' replies came to at a vendor."""
    found = [message for talk in vendor.conversations.values() for message in talk.messages]
    return [message.text for message in found if message.role == "agent"]


def cards_of(stage: Stage) -> list[Message]:
    channels = stage.slack.state.channels.values()
    return [one for channel in channels for one in channel.messages.values() if "card" in _payload(one)]


def _payload(message: Message) -> dict[str, Any]:
    return cast("dict[str, Any]", (message.metadata or {}).get("event_payload", {}))
