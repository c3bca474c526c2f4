"""A reply in the steps it is sent in: what it says first, then each of its files.

Nothing of a message goes out unless its vendor takes all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.adapter import Adapter, FileRules, TakesFiles, Upload, title_of
from bridge.compose import Unsendable
from bridge.engine.gate import Held, Wish
from bridge.errors import Rejected
from bridge.model import File, HeldFor, Reply, Text


class Attachment(Protocol):
    """A file that an agent put into a message."""

    @property
    def name(self) -> str: ...
    @property
    def mime_type(self) -> str: ...
    @property
    def size(self) -> int: ...

    def open(self) -> AbstractAsyncContextManager[Upload]:
        """Its bytes. Raises a `DeliveryError`."""
        ...

    async def link(self, since: datetime) -> str:
        """Where the customer gets it, for some time from `since`. Raises a `DeliveryError`."""
        ...


@dataclass(frozen=True)
class Composed:
    """What an agent's message makes: `reply` is what it says, `files` are beside it, in order. It goes out as
    `wish` allows, `delay` seconds after it was written, without what is `left_out`.
    """

    reply: Reply
    wish: Wish
    files: tuple[Attachment, ...] = ()
    delay: float = 0.0
    left_out: tuple[Unsendable, ...] = ()

    def held(self, why: HeldFor | None) -> Held | None:
        """Held for a reason of the conversation's; None for a note."""
        return Held(why, self.left_out) if why is not None else None


@dataclass(frozen=True)
class Step:
    """One send; `key` is the same at every attempt. A `file` has to be uploaded before it."""

    key: str
    name: str
    reply: Reply
    file: Attachment | None = None


async def steps_of(composed: Composed, adapter: Adapter) -> tuple[Step, ...]:
    """The steps. Raises `Rejected` where `adapter` does not take all of them, or another `DeliveryError`."""
    reply, files = composed.reply, composed.files
    if not files:
        return (Step("0", "the reply", reply),)
    rules = adapter.capabilities.files
    if rules is None or (rules.how == "upload" and not isinstance(adapter, TakesFiles)):
        remedy = "Nothing of this message was sent; write it again without the file"
        raise Rejected(f"{title_of(adapter)} takes no files", remedy=remedy, can_retry=False)
    _check(files, rules, title_of(adapter))
    if rules.how == "link":
        # As text, so that the echo of it is known.
        said = [part.text for part in reply.parts if isinstance(part, Text)]
        words = "\n".join([*said, *[f"{file.name}: {await file.link(reply.at)}" for file in files]])
        return (Step("0", "the reply", reply.model_copy(update={"parts": (Text(text=words),)})),)
    steps = [Step("0", "the text", reply)] if reply.parts else []
    for file in files:
        key = str(len(steps))
        shown = {"id": f"{reply.id}:{key}", "parts": (File(name=file.name, mime_type=file.mime_type),)}
        steps.append(Step(key, f"“{file.name}”", reply.model_copy(update=shown), file))
    return tuple(steps)


def _check(files: Sequence[Attachment], rules: FileRules, vendor: str) -> None:
    refused = [
        f"“{file.name}”: {vendor} {objection}"
        for file in files
        if (objection := rules.objection(file.name, file.size)) is not None
    ]
    if not refused:
        return
    remedy = "Nothing of this message was sent. Send it again without that"
    if rules.endings is not None:
        remedy += f", or as one of these: {', '.join(sorted(rules.endings))}"
    raise Rejected("; ".join(refused), remedy=remedy, can_retry=False)


def progress_of(steps: Sequence[Step], done: Collection[str], doubtful: Step | None = None) -> str:
    """What of several steps was sent, and what was not; nothing where that is plain."""
    sent = [step.name for step in steps if step.key in done]
    rest = [step.name for step in steps if step.key not in done and step is not doubtful]
    told = [("sent: ", sent), ("not sent: ", rest)]
    if not sent and (doubtful is None or not rest):
        return ""
    return "".join(f"; {what}{', '.join(names)}" for what, names in told if names)
