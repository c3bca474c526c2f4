"""Vendors' files in the thread: the bridge in this process, the sandbox's Slack and a vendor's server."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.app import Bridge, store_of
from bridge.config import Media, load
from bridge.model import AnyPart, Audio, Author, File, Image, Role, Text, Video
from bridge.registry import adapters
from bridge.sandbox.slack import Message as Posted
from bridge.sandbox.stage import Stage
from bridge.sandbox.vendors.moveo import MoveoConversation
from bridge.slack import files
from tests.media.web import Web, serving
from tests.stores import receive, said

PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)
LENA = Author(role=Role.CUSTOMER, name="Lena", avatar="https://img.example.org/lena.png")


class World:
    """One conversation, `c1`, of Lena's; `web` is the server her files are on."""

    def __init__(self, stage: Stage, bridge: Bridge, web: Web) -> None:
        self.stage = stage
        self.slack = stage.slack
        self.bridge = bridge
        self.web = web
        self._numbers = itertools.count()

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.web.port}{path}"

    async def say(self, *parts: AnyPart, source: str = "acme-ada", conversation: str = "c1") -> None:
        message = said(conversation, next(self._numbers), source=source)
        await receive(self.bridge.store, message.model_copy(update={"author": LENA, "parts": parts}))

    @property
    def replies(self) -> list[Posted]:
        roots = [one for channel in self.slack.state.channels for one in self.slack.state.messages(channel)]
        return [reply for root in roots if not root.is_reply for reply in root.replies]

    @property
    def shown(self) -> list[str]:
        """What stands in the thread, in order: texts, and names of files."""
        return [" ".join([one.text, *(file["name"] for file in one.files)]).strip() for one in self.replies]

    async def until(self, look: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(20):
                while not look():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"in the thread: {self.shown}") from None

    async def shows(self, *expected: str) -> None:
        """In the end exactly these, after one more message: lanes are in order."""
        await self.say(Text(text="the end"))
        await self.until(lambda: self.shown[-1:] == ["the end"])
        assert self.shown == [*expected, "the end"]

    def calls(self, method: str) -> list[Any]:
        return self.slack.calls.of(method)


@contextlib.asynccontextmanager
async def running(folder: Path, **options: Any) -> AsyncIterator[World]:
    async with Stage(folder, **options) as stage, serving() as web:
        config = load(stage.config, stage.environ, adapters())
        hosts = (*config.media.allow_hosts, f"127.0.0.1:{web.port}")
        media = Media(allow_hosts=hosts, max_size="100KB", timeout="5s")
        store = store_of(config)
        await store.migrate()
        bridge = Bridge(dataclasses.replace(config, media=media), store)
        await bridge.start(listen=False)
        try:
            yield World(stage, bridge, web)
        finally:
            await bridge.stop()


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(files, "WAITS", (0.02, 0.02))
    monkeypatch.setattr(files, "LOOKS", (0.05, 0.1, 0.2, 0.4))
    async with running(tmp_path, channel_rate=0) as one:
        yield one


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


async def test_text_and_files_in_their_order_under_the_authors_name(world: World) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.web.has("/v", b"%PDF-1.7", content_type="application/pdf")
    await world.say(
        Text(text="Look"),
        Image(url=world.at("/1.png"), name="My desk"),
        Image(url=world.at("/1.png")),
        Text(text="and read"),
        File(url=world.at("/v"), name="Invoice", mime_type="application/pdf"),
    )
    await world.shows("Look", "My desk.png", "1.png", "and read", "Invoice.pdf")
    for one in world.replies:
        assert (one.username, one.icons) == ("Lena (customer)", {"image_48": LENA.avatar})
    photo = world.replies[1]
    assert photo.subtype == "file_share" and photo.text == "" and photo.blocks == []
    kept = world.slack.state.files[photo.files[0]["id"]]
    assert (kept.content, kept.title, kept.alt_txt) == (PNG, "My desk", "My desk")
    assert len(world.calls("files.completeUploadExternal")) == 3


async def test_a_conversation_may_begin_with_a_file(world: World) -> None:
    world.web.has("/v.mp4", b"moving", content_type="video/mp4")
    await world.say(Video(url=world.at("/v.mp4")))
    await world.shows("v.mp4")


