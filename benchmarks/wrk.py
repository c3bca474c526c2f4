"""Load from wrk (https://github.com/wg/wrk): compiled, so that the generator is not what is measured."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("requests.lua")
CLIENTS = 32
MISSING = """\
wrk is not on the PATH. It makes the load of: {names}.
Install it:  apt-get install wrk   (Debian, Ubuntu)
             brew install wrk      (macOS)
or build it: https://github.com/wg/wrk\
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk counted in one run; p50 and p99 in seconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def is_there() -> bool:
    return shutil.which("wrk") is not None


async def press(url: str, file: Path, seconds: float, *, distinct: int | None = None) -> Load:
    """Send the requests in `file` from 32 clients, each as soon as its last one was answered.

    Where no request may go twice, `distinct` says how many there are. Raises `RuntimeError` if one was not
    answered with a 2xx, or went twice.
    """
    command = ("wrk", "-t1", f"-c{CLIENTS}", f"-d{max(1, round(seconds))}s", "--timeout", "10s")
    process = await asyncio.create_subprocess_exec(
        *command, "-s", str(SCRIPT), url, "--", str(file), "1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(seconds + 30):
        printed = (await process.communicate())[0].decode()
    found = [line for line in printed.splitlines() if line.startswith("RESULT ")]
    if process.returncode or not found:
        raise RuntimeError(f"wrk failed:\n{printed}")
    load = Load(**json.loads(found[0].removeprefix("RESULT ")))
    if load.refused or load.broken:
        raise RuntimeError(f"{load.refused} requests refused, {load.broken} broken at {url}")
    if distinct is not None and load.requests > distinct - CLIENTS - 1:
        raise RuntimeError(f"wrk needed {load.requests} requests, and had {distinct}")
    return load
