"""The guide's vendor beside the sandbox, and a real `bridge serve` that finds its adapter as a package."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.routing import Mount

from bridge.sandbox.stage import Stage
from tests.newvendor.server import WhimbrelServer
from tests.vendors import WHIMBREL_SECRET

HERE = Path(__file__).parent
KEY = "the-key-of-whimbrel"
#: as docs/new-vendor.md has it; where Whimbrel is follows
CONFIG = (HERE / "config.toml").read_text()


@dataclass
class Set:
    """The stage with Whimbrel on it."""

    stage: Stage
    whimbrel: WhimbrelServer

    async def bridge(self, *arguments: str) -> tuple[int, str]:
        """What `bridge COMMAND …`, as a process of its own, ends with and prints."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", *arguments),
            env=self.stage.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        assert process.returncode is not None
        assert KEY.encode() not in printed
        assert WHIMBREL_SECRET.encode() not in printed
        return process.returncode, printed.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Set]:
    stage = Stage(tmp_path_factory.mktemp("stage"), channel_rate=0, route='alert_channel = "C0HANDOFFS"')
    url = f"{stage.bridge_url}/webhooks/acme-whimbrel"
    whimbrel = WhimbrelServer(api_key=KEY, webhook_secret=WHIMBREL_SECRET, webhook_url=url)
    stage.app.routes.append(Mount("/whimbrel", whimbrel.app))
    source = f'{CONFIG}base_url = "{stage.base}/whimbrel"\n\n[[routes]]'
    stage.config.write_text(stage.config.read_text().replace("[[routes]]", source, 1))
    stage.environ |= {
        "PYTHONPATH": str(HERE),
        "ACME_WHIMBREL_API_KEY": KEY,
        "ACME_WHIMBREL_WEBHOOK_SECRET": WHIMBREL_SECRET,
    }
    async with stage:
        await whimbrel.start()
        await stage.serve()
        yield Set(stage, whimbrel)
        await whimbrel.stop()
