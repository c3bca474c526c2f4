"""Files that people put into their replies reach the customer whole, in order and once, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AdaSandbox, AnyVendor, MoveoSandbox, Stage
from tests.bridge.scene import FAILED, SENT, UNCERTAIN, Scene, buttons, opened, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

CONFIG = {"[media]": 'max_size = "1MB"'}

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 3000
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 10
uploading = pytest.mark.parametrize("name", ["ada", "moveo"])


@pytest.fixture(autouse=True)
def mended(stage: Stage) -> None:
    stage.slack.state.app.scopes.add("files:read")
    for vendor in stage.vendors:
        vendor.faults.clear()


def named(stage: Stage, name: str) -> AnyVendor:
    return {"ada": stage.ada, "gptbots": stage.gptbots, "moveo": stage.moveo}[name]


def sent(scene: Scene) -> list[str | tuple[str, bytes]]:
    """What the customer was sent: words, or a file's name and bytes."""
    vendor, found = scene.vendor, list[str | tuple[str, bytes]]()
    for message in vendor.conversations[scene.id].messages:
        if message.role != "agent":
            continue
        if isinstance(vendor, AdaSandbox | MoveoSandbox) and _is_file(message.parts):
            found.append((message.text, vendor.file(message)))
        else:
            found.append(message.text)
    return found


def _is_file(parts: list[dict[str, Any]]) -> bool:
    return bool(parts) and parts[0].get("type") in ("file", "image", "video", "audio")


def messages_path(scene: Scene) -> str:
    return f"*/{scene.id}/messages/" + ("agent" if scene.vendor.name == "moveo" else "")


# ── they arrive ──────────────────────────────────────────────────────────────────────────────────


