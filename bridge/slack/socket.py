"""Socket Mode: Slack's events by a connection that we open, where there is no public address.

It is the app's: what happens in all workspaces that the app is installed in comes by it.
https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bridge import metrics
from bridge.errors import Malformed, Unavailable
from bridge.slack.doors import Door, door_for
from bridge.slack.gaps import Gaps
from bridge.slack.payloads import check

logger = logging.getLogger(__name__)

RETRY = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)  # seconds between tries to connect
LOOK = 1.0  # seconds between looks at the connection
PATIENCE = 30.0  # seconds that the SDK has to bring a lost connection back


class Socket:
    """`problem` is why nothing can be heard now, or None. `heard` is when Slack could last be heard: after
    each gap `returned` is told.

    Every connection follows a gap, also one that the SDK opens because Slack wanted it to.
    """

    def __init__(
        self,
        doors: Sequence[Door],
        app_token: str,
        returned: Callable[[float], Awaitable[None]],
        gaps: Gaps,
        variable: str = "SLACK_APP_TOKEN",
    ) -> None:
        self._doors = doors
        self._app_token = app_token
        self._variable = variable
        self._returned = returned
        self._gaps = gaps
        self.listening = False
        self.heard: float | None = None
        self.problem: str | None = "Socket Mode is not connected yet"
        self._known: object = None  # the connection before which nothing is missing any more
        self._catching_up = asyncio.Lock()

    async def listen(self) -> None:
        """Until cancelled. The SDK connects again by itself, but for ever to an address that has expired."""
        self.listening = True
        waits = chain(RETRY, repeat(RETRY[-1]))
        while True:
            handler = AsyncSocketModeHandler(self._doors[0].app, self._app_token)
            handler.client.socket_mode_request_listeners[:] = [self._take]
            try:
                # By itself `connect` would try a token that is not taken for ever as well.
                handler.client.wss_uri = await handler.client.issue_new_wss_url()
                async with asyncio.timeout(PATIENCE):
                    await handler.connect_async()
                logger.info("listening to Slack by Socket Mode")
                waits = chain(RETRY, repeat(RETRY[-1]))
                await self._watch(handler.client)
            except Exception as error:  # the SDK lets through whatever went wrong
                self.problem = f"Socket Mode: {_told(error, self._variable)}"
            finally:
                await handler.close_async()
            logger.warning("Slack is not heard: %s", self.problem)
            await asyncio.sleep(next(waits))

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """What the handler does, with the app of the workspace that it is about."""
        began = time.time()
        try:
            await self._catch_up(client)
            check(request.payload)
            await self._gaps.close_before(request.payload)
            door = door_for(self._doors, request.payload)
        except Unavailable as error:  # Slack asks again
            logger.warning("an event could not be kept: %s", error)
            self._gaps.open_at(request.payload)
            return
        except Malformed as error:
            await _drop(client, request, error)
            return
        try:
            response = await run_async_bolt_app(door.app, request)
        except Exception:  # what a listener raises is a response already: Bolt could not read the payload
            response = BoltResponse(status=Malformed.status)
        if response.status == Malformed.status:
            await _drop(client, request, Malformed("the payload cannot be read", where="Socket Mode"))
            return
        if response.status >= 500:
            self._gaps.open_at(request.payload)
        await send_async_response(client, request, response, began)

    async def _watch(self, client: Any) -> None:
        """Until the connection has been lost for too long."""
        lost = 0.0
        while lost < PATIENCE:
            connected = await client.is_connected()
            if connected:
                try:
                    await self._catch_up(client)
                    self.heard = time.time()
                except Unavailable as error:  # at the next look
                    logger.warning("what Slack told meanwhile is not looked for yet: %s", error)
            lost = 0.0 if connected else lost + LOOK
            self.problem = None if connected else "Socket Mode: the connection is lost"
            await asyncio.sleep(LOOK)

    async def _catch_up(self, client: Any) -> None:
        """Arrange that what was missed before this connection is looked for, before anything that comes by it
        is kept. Raises `Unavailable`."""
        async with self._catching_up:
            session = client.current_session
            if session is self._known:
                return
            if self.heard is not None:
                await self._returned(self.heard)
            self._known = session


async def _drop(client: AsyncBaseSocketModeClient, request: SocketModeRequest, error: Malformed) -> None:
    """Acknowledge what reads the same however often Slack sends it."""
    metrics.slack_events.labels("malformed").inc()
    logger.warning("refused: %s", error)
    await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))


def _told(error: Exception, variable: str) -> str:
    if not isinstance(error, SlackApiError):
        return f"cannot connect ({type(error).__name__})"
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else "nothing that can be read"
    return f"Slack answers {code}. Check {variable}, and that Socket Mode is on"
