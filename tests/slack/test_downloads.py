"""Fetching what people post, from a Slack that may be as wrong as it likes; the token stays with Slack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import pytest
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bridge.config import Media, Slack
from bridge.engine.ports import Ledger
from bridge.errors import DeliveryError, FileUnavailable, Rejected, RetryAfter, RetryLater
from bridge.slack.api import SlackApi
from bridge.slack.downloads import Downloads
from bridge.slack.links import Links
from tests.media.web import Web, serving

TOKEN = "xoxb-secret"
LOGIN = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 5000
AT = datetime(2026, 5, 4, tzinfo=UTC)

VOICE = {"name": "audio_message.mp4", "subtype": "slack_audio"}
WEBM = {"name": "audio_message.webm", "subtype": "slack_audio", "media_display_type": "audio"}


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as one:
        yield one


@asynccontextmanager
async def made(web: Web, **settings: Any) -> AsyncIterator[Downloads]:
    """Where `web` is Slack."""
    api_url = f"http://127.0.0.1:{web.port}/api/"
    async with aiohttp.ClientSession() as http:
        client = AsyncWebClient(TOKEN, base_url=api_url, session=http, retry_handlers=[])
        api = SlackApi(client, Slack(), cast("Ledger", None))
        links = Links("https://bridge.example.org", (SecretStr("s"),), 60.0)
        downloads = Downloads(api, Media(**settings), links, token=SecretStr(TOKEN), api_url=api_url)
        try:
            yield downloads
        finally:
            await downloads.close()


def told(web: Web, **changes: Any) -> dict[str, Any]:
    """Slack's file object."""
    url = f"http://127.0.0.1:{web.port}/f"
    known = {"id": "F1", "name": "a.pdf", "mimetype": "application/pdf", "size": len(PDF), "mode": "hosted"}
    return {**known, "url_private": f"{url}?view", "url_private_download": url, **changes}


def knows(web: Web, **answer: Any) -> None:
    """What files.info answers."""
    web.has("/api/files.info?file=F1", json.dumps(answer).encode(), content_type="application/json")


async def download(web: Web, settings: dict[str, Any] | None = None, **changes: Any) -> tuple[Any, bytes]:
    async with made(web, **(settings or {})) as downloads:
        posted = await downloads.posted(told(web, **changes))
        async with posted.open() as upload:
            return upload, upload.content.read()


