"""What a fetched file is called."""

from __future__ import annotations

import re

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
        ("Invoice No. 7", "", "/x", "application/pdf", "file", "Invoice No. 7.pdf"),
        ("v1.2b", "", "/x", "text/plain", "file", "v1.2b.txt"),
        ("Notes.v2", "", "/x", "text/plain", "file", "Notes.v2.txt"),
        ("talk.keynote", "", "/x", "application/zip", "file", "talk.keynote"),
        ("To Acme.ai", "", "/x", "application/pdf", "file", "To Acme.ai.pdf"),
        ("Dr. Smith", "", "/x", "text/plain", "file", "Dr. Smith.txt"),
        ("photo.jfif", "", "/x", "image/jpeg", "image", "photo.jpg"),
        ("PHOTO.JFIF", "", "/x", "image/jpeg", "image", "PHOTO.jpg"),
        ("photo.jfif", "", "/x", "application/octet-stream", "image", "photo.jfif"),
        ("photo.jpeg", "", "/x", "image/jpeg", "image", "photo.jpeg"),
        ("IMG.JPG", "", "/x", "image/jpeg", "image", "IMG.JPG"),
        ("data.csv", "", "/x", "text/plain", "file", "data.csv"),
        ("app.log", "", "/x", "text/plain", "file", "app.log"),
        ("talk.numbers", "", "/x", "application/x-iwork-numbers-sffnumbers", "file", "talk.numbers"),
        ("sheet.xlsx", "", "/x", "application/zip", "file", "sheet.xlsx"),
        ("a.tar.gz", "", "/x", "application/gzip", "file", "a.tar.gz"),
        ("a.tar.gz", "", "/x", "application/x-tar", "file", "a.tar.gz"),
        ("a.pdf.pdf", "", "/x", "application/pdf", "file", "a.pdf.pdf"),
        ("a.pdf.", "", "/x", "application/pdf", "file", "a.pdf"),
        (".pdf", "", "/x", "application/pdf", "file", "pdf.pdf"),
        ("می\u200cخواهم.pdf", "", "/x", "application/pdf", "file", "می\u200cخواهم.pdf"),
        ("👩\u200d💻.png", "", "/x", "image/png", "image", "👩\u200d💻.png"),
        ("pay\u200dpal.p\u200cdf", "", "/x", "", "file", "pay pal.p df"),
        ("ü\u200d\u200dü\u200d.pdf", "", "/x", "application/pdf", "file", "ü ü .pdf"),
        ("...", "", "/", "application/pdf", "file", "file.pdf"),
        ("clip.mp4", "", "/x", "audio/mp4", "audio", "clip.mp4"),
        ("clip", "", "/x", "audio/mp4", "audio", "clip.m4a"),
        (None, 'attachment; filename="a b.pdf"', "/x", "application/pdf", "file", "a b.pdf"),
        (None, "attachment; filename*=UTF-8''%C3%BC.pdf", "/x", "", "file", "ü.pdf"),
        (None, "", "/a/voice%20note.mp3", "audio/mpeg", "audio", "voice note.mp3"),
        (None, "", "/a/1a2b3c", "audio/ogg", "audio", "1a2b3c.ogg"),
        (None, "", "/", "image/webp", "image", "image.webp"),
        (None, "", "/", "", "file", "file"),
        ("Termin", "", "/x", "text/calendar", "file", "Termin.ics"),
        ("kontakt", "", "/x", "text/vcard", "file", "kontakt.vcf"),
        ("feed", "", "/x", "application/xml", "file", "feed.xml"),
        ("logs", "", "/x", "application/x-zip-compressed", "file", "logs.zip"),
        ("brief", "", "/x", "application/vnd.oasis.opendocument.text", "file", "brief.odt"),
        ("scan", "", "/x", "image/jpeg; charset=binary", "image", "scan.jpg"),
        ("orders.csv", "", "/x", "application/vnd.ms-excel", "file", "orders.csv"),
        ("offer.docx", "", "/x", "application/msword", "file", "offer.docx"),
        ("voice.oga", "", "/x", "audio/ogg", "audio", "voice.oga"),
        ("voice.ogg", "", "/x", "audio/opus", "audio", "voice.ogg"),
        ("memo.m4a", "", "/x", "video/mp4", "audio", "memo.m4a"),
        ("app.yml", "", "/x", "application/yaml", "file", "app.yml"),
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
    shown = re.sub(r"(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])", "", name)
    assert shown.isprintable() and not set(name) & set("/\\<>")