async def test_what_was_said_stands_beside_the_audio(world: World) -> None:
    world.web.has("/x", b"ID3", content_type="audio/mpeg")
    await world.say(Audio(url=world.at("/x"), transcript="Your parcel <!here>\nis on its way."))
    await world.shows("x.mp3")
    (quote,) = world.replies[0].blocks[0]["elements"]
    assert quote["type"] == "rich_text_quote"
    assert quote["elements"] == [{"type": "text", "text": "Your parcel <!here>\nis on its way."}]


async def test_a_message_that_comes_while_slack_still_looks_through_a_file(world: World) -> None:
    world.slack.files.share_delay = 0.4
    world.web.has("/1.png", PNG, content_type="image/png")
    await world.say(Image(url=world.at("/1.png")))
    await world.shows("1.png")


async def test_slacks_pace_holds_for_files_and_nothing_is_fetched_twice(tmp_path: Path) -> None:
    async with running(tmp_path, channel_rate=4.0) as world:
        world.web.has("/1.png", PNG, content_type="image/png")
        await world.say(*(Image(url=world.at("/1.png")) for _ in range(6)))
        await world.shows(*["1.png"] * 6)
        assert [call for call in world.slack.calls.recent if call.error == "429"] == []
        assert len(world.web.requests) == len(world.calls("files.getUploadURLExternal")) == 6


# ── what stays a link ────────────────────────────────────────────────────────────────────────────


def link(world: World, path: str, reason: str) -> str:
    return f"Image: {world.at(path)}\nThe image is not kept in Slack: {reason}."


async def test_a_dead_image_costs_nothing_but_itself(world: World) -> None:
    world.web.has("/gone.png", status="404 Not Found")
    world.web.has("/1.png", PNG, content_type="image/png")
    parts = (Image(url=world.at("/gone.png")), Text(text="and"), Image(url=world.at("/1.png")))
    await world.say(Text(text="Look"), *parts)
    reason = "its host answers 404; the link may have expired"
    await world.shows("Look", link(world, "/gone.png", reason), "and", "1.png")
    assert world.replies[1].username == "Lena (customer)"
    assert len(world.web.requests) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": bytes(100 * 1024 + 1)}, "it is larger than 0.0977 MB"),
        ({"body": b"<html>Sign in</html>", "content_type": "text/html"}, "its address leads to a web page"),
        ({"status": "302 Found", "location": "http://10.0.0.1/"}, "its address leads into a private network"),
        ({}, "it is empty"),
    ],
)
async def test_what_is_no_image(world: World, answer: dict[str, Any], reason: str) -> None:
    world.web.has("/x", **answer)
    await world.say(Image(url=world.at("/x")))
    await world.shows(link(world, "/x", reason))
    assert world.calls("files.getUploadURLExternal") == []


async def test_too_large_by_the_vendors_own_word(world: World) -> None:
    await world.say(File(url=world.at("/x"), name="film.mov", size=2**40))
    await world.until(lambda: "larger than" in "".join(world.shown))
    assert world.web.requests == []


async def test_a_vendor_that_is_away_for_a_moment(world: World) -> None:
    answers = [b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", b""]

    async def third_time(writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0) if answers else b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + PNG)

    world.web.paths["/1.png"] = third_time
    await world.say(Text(text="Look"), Image(url=world.at("/1.png")))
    await world.shows("Look", "1.png")


async def test_a_vendor_that_is_away(world: World) -> None:
    world.web.has("/1.png", status="503 Busy")
    await world.say(Image(url=world.at("/1.png")))
    await world.shows(link(world, "/1.png", "its host answers 503"))
    assert len(world.web.requests) == 3


@pytest.mark.parametrize(
    ("method", "fault", "reason"),
    [
        (
            "files.getUploadURLExternal",
            {"ok_error": "file_uploads_disabled"},
            "the workspace does not let files be uploaded",
        ),
        (
            "files.completeUploadExternal",
            {"ok_error": "file_not_found"},
            "Slack does not have the file any more",
        ),
        ("upload", {"status": 413}, "Slack answered its bytes with 413"),
        ("upload", {"status": 500, "times": 3}, "Slack answered its bytes with 500"),
    ],
)
async def test_slack_will_not_have_it(world: World, method: str, fault: dict[str, Any], reason: str) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.slack.faults.next(method, **fault)
    await world.say(Image(url=world.at("/1.png")))
    await world.shows(link(world, "/1.png", reason))