async def fails(web: Web, settings: dict[str, Any] | None = None, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await download(web, settings, **changes)
    assert TOKEN not in str(caught.value)
    return caught.value


def tokens(web: Web) -> list[bool]:
    """Of each request, whether it brought the token."""
    return [TOKEN in request for request in web.requests]


# ── what arrives ─────────────────────────────────────────────────────────────────────────────────


async def test_the_bytes_come_for_the_token(web: Web) -> None:
    web.has("/f", PDF, content_type="application/pdf")
    upload, content = await download(web)
    assert content == PDF
    assert (upload.name, upload.mime_type, upload.size) == ("a.pdf", "application/pdf", len(PDF))
    assert f"Authorization: Bearer {TOKEN}\r\n" in web.requests[0]


@pytest.mark.parametrize(
    ("given", "name", "mime_type"),
    [
        ({"name": "../../etc/passwd"}, "etc passwd.pdf", "application/pdf"),
        ({"name": 'a\r\nb"c\u202e.pdf'}, "a b c .pdf", "application/pdf"),
        ({"name": None, "title": "Invoice"}, "Invoice.pdf", "application/pdf"),
        ({"name": None}, "file.pdf", "application/pdf"),
        ({"name": "a.heic", "mimetype": "image/heic"}, "a.heic", "image/heic"),
        ({"name": "app.log", "mimetype": "text/plain"}, "app.log", "text/plain"),
        ({"mimetype": None}, "a.pdf", "application/pdf"),
        ({"mimetype": "x\r\ny: z"}, "a.pdf", "application/pdf"),
        ({"name": "a", "mimetype": ""}, "a", "application/octet-stream"),
        ({"name": "a.pdf", "mimetype": "application/octet-stream"}, "a.pdf", "application/pdf"),
        ({"name": "Untitled", "mimetype": "text/plain", "mode": "snippet"}, "Untitled.txt", "text/plain"),
        ({"name": "Report v1.2"}, "Report v1.2.pdf", "application/pdf"),
        ({"name": "Invoice No. 7"}, "Invoice No. 7.pdf", "application/pdf"),
        ({"name": "noext"}, "noext.pdf", "application/pdf"),
        ({"name": "تقرير نهائي.pdf"}, "تقرير نهائي.pdf", "application/pdf"),
        ({"name": "می\u200cخواهم.pdf"}, "می\u200cخواهم.pdf", "application/pdf"),
        ({"name": "👩\u200d💻.png", "mimetype": "image/png"}, "👩\u200d💻.png", "image/png"),
        ({"name": "IMG_0042.HEIC", "mimetype": "image/heic"}, "IMG_0042.HEIC", "image/heic"),
        ({"name": "photo.jfif", "mimetype": "image/jpeg"}, "photo.jpg", "image/jpeg"),
        ({**VOICE, "mimetype": "video/mp4"}, "audio_message.mp4", "audio/mp4"),
        ({**VOICE, "mimetype": "audio/mp4"}, "audio_message.mp4", "audio/mp4"),
        ({**VOICE, "mimetype": "video/quicktime"}, "audio_message.mp4", "audio/mp4"),
        ({**WEBM, "mimetype": "audio/webm"}, "audio_message.webm", "audio/webm"),
        ({**WEBM, "mimetype": "video/webm"}, "audio_message.webm", "audio/webm"),
        ({"name": "clip.mp4", "mimetype": "video/mp4", "subtype": "slack_video"}, "clip.mp4", "video/mp4"),
        ({"name": "clip.mp4", "mimetype": "video/mp4"}, "clip.mp4", "video/mp4"),
    ],
    ids=str,
)
async def test_name_and_type_can_be_used(web: Web, given: dict[str, Any], name: str, mime_type: str) -> None:
    web.has("/f", PDF)
    upload, _ = await download(web, **given)
    assert (upload.name, upload.mime_type) == (name, mime_type)


async def test_the_plain_address_will_do(web: Web) -> None:
    web.has("/f?view", PDF)
    assert (await download(web, url_private_download=None))[1] == PDF


async def test_a_page_that_was_posted_is_a_file(web: Web) -> None:
    web.has("/f", LOGIN, content_type="text/html")
    assert (await download(web, name="a.html", mimetype="text/html", size=len(LOGIN)))[1] == LOGIN


async def test_slack_may_lead_on_within_its_host(web: Web) -> None:
    web.has("/f", status="302 Found", location="/g")
    web.has("/g", PDF)
    assert (await download(web))[1] == PDF
    assert tokens(web) == [True, True]


async def test_what_slack_wants_to_be_asked_about_is_asked_for(web: Web) -> None:
    knows(web, ok=True, file=told(web))
    web.has("/f", PDF)
    async with made(web) as downloads:
        posted = await downloads.posted({"id": "F1", "file_access": "check_file_info", "mode": "hosted"})
        assert (posted.name, posted.size) == ("a.pdf", len(PDF))
        async with posted.open() as upload:
            assert upload.content.read() == PDF


# ── the token goes nowhere else ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Again", "308 Moved"])
async def test_no_other_host_is_asked(web: Web, status: str) -> None:
    async with serving() as elsewhere:
        elsewhere.has("/g", PDF)
        web.has("/f", status=status, location=f"http://127.0.0.1:{elsewhere.port}/g")
        error = await fails(web)
        assert elsewhere.requests == []
    assert isinstance(error, Rejected)
    assert "the app lacks files:read" in error.problem


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/f",
        "https://slack.com.evil.example.org/f",
        "https://evilslack.com/f",
        "http://files.slack.com/f",
        "https://files.slack.com@evil.example.org/f",
        "file:///etc/passwd",
        "https://[",
        "/f",
    ],
)
async def test_an_address_that_is_not_slacks_is_not_asked(web: Web, url: str) -> None:
    error = await fails(web, url_private_download=url)
    assert isinstance(error, Rejected)
    assert error.problem == "“a.pdf” is not at an address of Slack's"


