"""Socket Mode: the same events and interactions, over a WebSocket that the app opens.

https://docs.slack.dev/apis/events-api/using-socket-mode. `apps.connections.open` hands out an address
good for one connection; each envelope goes to one of the open sockets and wants an ack by its id.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from typing import Literal

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.sandbox.slack.events import ANSWER_SECONDS, Answer
from bridge.sandbox.slack.state import Json

MOST = 10  # open sockets of one app

Reason = Literal["warning", "refresh_requested", "too_many_websockets"]


class Sockets:
    """The app's open sockets, used in turn."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._tickets: set[str] = set()
        self._open: deque[WebSocket] = deque()
        self._acks: dict[str, asyncio.Future[Json]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def ticket(self) -> str:
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def endpoint(self, socket: WebSocket) -> None:
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(1008)
            return
        self._tickets.remove(ticket)
        await socket.accept()
        if len(self._open) >= MOST:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return
        self._open.append(socket)
        try:
            await socket.send_json(
                {
                    "type": "hello",
                    "num_connections": len(self._open),
                    "connection_info": {"app_id": self._app_id},
                    "debug_info": {"host": "sandbox", "approximate_connection_time": 3600},
                }
            )
            while True:
                self._ack(await socket.receive_text())
        except WebSocketDisconnect:
            pass
        finally:
            if socket in self._open:
                self._open.remove(socket)

    def _ack(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return  # some clients say "pong" in words
        waiting = self._acks.get(message.get("envelope_id", "")) if isinstance(message, dict) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(message.get("payload") or {})

    async def event(self, envelope: Json, attempt: int, reason: str | None) -> Answer:
        return await self._send(
            "events_api",
            envelope,
            retry_attempt=attempt,
            retry_reason=reason or "",
            accepts_response_payload=False,
        )

    async def interaction(self, payload: Json) -> Answer:
        return await self._send("interactive", payload, accepts_response_payload=True)

    async def _send(self, type: str, payload: Json, **more: object) -> Answer:
        if not self._open:
            return Answer(None, reason="connection_failed")
        self._open.rotate(-1)
        id = secrets.token_hex(16)
        ack = self._acks[id] = asyncio.get_running_loop().create_future()
        try:
            await self._open[0].send_json({"type": type, "envelope_id": id, "payload": payload, **more})
            async with asyncio.timeout(ANSWER_SECONDS):
                answered = await ack
        except TimeoutError:
            return Answer(None, reason="timeout")
        except (WebSocketDisconnect, RuntimeError):  # it closed under our hands
            return Answer(None, reason="connection_failed")
        finally:
            del self._acks[id]
        return Answer(200, json.dumps(answered) if answered else "")

    async def disconnect(self, reason: Reason = "refresh_requested") -> None:
        """Tell every client to come again, and close."""
        while self._open:
            socket = self._open.popleft()
            try:
                await socket.send_json({"type": "disconnect", "reason": reason})
                await socket.close()
            except (WebSocketDisconnect, RuntimeError):
                continue