async def test_without_the_scope_the_conversation_goes_on(world: World) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.slack.state.app.scopes.remove("files:write")
    await world.say(Image(url=world.at("/1.png")))
    await world.shows(link(world, "/1.png", "the app lacks a permission in Slack"))


async def test_slack_promises_and_does_not_show(world: World) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.slack.files.share_delay = None
    await world.say(Image(url=world.at("/1.png")))
    await world.shows(link(world, "/1.png", "Slack took it, but does not show it"))
    assert world.slack.state.files == {}


# ── once ─────────────────────────────────────────────────────────────────────────────────────────


async def test_slack_is_away_for_a_moment(world: World) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.slack.faults.next("files.getUploadURLExternal", status=503, times=2)
    world.slack.faults.next("upload", reset=True)
    world.slack.faults.next("files.completeUploadExternal", status=503)
    world.slack.faults.next("files.info", status=500, times=2)
    await world.say(Text(text="Look"), Image(url=world.at("/1.png")), Text(text="nice"))
    await world.shows("Look", "1.png", "nice")


@pytest.mark.parametrize("booked", [True, False])
async def test_no_answer_to_the_last_step(world: World, booked: bool) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.slack.faults.next("files.completeUploadExternal", reset=booked, drop=not booked)
    await world.say(Image(url=world.at("/1.png")))
    await world.shows("1.png")
    assert len(world.web.requests) == 1
    assert len(world.calls("files.completeUploadExternal")) == (1 if booked else 2)


async def test_where_the_file_cannot_be_asked_about_the_thread_is(world: World) -> None:
    world.web.has("/1.png", PNG, content_type="image/png")
    world.slack.state.app.scopes.remove("files:read")
    await world.say(Image(url=world.at("/1.png")))
    await world.shows("1.png")


# ── files that the vendor keeps ──────────────────────────────────────────────────────────────────


async def kept(world: World, content: bytes) -> tuple[MoveoConversation, str]:
    """A session at Moveo, and the id of a file in it."""
    moveo = world.stage.moveo
    session = moveo.create(None, {})
    key = world.stage.environ["ACME_MOVEO_API_KEY"]
    api = f"{world.stage.base}/moveo/v1/custom/{moveo.integration_id}/sessions/{session.id}"
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"apikey {key}"}) as http:
        asked = {"filename": "Invoice.pdf", "content_type": "application/pdf"}
        told = (await http.post(f"{api}/files/upload-url", json=asked)).json()
    async with httpx.AsyncClient(trust_env=False) as http:
        put = await http.put(told["upload_url"], content=content, headers={"content-type": "application/pdf"})
        assert put.status_code == 200
    return session, told["file_id"]


async def test_a_file_that_the_vendor_keeps(world: World) -> None:
    session, id = await kept(world, b"%PDF-1.7")
    world.stage.moveo.faults.next("*/files/download-url", status=503)
    await world.say(File(id=id, name="Invoice.pdf"), source="acme-moveo", conversation=session.id)
    await world.until(lambda: world.shown == ["Invoice.pdf"])
    assert world.slack.state.files[world.replies[0].files[0]["id"]].content == b"%PDF-1.7"


async def test_a_file_that_the_vendor_does_not_know(world: World) -> None:
    session, _ = await kept(world, b"%PDF-1.7")
    await world.say(File(id="other", name="Invoice.pdf"), source="acme-moveo", conversation=session.id)
    await world.until(lambda: len(world.replies) == 1)
    assert world.shown[0].startswith(
        "File: Invoice.pdf (the vendor keeps it)\nThe file is not kept in Slack: "
    )
    assert "invalid-payload" in world.shown[0]


async def test_a_vendor_that_gives_no_address(world: World) -> None:
    await world.say(File(id="f-1", name="Invoice.pdf"))
    expected = "The file is not kept in Slack: its vendor gives no address for it."
    await world.shows(f"File: Invoice.pdf (the vendor keeps it)\n{expected}")