async def test_slack_does_not_lead_on_for_ever(web: Web) -> None:
    web.has("/f", status="302 Found", location="/f")
    assert isinstance(await fails(web), Rejected)
    assert len(web.requests) == 4


# ── what does not arrive ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "headers", "changes"),
    [
        (LOGIN, {"content_type": "text/html; charset=utf-8"}, {}),
        (LOGIN, {}, {}),
        (b"\n  <html lang=en>", {"content_type": "application/pdf"}, {}),
        (PDF, {"content_type": "text/html"}, {}),
        (LOGIN, {"content_type": "text/html"}, {"mimetype": "text/html", "name": "a.html"}),
    ],
    ids=range(5),
)
async def test_a_login_page_is_no_file(
    web: Web, body: bytes, headers: dict[str, str], changes: dict[str, Any]
) -> None:
    web.has("/f", body, **headers)
    error = await fails(web, **changes)
    assert isinstance(error, Rejected)
    assert error.problem == "Slack shows its login page instead of the file: the app lacks files:read"
    assert error.remedy == "Add the scope files:read to the app and install it again"


@pytest.mark.parametrize("code", ["file_not_found", "file_deleted"])
async def test_a_file_that_slack_does_not_know_may_have_been_taken_off(web: Web, code: str) -> None:
    knows(web, ok=False, error=code)
    web.has("/f", status="404 Not Found")
    assert isinstance(await fails(web, file_access="check_file_info"), FileUnavailable)
    assert isinstance(await fails(web, mode="tombstone"), FileUnavailable)
    assert isinstance(await fails(web), FileUnavailable)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mode": "external"}, "is not kept in Slack, but elsewhere"),
        ({"is_external": True}, "is not kept in Slack, but elsewhere"),
        ({"mode": "email", "mimetype": "text/html"}, "is an e-mail that Slack keeps"),
        ({"mode": "tombstone"}, "was deleted in Slack"),
        ({"mode": "hidden_by_limit"}, "past the limit of its plan"),
        ({"file_access": "access_denied"}, "is not shown to the app"),
        ({"file_access": "file_not_found"}, "is not shown to the app"),
        ({"url_private": None, "url_private_download": None}, "is not shown to the app"),
        ({"size": 20 * 1024**2 + 1}, "is larger than 20 MB"),
    ],
    ids=str,
)
async def test_what_cannot_be_fetched_is_said_in_words(web: Web, changes: dict[str, Any], words: str) -> None:
    error = await fails(web, **changes)
    assert isinstance(error, Rejected)
    assert words in error.problem
    assert web.requests == []


CANVAS = {
    "name": "Refund_policy",
    "title": "Refund policy",
    "mimetype": "application/vnd.slack-docs",
    "filetype": "quip",
    "mode": "quip",
    "pretty_type": "Canvas",
}


