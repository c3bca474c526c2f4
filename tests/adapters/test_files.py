"""Files of agents at the vendors: uploaded unseen, then shown by one message each."""

from __future__ import annotations

import email.parser
import io
import json
from typing import Any

import httpx
import pytest

from bridge.adapter import FileRules, TakesFiles, Upload
from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.model import ConversationKey, File, Sent
from tests.vendors import VENDORS, Answer, Answering, make, reply

CONTENT = bytes(range(256)) * 700
NAME = "Rechnung für Lena.pdf"


def file(name: str = NAME, mime_type: str = "application/pdf") -> Upload:
    return Upload(name, mime_type, len(CONTENT), io.BytesIO(CONTENT))


async def upload(vendor: str, answer: Answer, **told: str) -> tuple[Any, list[httpx.Request]]:
    http = Answering(answer)
    key = ConversationKey(source=f"acme-{vendor}", id="c/1 ä")
    return await make(vendor, http=http).upload(key, file(**told)), http.requests


async def refused(vendor: str, answer: Answer) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await upload(vendor, answer)
    assert "the-key" not in str(caught.value)
    assert NAME not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("vendor", VENDORS)
def test_who_stores_files_takes_them_and_who_does_not_gets_links(vendor: str) -> None:
    adapter = make(vendor)
    rules = adapter.capabilities.files

    assert (rules.how == "upload") == isinstance(adapter, TakesFiles)


@pytest.mark.parametrize(
    ("name", "size", "objection"),
    [
        ("a.pdf", 10, None),
        ("A.PDF", 10, None),
        ("a.tar.pdf", 10, None),
        ("a.webp", 10, "does not take .webp files"),
        ("pdf", 10, "takes no files without an ending"),
        ("a.pdf.", 10, "takes no files without an ending"),
        ("a.pdf", 11, "takes files up to 9.54e-06 MB"),
    ],
)
def test_rules(name: str, size: int, objection: str | None) -> None:
    rules = FileRules(how="upload", endings=frozenset({"pdf"}), max_size=10)

    assert rules.objection(name, size) == objection
    assert FileRules(how="link").objection(name, size) is None


# ── Ada ──────────────────────────────────────────────────────────────────────────────────────────

ADA = {"url": "https://bucket.example.org/f/1?X-Sig=2", "mime_type": "application/pdf", "filename": "f.pdf"}


async def test_ada_takes_a_form() -> None:
    part, (request,) = await upload("ada", httpx.Response(201, json=ADA))

    assert str(request.url) == "https://acme.ada.support/api/v2/conversations/c%2F1%20%C3%A4/attachments/"
    assert request.headers["authorization"] == "Bearer the-key"
    kind, boundary = request.headers["content-type"].split("; boundary=")
    assert kind == "multipart/form-data"
    _, field, end = request.content.split(f"--{boundary}".encode())
    head, _, content = field.partition(b"\r\n\r\n")
    headers = email.parser.HeaderParser().parsestr(head.decode().lstrip())
    assert headers.get_param("name", header="content-disposition") == "file"
    assert headers.get_filename() == NAME
    assert headers.get_content_type() == "application/pdf"
    assert (content, end) == (CONTENT + b"\r\n", b"--\r\n")
    assert part == File(url=ADA["url"], name=NAME, mime_type="application/pdf")


async def test_ada_shows_what_it_has_by_a_message() -> None:
    http = Answering(httpx.Response(201, json={"id": "m-1"}))
    part = File(url=ADA["url"], name=NAME, mime_type="application/pdf")

    assert await make("ada", http=http).send(reply("ada", part)) == Sent(ref="m-1")
    assert json.loads(http.requests[0].content)["content"] == {
        "type": "file",
        "url": ADA["url"],
        "mime_type": "application/pdf",
        "filename": NAME,
    }


