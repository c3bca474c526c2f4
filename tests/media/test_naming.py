"""What a fetched file is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.media.naming import LONGEST, file_name


@pytest.mark.parametrize(
    ("given", "disposition", "path", "mime_type", "kind", "name"),
    [
        ("Invoice.pdf", "", "/x", "application/octet-stream", "file", "Invoice.pdf"),
        ("Product Image", "", "/image.jpg", "image/jpeg", "image", "Product Image.jpg"),
        ("Version 1.2", "", "/x", "application/pdf", "file", "Version 1.2.pdf"),
        ("photo.jpg", "", "/x", "image/png", "image", "photo.jpg"),
        (None, 'attachment; filename="a b.pdf"', "/x", "application/pdf", "file", "a b.pdf"),
        (None, "attachment; filename*=UTF-8''%C3%BC.pdf", "/x", "", "file", "ü.pdf"),
        (None, "", "/a/voice%20note.mp3", "audio/mpeg", "audio", "voice note.mp3"),
        (None, "", "/a/1a2b3c", "audio/ogg", "audio", "1a2b3c.ogg"),
        (None, "", "/", "image/webp", "image", "image.webp"),
        (None, "", "/", "", "file", "file"),
        ("../../etc/passwd", "", "/x", "", "file", "etc passwd"),
        ("in\u202evoice\r\n.pdf", "", "/x", "", "file", "in voice .pdf"),
        (" . ", "", "/x.png", "", "image", "x.png"),
        ("a" * 400 + ".pdf", "", "/x", "", "file", "a" * (LONGEST - 4) + ".pdf"),
    ],
)
def test_name(given: str | None, disposition: str, path: str, mime_type: str, kind: str, name: str) -> None:
    assert file_name(given, disposition, path, mime_type, kind) == name


@given(st.none() | st.text(), st.text(), st.text(), st.sampled_from(["", "image/png", "text/x-odd"]))
def test_a_name_is_always_one(given_name: str | None, disposition: str, path: str, mime_type: str) -> None:
    name = file_name(given_name, disposition.replace("\n", " ").replace("\r", " "), path, mime_type, "file")
    assert 0 < len(name) <= LONGEST
    assert name.isprintable() and not set(name) & set("/\\<>")
