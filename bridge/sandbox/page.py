"""The page of `bridge demo`: Slack on its left, the vendors' customers on its right, live.

`/events` begins with a full snapshot and goes on with every change, so a browser that was away needs
nothing else; `/state` is that snapshot alone. `/act/…` is what the people on the page do.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bridge.sandbox.slack import Answer, Message, User, View
from bridge.sandbox.stage import Stage

Json = dict[str, Any]

STATIC = Path(__file__).parent / "static"
LABELS = {"ada": "Ada", "gptbots": "GPTBots", "moveo": "Moveo"}


class Page:
    def __init__(self, stage: Stage) -> None:
        self._slack = stage.slack
        self._vendors = {vendor.name: vendor for vendor in stage.vendors}
        self._bridge_url = stage.bridge_url
        self._acts: dict[str, Callable[..., Any]] = {
            "open": self._open,
            "say": self._say,
            "end": self._end,
            "end-handoff": self._end_handoff,
            "reply": self._reply,
            "press": self._press,
            "shortcut": self._shortcut,
            "react": self._react,
            "home": self._home,
            "press-view": self._press_view,
            "submit": self._submit,
            "close": self._close,
        }

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/state", self._show_state),
            Route("/events", self._events),
            Route("/act/{act}", self._act, methods=["POST"]),
            Mount("/", _Static(directory=STATIC, html=True)),
        ]

    # ── what is shown ────────────────────────────────────────────────────────────────────────────

    def state(self) -> Json:
        workspace = self._slack.state
        return {
            "bridge": self._bridge_url,
            "slack": {
                "team": workspace.name,
                "app": workspace.app.name,
                "shortcuts": workspace.app.shortcuts,
                "users": {user.id: _person(user, workspace.team_id) for user in workspace.users.values()},
                "usergroups": {group["id"]: group["handle"] for group in workspace.usergroups},
                "channels": [
                    {
                        "id": channel.id,
                        "name": channel.name,
                        "is_private": channel.is_private,
                        "members": channel.members,
                        "messages": [
                            _shown(message)
                            for message in (*channel.messages.values(), *channel.ephemerals.values())
                        ],
                    }
                    for channel in workspace.channels.values()
                ],
                "views": [workspace.told_view(view) for view in workspace.views.values()],
                "statuses": [
                    {"channel": channel, "thread_ts": ts, "status": status.text, "username": status.username}
                    for channel, ts in list(workspace.statuses)
                    if (status := workspace.status(channel, ts))
                ],
            },
            "vendors": [
                {
                    "name": name,
                    "label": LABELS[name],
                    "conversations": [
                        dataclasses.asdict(conversation) for conversation in vendor.conversations.values()
                    ],
                }
                for name, vendor in self._vendors.items()
            ],
        }

    async def _show_state(self, request: Request) -> Response:
        return JSONResponse(self.state())

    async def _events(self, request: Request) -> Response:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

    async def _stream(self) -> AsyncIterator[str]:
        changes: asyncio.Queue[Json | None] = asyncio.Queue()

        async def follow(feed: AsyncIterator[Json], about: Callable[[Json], Json]) -> None:
            async for change in feed:
                changes.put_nowait(about(change))
            changes.put_nowait(None)

        # Subscribed before the snapshot is taken, with nothing in between: no change is missed.
        feeds = [follow(self._slack.subscribe(), self._of_slack)]
        feeds += [follow(vendor.subscribe(), self._of_vendor) for vendor in self._vendors.values()]
        tasks = [asyncio.create_task(feed) for feed in feeds]
        try:
            yield "retry: 1000\n" + _sse("state", self.state())
            while (change := await changes.get()) is not None:
                yield _sse("change", change)
        finally:
            for task in tasks:
                task.cancel()

    def _of_slack(self, change: Json) -> Json:
        if "message" in change:
            channel, ts = self._slack.state.channels[change["channel"]], change["message"]["ts"]
            message = channel.messages.get(ts) or channel.ephemerals.get(ts)
            if message is not None:  # as it is now, with its metadata
                change = {**change, "message": _shown(message)}
        return {"from": "slack", **change}

    def _of_vendor(self, change: Json) -> Json:
        vendor = self._vendors[change["vendor"]]
        more: Json = {}
        if change["type"] == "delivery":
            delivery = next(one for one in reversed(vendor.deliveries) if one.id == change["id"])
            more["ms"] = round((time.time() - delivery.attempts[-1].at) * 1000)
        elif change["type"] == "state":
            # What only one vendor knows: GPTBots' human session, Moveo's session that can be reopened.
            conversation = vendor.conversations[change["conversation_id"]]
            more = {name: getattr(conversation, name, None) for name in ("human_id", "alive")}
        return {"from": "vendor", **change, **more}

    # ── what is done ─────────────────────────────────────────────────────────────────────────────

    async def _act(self, request: Request) -> Response:
        act = self._acts.get(request.path_params["act"])
        if act is None:
            return _problem(404, "there is no such act")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _problem(415, "JSON is wanted")  # which no other site's page can send unasked
        try:
            told = await request.json()
            values = inspect.signature(act).bind(**told).arguments
            if not all(isinstance(value, str) for value in values.values()):
                raise TypeError("every value is a text")
            done = act(**values)
            return JSONResponse(await done if inspect.isawaitable(done) else done or {})
        except KeyError as error:
            return _problem(404, f"there is no {error}")
        except PermissionError as error:
            return _problem(403, str(error))
        except (TypeError, ValueError, LookupError) as error:
            return _problem(400, str(error))

    def _open(self, vendor: str, customer: str) -> Json:
        return {"conversation": self._vendors[vendor].open(_said(customer)).id}

    def _say(self, vendor: str, conversation: str, text: str) -> None:
        self._vendors[vendor].say(conversation, _said(text))

    def _end(self, vendor: str, conversation: str) -> None:
        self._vendors[vendor].end(conversation)

    def _end_handoff(self, vendor: str, conversation: str) -> None:
        self._vendors[vendor].end_handoff(conversation)

    def _reply(self, user: str, channel: str, thread_ts: str, text: str) -> Json:
        return {"ts": self._slack.post_as(user, channel, _said(text), thread_ts=thread_ts).ts}

    async def _press(self, user: str, channel: str, ts: str, action_id: str, value: str = "") -> Json:
        where = self._slack.state.channels[channel]
        message = where.messages.get(ts) or where.ephemerals[ts]
        return _told(await self._slack.press(user, message, action_id, value or None))

    async def _shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> Json:
        message = self._slack.state.channels[channel].messages[ts]
        return _told(await self._slack.shortcut(user, message, callback_id))

    def _react(self, user: str, channel: str, ts: str, name: str) -> None:
        """A second time takes it away."""
        mine = user in self._slack.state.channels[channel].messages[ts].reactions.get(name, ())
        self._slack.react_as(user, channel, ts, name, added=not mine)

    def _home(self, user: str) -> None:
        self._slack.open_home(user)

    async def _press_view(self, user: str, view: str, action_id: str, value: str = "") -> Json:
        return _told(await self._slack.press(user, self._view(view), action_id, value or None))

    async def _submit(self, user: str, view: str, values: str) -> Json:
        """`values` by action id, as JSON."""
        entered = json.loads(values)
        if not isinstance(entered, dict):
            raise TypeError("values are an object")
        return _told(await self._slack.submit(user, self._view(view), entered))

    async def _close(self, user: str, view: str) -> None:
        await self._slack.close(user, self._view(view))

    def _view(self, id: str) -> View:
        return self._slack.state.views[id]


class _Static(StaticFiles):
    """Asked for anew each time, so that a newer demo does not meet an older page."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        response = super().file_response(*args, **more)
        response.headers["cache-control"] = "no-cache"
        return response


def _person(user: User, team: str) -> Json:
    """`from` tells a guest and somebody of another company from colleagues."""
    where = "guest" if user.is_restricted else "" if user.team_id == team else "another company"
    return {"name": user.display_name or user.real_name, "bot": user.is_bot, "from": where}


def _told(answer: Answer) -> Json:
    return {"status": answer.status, "reason": answer.reason}


def _shown(message: Message) -> Json:
    shown = message.as_json(metadata=True)
    return {**shown, "to": message.ephemeral_to} if message.ephemeral_to else shown


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("there is nothing to say")
    return text


def _sse(event: str, data: Json) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"


def _problem(status: int, what: str) -> Response:
    return JSONResponse({"error": what}, status)
