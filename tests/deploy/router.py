"""A platform's router: each request to the next of the web processes it knows.

What it cannot bring there it answers with 503 (H13, H19 and H21 of
https://devcenter.heroku.com/articles/error-codes), and whoever sent it may try again. Heroku's keeps what
comes while a process starts (H20); this one refuses it.
"""

from __future__ import annotations

from collections import Counter
from typing import Self

import aiohttp
from aiohttp import web

from bridge.sandbox.stage import HOST

#: of one connection, not of the message: RFC 9110, 7.6.1; the body is passed on as it comes
_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "content-length"}


class Router:
    def __init__(self, port: int) -> None:
        self.webs: list[int] = []  # their ports, the next one first
        self.passed: Counter[int] = Counter()  # what each has answered
        self.answers: Counter[int] = Counter()  # by status
        self.open: Counter[int] = Counter()  # what each is still to answer
        self.refused: Counter[str] = Counter()  # what it could not bring there, by why
        self._port = port

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            auto_decompress=False, timeout=aiohttp.ClientTimeout(total=30), trust_env=False
        )
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._http.close()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            port = self.webs.pop(0)
        except IndexError:
            return self._refuse("no web process")
        self.webs.append(port)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        headers |= {"X-Forwarded-For": request.remote or "", "X-Forwarded-Proto": "https"}
        url = f"http://{HOST}:{port}{request.raw_path}"
        self.open[port] += 1
        try:
            async with self._http.request(request.method, url, data=body, headers=headers) as answer:
                found = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return self._refuse(type(error).__name__)
        finally:
            self.open[port] -= 1
        self.passed[port] += 1
        self.answers[answer.status] += 1
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        return web.Response(status=answer.status, body=found, headers=kept)

    def _refuse(self, why: str) -> web.Response:
        self.refused[why] += 1
        return web.Response(status=503, text=why)