@uploading
async def test_words_and_files_arrive_in_order(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    files = [
        ("Rechnung Mai.pdf", PDF),
        ("image.png", PNG),
        ("image.png", PNG + b"2"),
        ("notes.txt", b"hello"),
    ]
    await scene.marked(scene.writes("Here they are", files=files), SENT)
    assert sent(scene) == [
        "Here they are",
        ("Rechnung Mai.pdf", PDF),
        ("image.png", PNG),
        ("image (2).png", PNG + b"2"),
        ("notes.txt", b"hello"),
    ]
    await scene.carried("and words again")


@uploading
async def test_a_file_needs_no_words(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    await scene.marked(scene.writes("", files=[("a.pdf", PDF)]), SENT)
    assert sent(scene) == [("a.pdf", PDF)]


async def test_what_kind_a_file_is_goes_with_it(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    names = ["a.png", "a.mp4", "a.mp3", "a.pdf", "a.webp"]
    await scene.marked(scene.writes("", files=[(name, b"bytes") for name in names]), SENT)
    attachments = [
        one.parts[0] for one in stage.moveo.conversations[scene.id].messages if one.role == "agent"
    ]
    assert [(one["type"], one["mime_type"]) for one in attachments] == [
        ("image", "image/png"),
        ("video", "video/mp4"),
        ("audio", "audio/mpeg"),
        ("file", "application/pdf"),
        ("image", "image/webp"),
    ]


async def test_the_vendors_echo_of_a_file_is_not_shown(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("Here", files=[("a.pdf", PDF)]), SENT)
    await stage.ada.settled()
    scene.says("thank you")
    await scene.shows("thank you")
    assert len([one for one in scene.thread if one.files]) == 1


async def test_a_note_with_a_file_stays_in(stage: Stage) -> None:
    scene = await waiting(stage)
    note = scene.writes("// look at this", files=[("a.pdf", PDF)])
    await scene.carried()
    assert len(sent(scene)) == 1
    assert not note.reactions


async def test_a_correction_brings_no_file_again(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes("It is 5 Euro", files=[("a.pdf", PDF)])
    await scene.marked(reply, SENT)
    stage.slack.edit_as("U0MINA", scene.card.channel, reply.ts, "It is 6 Euro")
    await scene.tells("A reply was changed here")
    offer = next(one for one in scene.thread if "A reply was changed here" in one.text)
    await stage.slack.press("U0MINA", offer, "send_correction")
    await scene.until(lambda: len(sent(scene)) == 3, "the correction")
    assert sent(scene)[2] == "Correction:\nIt is 6 Euro"


# ── they do not, and nothing else of the message does ────────────────────────────────────────────


async def not_sent(scene: Scene, *words: str, name: str = "a.pdf", content: bytes = PDF) -> None:
    reply = scene.writes("Here it is", files=[("fine.txt", b"fine"), (name, content)])
    await scene.marked(reply, FAILED)
    await scene.tells("A reply was not sent to the customer", *words)
    assert sent(scene) == []


CANVAS = {
    "id": "F0CANVAS",
    "name": "Refund_policy",
    "title": "Refund policy",
    "mimetype": "application/vnd.slack-docs",
    "filetype": "quip",
    "mode": "quip",
    "url_private": "https://sandbox.slack.com/docs/T0/F0CANVAS",
}


@pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])
async def test_a_canvas_is_no_file(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    message = Message(
        scene.card.channel,
        stage.slack.state.next_ts(),
        "see our canvas",
        user="U0MINA",
        subtype="file_share",
        thread_ts=scene.card.ts,
        files=[CANVAS],
    )
    await scene.marked(stage.slack.state.post(message), FAILED)
    notice = await scene.told(
        "A reply was not sent to the customer", "“Refund policy” is a canvas of Slack's"
    )
    assert "Copy its text into a reply" in notice.text and "files:read" not in notice.text
    assert buttons(notice) == []
    assert scene.sent == []


async def test_a_type_that_the_vendor_refuses(stage: Stage) -> None:
    scene = await waiting(stage)
    await not_sent(scene, "“photo.webp”: Ada does not take .webp files", "pdf, png", name="photo.webp")


async def test_a_name_without_an_ending(stage: Stage) -> None:
    scene = await waiting(stage)
    await not_sent(scene, "“LICENSE”: Ada takes no files without an ending", name="LICENSE")


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_a_file_that_is_too_large(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    await not_sent(scene, "“a.pdf” is larger than 1 MB", "max_size", content=b"x" * (1024**2 + 1))


@uploading
async def test_without_the_scope(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    stage.slack.state.app.scopes.discard("files:read")
    await not_sent(scene, "the app lacks files:read", "install it again")


async def test_outside_a_handoff_ada_takes_none(stage: Stage) -> None:
    scene = await opened(stage)
    await not_sent(scene, "Ada takes files only while the conversation is in a handoff")


async def test_a_file_that_was_deleted_meanwhile(stage: Stage) -> None:
    scene = await waiting(stage)
    fault = stage.ada.faults.next("*/attachments/", status=503, times=1000)  # while it waits
    reply = scene.writes("Here it is", files=[("a.pdf", PDF)])
    await scene.until(lambda: fault.met, "the first attempt")
    file = next(one for one in stage.slack.state.files.values() if one.shares == [reply])
    file.content = None
    stage.ada.faults.clear()
    await scene.marked(reply, FAILED)
    await scene.tells("A reply was not sent", "“a.pdf”", "deleted")
    assert sent(scene) == []


@uploading
async def test_a_file_that_was_taken_off_meanwhile_keeps_no_words_back(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    fault = named(stage, name).faults.next(
        "*/attachments/" if name == "ada" else "*/files/*", status=503, times=1000
    )
    files = [("a.pdf", PDF), ("b.pdf", PDF + b"b")]
    reply = scene.writes("Here it is", files=files)
    await scene.until(lambda: fault.met, "the first attempt")
    taken_off(stage, reply, "a.pdf")
    named(stage, name).faults.clear()
    await scene.marked(reply, SENT)
    assert sent(scene) == ["Here it is", ("b.pdf", PDF + b"b")]


async def test_where_a_link_is_sent_the_words_go_out_too(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    fault = stage.gptbots.faults.next("*/message/receive", status=503, times=1000)
    reply = scene.writes("Here it is", files=[("a.pdf", PDF)])
    await scene.until(lambda: fault.met, "the first attempt")
    taken_off(stage, reply, "a.pdf")
    stage.gptbots.faults.clear()
    await scene.marked(reply, SENT)
    assert scene.sent == ["Here it is"]


def taken_off(stage: Stage, reply: Message, name: str) -> None:
    """Its author deletes a file of their message: its bytes are gone, and the message names a tombstone."""
    (file,) = [one for one in stage.slack.state.files.values() if one.shares == [reply] and one.name == name]
    stage.slack.state.delete_file(file)


@uploading
async def test_a_guest_sends_none(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    reply = scene.writes("Here", user="U0GUEST", files=[("a.pdf", PDF)])
    await scene.marked(reply, FAILED)
    assert sent(scene) == []


# ── something goes wrong between them ────────────────────────────────────────────────────────────

THREE = ["Here they are", ("a.pdf", PDF), ("b.pdf", PDF + b"b")]


def writes_three(scene: Scene) -> Message:
    return scene.writes("Here they are", files=[("a.pdf", PDF), ("b.pdf", PDF + b"b")])


@pytest.mark.parametrize("before", [0, 1, 2], ids=["the words", "the first file", "the last file"])
@pytest.mark.parametrize(
    "fault",
    [{"reset": True}, {"drop": True}, {"status": 502, "html": True, "accepted": True}, {"status": 503}],
    ids=str,
)
async def test_what_ada_can_be_asked_about_arrives_once(
    stage: Stage, before: int, fault: dict[str, Any]
) -> None:
    scene = await waiting(stage)
    if before:
        stage.ada.faults.next(messages_path(scene), method="POST", times=before)  # as always
    stage.ada.faults.next(messages_path(scene), method="POST", **fault)
    await scene.marked(writes_three(scene), SENT)
    assert sent(scene) == THREE


@uploading
@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 504, "html": True}, {"reset": True}], ids=str)
async def test_an_upload_is_tried_again(stage: Stage, name: str, fault: dict[str, Any]) -> None:
    scene = await waiting(stage, named(stage, name))
    named(stage, name).faults.next("*/attachments/" if name == "ada" else "*/files/*", **fault)
    await scene.marked(writes_three(scene), SENT)
    assert sent(scene) == THREE


async def test_a_no_is_no_doubt_even_after_one(stage: Stage) -> None:
    """The upload's outcome was unknown, the message's was not: it is sent again, and nobody is asked."""
    scene = await waiting(stage, stage.moveo)
    stage.moveo.faults.next("*/files/upload-url", reset=True)
    stage.moveo.faults.next(messages_path(scene), times=1)
    stage.moveo.faults.next(messages_path(scene), status=503)
    await scene.marked(writes_three(scene), SENT)
    assert sent(scene) == THREE


async def test_where_moveo_cannot_be_asked_the_author_learns_what_is_certain(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    stage.moveo.faults.next(messages_path(scene), times=1)
    stage.moveo.faults.next(messages_path(scene), reset=True)
    await scene.marked(writes_three(scene), UNCERTAIN)
    told = await scene.tells("Nobody knows whether this reply arrived")
    assert "whether it has “a.pdf”; sent: the text; not sent: “b.pdf”." in told
    assert sent(scene) == THREE[:2]


async def test_a_no_in_the_middle_tells_what_went_out(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.faults.next(messages_path(scene), method="POST", times=1)
    stage.ada.faults.next(messages_path(scene), method="POST", status=400)
    await scene.marked(writes_three(scene), FAILED)
    await scene.tells(
        "Only a part of a reply was sent to the customer", "sent: the text; not sent: “a.pdf”, “b.pdf”"
    )
    assert sent(scene) == THREE[:1]
    await scene.carried("so this comes next")


async def test_no_name_of_a_file_is_in_the_log(stage: Stage, bridge: Any) -> None:
    scene = await waiting(stage)
    await not_sent(scene, "“Passport of Lena.webp”", name="Passport of Lena.webp")
    logged = lambda: "“…”: Ada does not take .webp files" in bridge.log.read_text()
    await scene.until(logged, "a line in the log")
    assert "Passport" not in bridge.log.read_text()
