"""The real bridge in the test's own process, where a test has to reach into it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import uvicorn

from bridge.app import Bridge, store_of
from bridge.config import load
from bridge.registry import adapters
from bridge.sandbox.stage import HOST, Stage
from bridge.server import listening
from tests.bridge.scene import later, ready


@contextlib.asynccontextmanager
async def in_process(stage: Stage) -> AsyncIterator[Bridge]:
    """As `bridge serve` runs it, on the stage's port."""
    config = load(stage.config, stage.environ, adapters())
    store = store_of(config)
    await store.migrate()
    bridge = Bridge(config, store)
    server = uvicorn.Server(
        uvicorn.Config(bridge.asgi(), log_config=None, access_log=False, timeout_keep_alive=100)
    )
    serving = asyncio.create_task(server.serve(listening(HOST, stage.bridge_port)))
    try:
        while not server.started:
            await asyncio.sleep(0.01)

        async def is_ready() -> bool:
            return (await ready(stage))[0] == 200

        await later(is_ready, "the bridge in this process")
        yield bridge
    finally:
        server.should_exit = True
        await serving