@pytest.mark.parametrize(
    ("changes", "document"),
    [
        (CANVAS, "canvas"),
        ({**CANVAS, "mode": "canvas", "filetype": "canvas", "mimetype": "text/html"}, "canvas"),
        ({**CANVAS, "mode": "hosted", "filetype": "quip", "mimetype": None}, "canvas"),
        ({**CANVAS, "mode": "hosted", "filetype": None}, "canvas"),
        ({**CANVAS, "mode": "list", "filetype": "list", "mimetype": "application/vnd.slack-list"}, "list"),
        ({**CANVAS, "mode": "hosted", "filetype": "x", "mimetype": "application/vnd.slack-list"}, "list"),
        ({**CANVAS, "mode": "space", "filetype": "space", "mimetype": "text/plain"}, "post"),
        ({**CANVAS, "mode": "new", "filetype": "new", "mimetype": "application/vnd.slack-new"}, "document"),
        *[
            ({**CANVAS, "mode": mode, "filetype": mode, "mimetype": None}, "document")
            for mode in ("huddle_transcript", "workflow", "salesforce_record")
        ],
        ({**CANVAS, "size": 10**9, "url_private": None, "url_private_download": None}, "canvas"),
    ],
    ids=str,
)
async def test_slacks_own_documents_are_named_and_not_asked_for(
    web: Web, changes: dict[str, Any], document: str
) -> None:
    web.has("/f", LOGIN, content_type="text/html")
    error = await fails(web, **changes)
    assert isinstance(error, Rejected)
    assert error.problem == f"“Refund policy” is a {document} of Slack's, which cannot be sent"
    assert error.remedy == f"Copy its text into a reply, or attach the {document} as a PDF file"
    assert web.requests == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("file_not_found", "a file was deleted in Slack"),
        ("file_deleted", "a file was deleted in Slack"),
        ("access_denied", "a file is not shown to the app by Slack"),
    ],
)
async def test_a_file_that_slack_says_nothing_of(web: Web, code: str, words: str) -> None:
    knows(web, ok=False, error=code)
    async with made(web) as downloads:
        with pytest.raises(Rejected) as caught:
            await downloads.posted({"id": "F1", "file_access": "check_file_info"})
    assert caught.value.told == f"{words}. Attach it to a new reply in this thread"


async def test_more_than_was_said_is_not_read(web: Web) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(bytes(64 * 1024))
            await writer.drain()

    web.paths["/f"] = endless
    error = await fails(web, {"max_size": 1024**2}, size=1)
    assert error.problem == "“a.pdf” is larger than 1 MB"


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("404 Not Found", FileUnavailable),
        ("410 Gone", FileUnavailable),
        ("401 Unauthorized", FileUnavailable),
        ("403 Forbidden", FileUnavailable),
        ("429 Busy", RetryAfter),
        ("500 Oops", RetryLater),
        ("503 Away", RetryLater),
    ],
)
async def test_what_slack_answers(web: Web, status: str, meaning: type[DeliveryError]) -> None:
    web.has("/f", status=status)
    assert type(await fails(web)) is meaning


@pytest.mark.parametrize("seconds", ["7", "soon"])
async def test_slacks_pace_is_kept(web: Web, seconds: str) -> None:
    web.has("/f", status="429 Busy", retry_after=seconds)
    error = await fails(web)
    assert isinstance(error, RetryAfter)
    assert error.seconds == (7.0 if seconds == "7" else 5.0)


async def test_what_breaks_off_is_tried_again(web: Web) -> None:
    web.has("/f", PDF, content_length=str(len(PDF) + 1))
    assert "could not be read from Slack" in (await fails(web)).problem
    web.paths["/f"] = b""
    assert isinstance(await fails(web), RetryLater)


async def test_what_takes_too_long_is_tried_again(web: Web) -> None:
    released = asyncio.Event()

    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n" + bytes(1000))
        await writer.drain()
        await released.wait()

    web.paths["/f"] = slow
    error = await fails(web, {"timeout": 0.3})
    released.set()
    assert isinstance(error, RetryLater)
    assert "within 0.3 s" in error.problem or "could not be read" in error.problem


async def test_without_the_scope_files_info_says_so_at_once(web: Web) -> None:
    knows(web, ok=False, error="missing_scope")
    async with made(web) as downloads:
        with pytest.raises(Rejected, match="files:read"):
            await downloads.known("F1")


# ── links ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_link_is_given_only_to_what_is_there(web: Web) -> None:
    web.has("/f", PDF)
    async with made(web) as downloads:
        posted = await downloads.posted(told(web))
        assert await posted.link(AT) == await posted.link(AT)
        web.has("/f", LOGIN)
        with pytest.raises(Rejected, match="files:read"):
            await posted.link(AT)
