"""What a reply with files becomes: all of it in steps, or nothing, in words that say why."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import pytest

from bridge.adapter import Adapter, Capabilities, FileRules, Upload
from bridge.engine.gate import Wish
from bridge.engine.steps import Composed, name_positions, progress_of, steps_of
from bridge.engine.work import SENDING, WAS, Owner
from bridge.errors import Rejected
from bridge.model import File, Text
from tests.vendors import VENDORS, make, reply


@dataclass(frozen=True)
class Posted:
    name: str
    size: int = 10
    mime_type: str = "application/pdf"

    @property
    def id(self) -> str:
        return f"F-{self.name}"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Upload]:
        yield Upload(self.name, self.mime_type, self.size, io.BytesIO(bytes(self.size)))

    async def link(self, since: datetime) -> str:
        return f"https://bridge.example.org/files/{self.name}?{since:%Y}"


WISH = Wish(Owner("Mina", "U0MINA"), confirms=True)


def composed(vendor: str, *names: str, words: str = "Here") -> Composed:
    said = reply(vendor, Text(text=words))
    if not words:
        said = said.model_copy(update={"parts": ()})
    return Composed(said, WISH, tuple(map(Posted, names)))


async def refused(adapter: Adapter, what: Composed) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await steps_of(what, adapter)
    assert "Nothing of this message was sent" in caught.value.remedy
    return caught.value


@pytest.mark.parametrize("vendor", VENDORS)
async def test_words_alone_are_sent_as_they_are(vendor: str) -> None:
    what = composed(vendor)
    (step,) = await steps_of(what, make(vendor))
    assert (step.key, step.reply, step.file) == ("words", what.reply, None)


@pytest.mark.parametrize("vendor", ["ada", "moveo"])
async def test_words_come_first_then_each_file(vendor: str) -> None:
    what = composed(vendor, "a.pdf", "b.pdf")
    steps = await steps_of(what, make(vendor))
    assert [(step.key, step.name, step.reply.id) for step in steps] == [
        ("words", "the text", "reply-1"),
        ("file:F-a.pdf", "“a.pdf”", "reply-1:file:F-a.pdf"),
        ("file:F-b.pdf", "“b.pdf”", "reply-1:file:F-b.pdf"),
    ]
    assert [step.reply.parts for step in steps] == [
        what.reply.parts,
        (File(name="a.pdf", mime_type="application/pdf"),),
        (File(name="b.pdf", mime_type="application/pdf"),),
    ]
    assert [step.file for step in steps] == [None, *what.files]


async def test_without_words_there_is_no_step_for_them() -> None:
    steps = await steps_of(composed("ada", "a.pdf", words=""), make("ada"))
    assert [(step.key, step.name) for step in steps] == [("file:F-a.pdf", "“a.pdf”")]


@pytest.mark.parametrize(("words", "before"), [("Here", "Here\n"), ("", "")])
async def test_links_are_in_the_one_message(words: str, before: str) -> None:
    (step,) = await steps_of(composed("gptbots", "a.pdf", "b.exe", words=words), make("gptbots"))
    base = "https://bridge.example.org/files"
    text = f"{before}a.pdf: {base}/a.pdf?2026\nb.exe: {base}/b.exe?2026"
    assert (step.reply.parts, step.file) == ((Text(text=text),), None)


async def test_every_file_that_is_refused_is_named() -> None:
    error = await refused(make("ada"), composed("ada", "a.webp", "b.pdf", "c.html", "d"))
    assert error.problem == (
        "“a.webp”: Ada does not take .webp files; “c.html”: Ada does not take .html files; "
        "“d”: Ada takes no files without an ending"
    )
    assert "avif, csv" in error.remedy


async def test_a_file_that_is_too_large_is_named() -> None:
    what = Composed(reply("ada"), WISH, (Posted("a.pdf", 50 * 1024**2), Posted("b.pdf", 50 * 1024**2 + 1)))
    assert (await refused(make("ada"), what)).problem == "“b.pdf”: Ada takes files up to 50 MB"


class WithoutFiles:
    """Somebody else's adapter, of before there were files; or one that says it stores them and does not."""

    vendor: ClassVar[str] = "echo"

    def __init__(self, rules: FileRules | None) -> None:
        self.capabilities = Capabilities(files=rules)


@pytest.mark.parametrize("rules", [None, FileRules(how="upload")])
async def test_an_adapter_that_takes_no_files(rules: FileRules | None) -> None:
    adapter: Any = WithoutFiles(rules)
    assert (await refused(adapter, composed("ada", "a.pdf"))).problem == "echo takes no files"
    assert len(await steps_of(composed("ada"), adapter)) == 1


@pytest.mark.parametrize(
    ("done", "doubtful", "told"),
    [
        (0, None, ""),
        (0, 0, "; not sent: “a.pdf”, “b.pdf”"),
        (1, 1, "; sent: the text; not sent: “b.pdf”"),
        (1, None, "; sent: the text; not sent: “a.pdf”, “b.pdf”"),
        (2, 2, "; sent: the text, “a.pdf”"),
    ],
)
async def test_what_is_certain_is_told(done: int, doubtful: int | None, told: str) -> None:
    steps = await steps_of(composed("ada", "a.pdf", "b.pdf"), make("ada"))
    sent = [step.key for step in steps[:done]]
    assert progress_of(steps, sent, None if doubtful is None else steps[doubtful]) == told


async def test_of_one_step_there_is_nothing_to_tell() -> None:
    steps = await steps_of(composed("gptbots", "a.pdf"), make("gptbots"))
    assert progress_of(steps, "", steps[0]) == ""


# ── what was sent keeps its key ──────────────────────────────────────────────────────────────────


async def test_a_file_that_was_taken_off_gives_its_key_to_no_other() -> None:
    before = await steps_of(composed("ada", "a.pdf", "b.pdf"), make("ada"))
    after = await steps_of(composed("ada", "b.pdf"), make("ada"))
    assert {step.key: step.name for step in after}.items() <= {step.key: step.name for step in before}.items()
    without_words = await steps_of(composed("ada", "a.pdf", "b.pdf", words=""), make("ada"))
    assert [step.key for step in without_words] == [step.key for step in before[1:]]


async def test_a_position_that_an_earlier_version_wrote_is_that_of_its_step() -> None:
    steps = await steps_of(composed("ada", "a.pdf", "b.pdf"), make("ada"))
    refs = {"0": "m1", "1": "m2", SENDING: "2", WAS: ""}
    name_positions(refs, steps, changed=False)
    assert refs == {steps[0].key: "m1", steps[1].key: "m2", SENDING: steps[2].key, WAS: ""}
    name_positions(refs, steps, changed=True)  # these are no positions any more
    assert refs[SENDING] == steps[2].key


async def test_a_position_of_before_a_change_counts_for_no_step() -> None:
    steps = await steps_of(composed("ada", "b.pdf"), make("ada"))
    with pytest.raises(Rejected, match="which of its files were sent") as caught:
        name_positions({"0": "m1", "1": "m2", WAS: "failed"}, steps, changed=True)
    assert not caught.value.can_retry


async def test_what_may_have_been_sent_before_a_change_is_in_doubt() -> None:
    steps = await steps_of(composed("ada"), make("ada"))
    refs = {SENDING: "0", WAS: "failed"}
    name_positions(refs, steps, changed=True)
    assert refs[SENDING] == steps[0].key
