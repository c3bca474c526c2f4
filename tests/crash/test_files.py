"""Killed while a file is on its way: shown once, and in its place.

Where it is, is told by what is recorded; that records outlive a kill on both databases is shown elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.sandbox.stage import Process, Stage
from tests import signing
from tests.crash.books import cards, until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

LATE = 5.0  # seconds that Slack takes to answer: time to kill in
PDF = b"%PDF-1.7 " + bytes(100_000)


class Vendor:
    """Ada, telling what Lena sent: a file on the stage's own server, and words after it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.fetched = 0
        self._told = 0
        stage.app.router.routes.append(Route("/media/invoice.pdf", self._file))

    async def _file(self, _request: Request) -> Response:
        self.fetched += 1
        return Response(PDF, media_type="application/pdf")

    async def sends_a_file(self) -> None:
        url = f"{self.stage.base}/media/invoice.pdf"
        file = {"type": "file", "url": url, "mime_type": "application/pdf", "filename": "Invoice.pdf"}
        await self._tell(file)

    async def says(self, text: str) -> None:
        await self._tell({"type": "text", "body": text})

    async def _tell(self, content: dict[str, str]) -> None:
        self._told += 1
        at = datetime.now(UTC).isoformat()
        data = {
            "message_id": f"m{self._told}",
            "conversation_id": "c1",
            "end_user_id": "lena",
            "channel": {"type": "native", "id": "ch", "name": "Chat", "modality": "messaging"},
            "created_at": at,
            "author": {"id": "u", "role": "end_user", "avatar": None, "display_name": "Lena"},
            "content": content,
        }
        body = json.dumps({"type": "v1.conversation.message", "timestamp": at, "data": data}).encode()
        headers = signing.ada(body, self.stage.environ["ACME_ADA_WEBHOOK_SECRET"], id=f"msg_{self._told}")
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"{self.stage.bridge_url}/webhooks/acme-ada"
            assert (await http.post(url, content=body, headers=headers)).status_code == 200


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, channel_rate=0) as stage:
        yield stage


def shown(stage: Stage) -> list[str]:
    return [one.files[0]["name"] if one.files else one.text for card in cards(stage) for one in card.replies]


async def killed_when(stage: Stage, bridge: Process, there: Callable[[], bool], what: str) -> None:
    await until(there, 20, what)
    await bridge.kill()
    stage.slack.faults.clear()
    await stage.serve()


def calls(stage: Stage, method: str) -> int:
    return stage.slack.calls.count(method)


async def ends_in_order(stage: Stage, vendor: Vendor) -> None:
    await vendor.says("is it right?")
    await until(lambda: "is it right?" in shown(stage), 40, f"all of it: {shown(stage)}")
    await asyncio.sleep(0.5)  # for a share that would come too late
    assert shown(stage) == ["Here it is", "Invoice.pdf", "is it right?"]


async def test_before_its_id_is_recorded(stage: Stage) -> None:
    """Slack has the bytes, and nobody knows: they are uploaded again, and the first are never shown."""
    bridge, vendor = await stage.serve(), Vendor(stage)
    stage.slack.faults.next("upload", delay=LATE)
    await vendor.says("Here it is")
    await vendor.sends_a_file()
    files = stage.slack.state.files
    await killed_when(stage, bridge, lambda: any(one.content for one in files.values()), "the bytes")
    await ends_in_order(stage, vendor)
    assert vendor.fetched == len(files) == 2


async def test_between_upload_and_completion(stage: Stage) -> None:
    bridge, vendor = await stage.serve(), Vendor(stage)
    stage.slack.faults.next("files.completeUploadExternal", status=503, delay=LATE)
    await vendor.says("Here it is")
    await vendor.sends_a_file()
    begun = lambda: calls(stage, "files.completeUploadExternal") == 1
    await killed_when(stage, bridge, begun, "the last step asked for, and refused")
    await ends_in_order(stage, vendor)
    assert vendor.fetched == 1


async def test_after_completion(stage: Stage) -> None:
    bridge, vendor = await stage.serve(), Vendor(stage)
    stage.slack.faults.next("files.completeUploadExternal", delay=LATE)
    await vendor.says("Here it is")
    await vendor.sends_a_file()
    await killed_when(stage, bridge, lambda: "Invoice.pdf" in shown(stage), "the file in the thread")
    await ends_in_order(stage, vendor)
    assert calls(stage, "files.completeUploadExternal") == 1


async def test_while_slack_looks_through_it(stage: Stage) -> None:
    bridge, vendor = await stage.serve(), Vendor(stage)
    stage.slack.files.share_delay = 6.0
    await vendor.says("Here it is")
    await vendor.sends_a_file()
    begun = lambda: calls(stage, "files.info") == 1
    await killed_when(stage, bridge, begun, "the file completed, and looked for")
    await ends_in_order(stage, vendor)
    assert calls(stage, "files.completeUploadExternal") == 1


async def test_between_the_reason_and_the_link(stage: Stage) -> None:
    bridge, vendor = await stage.serve(), Vendor(stage)
    stage.slack.faults.next("files.getUploadURLExternal", ok_error="file_uploads_disabled")
    stage.slack.faults.next("chat.postMessage", delay=LATE, when=lambda call: "not kept" in str(call))
    await vendor.says("Here it is")
    await vendor.sends_a_file()
    await killed_when(stage, bridge, lambda: "not kept" in str(shown(stage)), "the link, unanswered")
    await vendor.says("is it right?")
    await until(lambda: "is it right?" in shown(stage), 40, f"all of it: {shown(stage)}")
    first, link, last = shown(stage)
    assert (first, last) == ("Here it is", "is it right?")
    assert link.endswith("The file is not kept in Slack: the workspace does not let files be uploaded.")
