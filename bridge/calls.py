"""The HTTP client that a source's adapter is given: each of its calls is counted, timed and traced.

By source, operation and outcome; no address is told, since there are ids in it.
"""

from __future__ import annotations

import ssl
import time
from typing import Any

import httpx

from bridge import metrics, telemetry
from bridge.adapter import OPERATION, UNCONNECTED


class Calls(httpx.AsyncClient):
    def __init__(self, source: str, trusted: ssl.SSLContext, concurrency: int) -> None:
        super().__init__(
            verify=trusted,
            timeout=httpx.Timeout(15.0, connect=5.0),
            follow_redirects=False,  # a redirect would carry the credential elsewhere
            # Node and uvicorn close an idle connection after 5 s: a call begun just then is lost.
            # https://nodejs.org/api/http.html#serverkeepalivetimeout
            limits=httpx.Limits(max_connections=concurrency, keepalive_expiry=4.0),
        )
        self._source = source
        self._seconds = metrics.vendor_call_seconds.labels(source)

    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:
        operation = str(request.extensions.get(OPERATION) or request.method)
        began = time.monotonic()
        with telemetry.span("vendor call", role="client", source=self._source, operation=operation) as span:
            outcome = "no_answer"
            try:
                response = await super().send(request, **how)
                outcome = "ok" if response.is_success else str(response.status_code)
            except UNCONNECTED:
                outcome = "no_connection"
                raise
            finally:  # also where it was cut off
                self._seconds.observe(time.monotonic() - began)
                metrics.vendor_calls.labels(self._source, operation, outcome).inc()
                span.tell(outcome=outcome)
        return response
