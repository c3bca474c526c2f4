"""Parts that are files: shown as the file itself, or, where it cannot be had, in words with a link."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bridge.model import Audio, File, Image, Video
from bridge.render.literal import Block, context, escape, is_web, linked, one_line, quote
from bridge.render.message import Face, Shown, SlackFile, SlackMessage, within
from bridge.render.pieces import Piece, flow, messages
from bridge.render.words import file_words, media_words

FilePart = Image | Video | Audio | File


@dataclass(frozen=True)
class Attached:
    """A file in its place among the pieces; `words` are what it is without the file."""

    part: FilePart
    words: Piece
    caption: tuple[Block, ...] = ()


def attached(part: FilePart) -> list[Piece | Attached]:
    """The file, with what is said in it as its caption; words alone where nothing can be fetched."""
    if isinstance(part, File):
        words = file_words(part)
    else:
        words = media_words(part.kind.capitalize(), part.url, part.name)
    spoken = part.transcript or "" if isinstance(part, Audio) else ""
    quoted = [quote(*linked(spoken))] if spoken.strip() else []
    together, said = flow([words, *quoted]), flow(quoted)
    if not _address(part) and not getattr(part, "id", None):
        return [*together]
    if len(together) == 1:
        return [Attached(part, together[0], said[0].blocks if said else ())]
    first, *rest = flow([words])
    return [Attached(part, first), *rest, *said]


def shown(pieces: Iterable[Piece | Attached], by: Face) -> tuple[Shown, ...]:
    """All pieces in order: each file by itself, and what stands between them in as few messages as fit."""
    found: list[Shown] = []
    between: list[Piece] = []
    for one in pieces:
        if isinstance(one, Attached):
            found += [*messages(between, by), _file(one, by)]
            between = []
        else:
            between.append(one)
    return (*found, *messages(between, by))


def without(file: SlackFile, reason: str) -> SlackMessage:
    """What is shown instead of `file`, saying why."""
    words = one_line(f"The {file.kind} is not kept in Slack: {reason}.", 500)

    def explained(rung: SlackMessage) -> SlackMessage:
        return replace(
            rung,
            text=within(f"{rung.text}\n{escape(words)}"),
            blocks=(*rung.blocks, context(words)) if rung.blocks else (),
            plainer=explained(rung.plainer) if rung.plainer else None,
        )

    return explained(file.instead)


def _file(one: Attached, by: Face) -> SlackFile:
    part = one.part
    return SlackFile(
        kind=part.kind,
        instead=messages([one.words], by)[0],
        url=_address(part),
        id=getattr(part, "id", None),
        name=one_line(part.name) or None,
        mime_type=getattr(part, "mime_type", None),
        size=getattr(part, "size", None),
        caption=one.caption,
        username=by.username,
        icon_url=by.icon_url,
        icon_emoji=by.icon_emoji,
    )


def _address(part: FilePart) -> str | None:
    return part.url if is_web(part.url) else None
