"""A small app at the other end of a stage's Slack, where the real bridge would be too much."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.sandbox.stage import Stage
from tests.sandbox.slack_running import serving

Json = dict[str, Any]


@dataclass
class App:
    """`modal` is what presses and shortcuts open, `home` what everybody gets, `answer` what modals get."""

    stage: Stage
    http: httpx.AsyncClient
    modal: Json | None = None
    home: Json | None = None
    answer: Json | None = None
    heard: list[Json] = field(default_factory=list)  # events and interactions

    def last(self, type: str) -> Json:
        return next(one for one in reversed(self.heard) if one["type"] == type)

    async def call(self, method: str, **arguments: Any) -> Json:
        token = self.stage.environ["SLACK_BOT_TOKEN"]
        url = f"{self.stage.base}/slack/api/{method}"
        headers = {"authorization": f"Bearer {token}"}
        told: Json = (await self.http.post(url, json=arguments, headers=headers)).json()
        assert told["ok"], told
        return told

    async def endpoint(self, request: Request) -> Response:
        body = await request.body()
        if not request.headers["content-type"].startswith("application/x-www-form-urlencoded"):
            event = json.loads(body)["event"]
            self.heard.append(event)
            if event["type"] == "app_home_opened" and self.home:
                await self.call("views.publish", user_id=event["user"], view=self.home)
            return Response()
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        self.heard.append(payload)
        if payload["type"] == "view_submission":
            return JSONResponse(self.answer) if self.answer else Response()
        if self.modal:
            await self.call("views.open", trigger_id=payload["trigger_id"], view=self.modal)
        return Response()


@asynccontextmanager
async def answering(stage: Stage) -> AsyncIterator[App]:
    async with httpx.AsyncClient(trust_env=False) as http:
        app = App(stage, http)
        route = Route("/slack/events", app.endpoint, methods=["POST"])
        async with serving(Starlette(routes=[route])) as url:
            stage.slack.events_url = f"{url}/slack/events"
            yield app
            await stage.slack.settled()