@pytest.mark.parametrize("found", [True, False])
async def test_ada_is_asked_for_a_file_by_its_name(found: bool) -> None:
    entry = {
        "message_id": "m-7",
        "created_at": "2026-05-04T09:17:01+00:00",
        "author": {"role": "human_agent", "display_name": "Mina K."},
        "content": {**ADA, "type": "file", "filename": NAME if found else "other.pdf", "body": NAME},
    }
    http = Answering(httpx.Response(200, json={"data": [entry], "meta": {"next_page_url": None}}))
    asked = reply("ada", File(name=NAME, mime_type="application/pdf"))

    assert await make("ada", http=http).find(asked, 60.0) == (Sent(ref="m-7") if found else None)


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_ada_says_no_outside_a_handoff(status: int) -> None:
    error = await refused("ada", httpx.Response(status, json={"errors": [{"message": "not now"}]}))

    assert isinstance(error, Rejected)
    assert "not now" in error.problem
    assert error.remedy == "Ada takes files only while the conversation is in a handoff"


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (httpx.Response(401, json={"errors": []}), Rejected),
        (httpx.Response(429, headers={"retry-after": "3"}), RetryAfter),
        (httpx.Response(503), RetryLater),
        (httpx.Response(504), OutcomeUnknown),
        (httpx.Response(201, json={"mime_type": "application/pdf"}), Rejected),
        (httpx.Response(201, json={"url": "javascript:alert(1)"}), Rejected),
        (httpx.Response(302, headers={"location": "https://elsewhere.example.org/"}), Rejected),
    ],
)
async def test_ada_does_not_have_it(answer: httpx.Response, meaning: type[DeliveryError]) -> None:
    assert type(await refused("ada", answer)) is meaning


# ── Moveo ────────────────────────────────────────────────────────────────────────────────────────

STORAGE = "https://storage.example.org/f-1?signature=secret"


def moveo(put: httpx.Response | None = None, **told: Any) -> Answer:
    answer = {"request_id": "r", "upload_url": STORAGE, "file_id": "f-1", **told}

    def handle(request: httpx.Request) -> httpx.Response:
        return put or httpx.Response(200) if request.method == "PUT" else httpx.Response(200, json=answer)

    return handle


async def test_moveo_gives_an_address_and_gets_the_bytes_there() -> None:
    part, (asked, put) = await upload("moveo", moveo())

    sessions = "https://channels.moveo.ai/v1/custom/intg-001/sessions"
    assert (asked.method, str(asked.url)) == ("POST", f"{sessions}/c%2F1%20%C3%A4/files/upload-url")
    assert asked.headers["authorization"] == "apikey the-key"
    assert json.loads(asked.content) == {"filename": NAME, "content_type": "application/pdf"}
    assert (put.method, str(put.url)) == ("PUT", STORAGE)
    assert "authorization" not in put.headers
    assert put.headers["content-type"] == "application/pdf"
    assert put.headers["content-length"] == str(len(CONTENT))
    assert "transfer-encoding" not in put.headers  # storage does not take it
    assert await put.aread() == CONTENT
    assert part == File(id="f-1", name=NAME, mime_type="application/pdf")


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("image/png", "image"),
        ("video/mp4", "video"),
        ("audio/mpeg", "audio"),
        ("application/pdf", "file"),
        ("text/plain", "file"),
    ],
)
async def test_moveo_shows_what_it_has_by_a_message_that_names_it(mime_type: str, kind: str) -> None:
    http = Answering(httpx.Response(200, json={"request_id": "r-1"}))
    part = File(id="f-1", name=NAME, mime_type=mime_type)

    assert await make("moveo", http=http).send(reply("moveo", part)) == Sent(ref="r-1")
    attachment = {"type": kind, "id": "f-1", "mime_type": mime_type, "filename": NAME}
    assert json.loads(http.requests[0].content)["input"] == {"text": NAME, "attachments": [attachment]}


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (httpx.Response(400, json={"error_code": "invalid-payload"}), Rejected),
        (httpx.Response(503), RetryLater),
        (moveo(upload_url=None), Rejected),
        (moveo(upload_url="file:///etc/passwd"), Rejected),
        (moveo(file_id=None), Rejected),
        (moveo(httpx.Response(403, text="<Error>SignatureDoesNotMatch</Error>")), Rejected),
        (moveo(httpx.Response(500)), RetryLater),
        (moveo(httpx.Response(503)), RetryLater),
        (moveo(httpx.Response(307, headers={"location": "https://elsewhere.example.org/"})), Rejected),
    ],
    ids=range(9),
)
async def test_moveo_does_not_have_it(answer: Answer, meaning: type[DeliveryError]) -> None:
    error = await refused("moveo", answer)

    assert type(error) is meaning
    assert "signature=secret" not in str(error)
