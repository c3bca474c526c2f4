"""A file's name and type, so that people and their programs can use it. Pure."""

from __future__ import annotations

import email.message
import mimetypes
import re
from pathlib import PurePosixPath
from urllib.parse import unquote

LONGEST = 150

# Not the system's tables: a name must not depend on the machine.
_TYPES = mimetypes.MimeTypes()
_MORE = {
    "application/epub+zip": ".epub",
    "application/gzip": ".gz",
    "application/javascript": ".js",
    "application/rtf": ".rtf",
    "application/vnd.android.package-archive": ".apk",
    "application/vnd.apple.pkpass": ".pkpass",
    "application/vnd.ms-outlook": ".msg",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.rar": ".rar",
    "application/x-7z-compressed": ".7z",
    "application/x-gzip": ".gz",
    "application/x-pdf": ".pdf",
    "application/x-rar-compressed": ".rar",
    "application/x-yaml": ".yaml",
    "application/x-zip-compressed": ".zip",
    "application/xml": ".xml",
    "application/yaml": ".yaml",
    "audio/amr": ".amr",
    "audio/flac": ".flac",
    "audio/mp3": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/webm": ".weba",
    "audio/x-caf": ".caf",
    "audio/x-m4a": ".m4a",
    "image/jpg": ".jpg",
    "image/pjpeg": ".jpg",
    "image/vnd.adobe.photoshop": ".psd",
    "image/webp": ".webp",
    "image/x-ms-bmp": ".bmp",
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "video/3gpp": ".3gp",
    "video/3gpp2": ".3g2",
    "video/ogg": ".ogv",
    "video/x-m4v": ".m4v",
}
#: endings of sound that the tables do not have: recordings of messengers, and what iPhones record
_SOUNDS = {".amr", ".caf", ".flac", ".m4a", ".oga", ".ogg", ".opus", ".weba"}
#: endings of one program's files, which many systems send under the type of another of them
_FAMILIES = (
    ({".csv", ".tsv", ".xls", ".xlsb", ".xlsm", ".xlsx"}, {"application/vnd.ms-excel"}),
    ({".doc", ".docm", ".docx", ".dot", ".dotx", ".rtf"}, {"application/msword"}),
    ({".pps", ".ppsx", ".ppt", ".pptm", ".pptx"}, {"application/vnd.ms-powerpoint"}),
)
#: endings that few programs take, and the usual one of the same type
_USUAL = {".jfif": ".jpg", ".jpe": ".jpg", ".pjp": ".jpg", ".pjpeg": ".jpg", ".qt": ".mov", ".mpga": ".mp3"}
#: types of which a file may have any ending: what is in it decides
_CONTAINERS = (
    "text/",
    "application/javascript",
    "application/json",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
    "application/zip",
)
#: one that is no part of a name, as in "v1.2" and "No. 7"
_ENDING = re.compile(r"\.(?:[a-z]{1,5}|keynote|numbers)")
#: recordings of sound alone in a video's container
_SOUND = {
    "video/3gpp": "audio/3gpp",
    "video/mp4": "audio/mp4",
    "video/ogg": "audio/ogg",
    "video/quicktime": "audio/mp4",
    "video/webm": "audio/webm",
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
    stem, ending = _parted(name, mime_type.partition(";")[0].strip().lower())
    return stem[: LONGEST - len(ending)] + ending[:LONGEST]


def sound(mime_type: str) -> str:
    """The type of a recording that has no picture."""
    return _SOUND.get(mime_type, mime_type)


def _parted(name: str, mime_type: str) -> tuple[str, str]:
    """`name` and its ending. The type goes before the ending: where it is known and the ending is none of
    its endings, its own is added."""
    path = PurePosixPath(name)
    known, usual = _ending(mime_type), _USUAL.get(path.suffix.lower())
    if known is not None and known == usual:
        return path.stem, known
    if known is None or (usual is None and _fits(path, mime_type)):
        return path.stem, path.suffix
    return name, known


def _fits(path: PurePosixPath, mime_type: str) -> bool:
    """Whether a file of this type may have this ending."""
    ending, kind = path.suffix.lower(), mime_type.partition("/")[0]
    named, packed = _TYPES.guess_type(path.name.lower())
    if packed or named == mime_type or ending == _ending(mime_type):
        return True
    if any(ending in endings and mime_type in types for endings, types in _FAMILIES):
        return True
    named = "audio/" if ending in _SOUNDS else named or ""
    # A picture is shown whichever ending of pictures it has, and sound may be in a video's container.
    pairs = ({"image"}, {"audio", "video"})
    if any({kind, named.partition("/")[0]} <= pair for pair in pairs):
        return True
    return mime_type.startswith(_CONTAINERS) and bool(named or _ENDING.fullmatch(ending))


def _ending(mime_type: str) -> str | None:
    if mime_type in UNSAID:
        return None
    return _MORE.get(mime_type) or _TYPES.guess_extension(mime_type)


def _plain(name: str) -> str:
    """On one line, with nothing that hides, reorders or leads elsewhere."""
    kept = (char if _shows(char) or _joins(name, at) else " " for at, char in enumerate(name))
    return " ".join("".join(kept).split()).strip(". ")


def _shows(char: str) -> bool:
    return char.isprintable() and char not in '/\\<>:"|?*'


def _joins(name: str, at: int) -> bool:
    """Whether the character there belongs to the letters or emoji around it, as in Persian words and 👩‍💻."""
    around = name[at - 1 : at] + name[at + 1 : at + 2]
    return (
        name[at] in "\u200c\u200d"
        and len(around) == 2
        and all(_shows(char) and not char.isascii() for char in around)
    )
