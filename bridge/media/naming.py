"""What a fetched file is called: a name that people and their programs can use. Pure."""

from __future__ import annotations

import email.message
import mimetypes
from pathlib import PurePosixPath
from urllib.parse import unquote

LONGEST = 150

# Not the system's tables: a name must not depend on the machine.
_TYPES = mimetypes.MimeTypes()
_MORE = {
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "audio/amr": ".amr",
    "audio/flac": ".flac",
    "audio/mp3": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/webm": ".weba",
    "audio/x-m4a": ".m4a",
    "image/jpg": ".jpg",
    "image/webp": ".webp",
    "video/3gpp": ".3gp",
    "video/ogg": ".ogv",
}
#: types that say nothing
UNSAID = frozenset(("", "application/octet-stream", "binary/octet-stream", "application/x-download"))


def type_of(name: str) -> str:
    """The MIME type that a file's name promises, or ""."""
    return _TYPES.guess_type(name)[0] or ""


def file_name(given: str | None, disposition: str, path: str, mime_type: str, kind: str) -> str:
    """The name given, or the answer's, or the address's last part; with an ending where one is known."""
    header = email.message.Message()
    header["content-disposition"] = disposition
    for one in (given, header.get_filename(), unquote(PurePosixPath(path).name)):
        if name := _plain(one or ""):
            break
    else:
        name = kind
    stem, ending = PurePosixPath(name).stem, PurePosixPath(name).suffix
    if not type_of(name) and (found := _ending(mime_type)):
        stem, ending = name, found
    return stem[: LONGEST - len(ending)] + ending[:LONGEST]


def _ending(mime_type: str) -> str | None:
    if mime_type in UNSAID:
        return None
    return _MORE.get(mime_type) or _TYPES.guess_extension(mime_type)


def _plain(name: str) -> str:
    """On one line, with nothing that hides, reorders or leads elsewhere."""
    name = "".join(char if char.isprintable() and char not in '/\\<>:"|?*' else " " for char in name)
    return " ".join(name.split()).strip(". ")
