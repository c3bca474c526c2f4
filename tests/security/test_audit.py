"""The audit of what is pinned, against a service on loopback that answers as OSV documents."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bridge.protocol import Protocol
from bridge.sandbox.stage import free_port
from tests.security.test_slow import served

ROOT = Path(__file__).parent.parent.parent
HASHES = " \\\n    --hash=sha256:00"
OLD = f"Jinja2==2.10 ; python_version < '4'{HASHES}\n"
NEW = f"starlette==1.10.0{HASHES}\nuvicorn[standard]==0.54.0{HASHES}\n"

#: https://ossf.github.io/osv-schema/, of a real one
FOUND = {
    "id": "GHSA-462w-v97r-4m45",
    "aliases": ["CVE-2019-10906"],
    "summary": "Jinja2 sandbox escape via string formatting",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
        }
    ],
}


class OSV:
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.about = dict(FOUND)
        self.instead: Callable[[], Response] | None = None
        self.address = ""
        routes = [Route("/v1/querybatch", self._batch, methods=["POST"]), Route("/v1/vulns/{id}", self._one)]
        self.app = Starlette(routes=routes)

    async def _batch(self, request: Request) -> Response:
        self.asked = json.loads(await request.body())["queries"]
        if self.instead is not None:
            return self.instead()
        names = [one["package"]["name"].lower() for one in self.asked]
        return JSONResponse(
            {"results": [{"vulns": [{"id": FOUND["id"]}]} if one == "jinja2" else {} for one in names]}
        )

    async def _one(self, request: Request) -> Response:
        assert request.path_params["id"] == FOUND["id"]
        return JSONResponse(self.about)


@pytest.fixture
async def osv() -> AsyncIterator[OSV]:
    one = OSV()
    async with served(one.app, Protocol) as port:
        one.address = f"http://127.0.0.1:{port}"
        yield one


async def audit(address: str, *arguments: object) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / ".ci" / "audit.py"),
        *map(str, arguments),
        "--service",
        address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_what_is_known_fails_and_is_named(osv: OSV, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(OLD + NEW)
    code, output, errors = await audit(osv.address, file, "--if-reachable")
    assert code == 1
    assert errors.startswith("Jinja2 2.10: Jinja2 sandbox escape")
    assert "CVE-2019-10906" in errors and "fixed in 2.10.1" in errors
    assert output == "3 packages, 1 known vulnerabilities\n"


async def test_what_is_not_or_was_taken_back_does_not(osv: OSV, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(NEW)
    assert await audit(osv.address, file) == (0, "2 packages, 0 known vulnerabilities\n", "")
    file.write_text(OLD)
    osv.about["withdrawn"] = "2026-01-01T00:00:00Z"
    assert await audit(osv.address, file) == (0, "1 packages, 0 known vulnerabilities\n", "")


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
async def test_everything_that_is_pinned_is_asked_for(osv: OSV, file: str) -> None:
    assert (await audit(osv.address, ROOT / file))[0] == 0
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert len(osv.asked) == len([one for one in lines if one and not one.startswith((" ", "#"))]) > 20
    assert {"starlette", "slack-bolt"} <= {one["package"]["name"] for one in osv.asked}


ANSWERS: dict[str, Callable[[], Response]] = {
    "a proxy's page": lambda: HTMLResponse("<html>"),
    "503": lambda: JSONResponse({}, 503),
    "nothing": lambda: Response(b""),
    "no object": lambda: JSONResponse([]),
    "too few": lambda: JSONResponse({"results": []}),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_what_could_not_be_asked_is_not_taken_for_good(osv: OSV, answer: str) -> None:
    osv.instead = ANSWERS[answer]
    code, output, errors = await audit(osv.address, ROOT / "requirements.txt")
    assert (code, output) == (75, "")
    assert errors.startswith("NOT AUDITED")


async def test_where_nobody_listens() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert (await audit(nowhere, ROOT / "requirements.txt"))[0] == 75
    code, _, errors = await audit(nowhere, ROOT / "requirements.txt", "--if-reachable")
    assert code == 0
    assert errors.startswith("NOT AUDITED")
