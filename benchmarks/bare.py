"""What the durable ack is held against: an endpoint that verifies Ada's signature and answers 200.

The same Starlette, uvicorn, loop and verification; it reads nothing in the body, and keeps nothing.
`python -m benchmarks.bare PORT`, with the secret in ACME_ADA_WEBHOOK_SECRET.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.ada.webhooks import signers_for, verify
from benchmarks.loop import run
from bridge.adapter import Webhook
from bridge.sandbox.stage import HOST


def app(secret: str) -> Starlette:
    signers = signers_for([SecretStr(secret)])

    async def webhook(request: Request) -> Response:
        verify(Webhook("", request.headers, await request.body(), datetime.now(UTC)), signers)
        return JSONResponse({})

    return Starlette(routes=[Route("/webhooks/{source}", webhook, methods=["POST"])])


async def serve(application: ASGIApp, port: int) -> None:
    """As `bridge serve` does."""
    config = uvicorn.Config(application, host=HOST, port=port, log_config=None, access_log=False)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    run(serve(app(os.environ["ACME_ADA_WEBHOOK_SECRET"]), int(sys.argv[1])))
