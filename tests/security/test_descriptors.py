"""Connections until no file descriptor is left: logged once, shown by /readyz, over with them."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bridge.sandbox.stage import HOST, Process, Stage
from tests.bridge.scene import later
from tests.security.test_requests import alive

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPARE = 30  # descriptors that the process may still open


@pytest.fixture
def limited(stage: Stage, bridge: Process) -> Iterator[Process]:
    used = len(list(Path(f"/proc/{bridge.pid}/fd").iterdir()))
    before = resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (used + SPARE, before[1]))
    yield bridge
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux sets the limit of another process")
async def test_it_is_said_once_and_shown(stage: Stage, limited: Process) -> None:
    ready = f"{stage.bridge_url}/readyz"
    limits = httpx.Limits(max_keepalive_connections=1, keepalive_expiry=60)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=60) as http:
        assert (await http.get(ready)).json() == {"ready": True, "missing": {}}

        async def told() -> bool:
            answer = await http.get(ready)  # by the connection that is open
            return answer.status_code == 503 and "file descriptors" in answer.json()["missing"]["descriptors"]

        with contextlib.ExitStack() as stack:
            for _ in range(3 * SPARE):
                stack.enter_context(socket.create_connection((HOST, stage.bridge_port), timeout=60))
            await later(told, "a bridge that says so", 60)
            assert await told()

        async def over() -> bool:
            return bool((await http.get(ready)).json() == {"ready": True, "missing": {}})

        await later(over, "a bridge that takes connections again", 60)
    log = limited.log.read_text()
    assert log.count("file descriptors of the process are in use") == 1
    assert "ulimit -n" in log
    assert log.count("file descriptors are free again") == 1
    assert "Traceback" not in log
    await alive(stage, limited)
