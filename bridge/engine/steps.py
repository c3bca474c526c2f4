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
from bridge.engine.work import LOOKED, SENDING, Turn
from bridge.errors import Rejected
from bridge.model import DeliveryState, File, HeldFor, Reply, Text

#: the key of the step for the words; before files had keys of their own, each step had its position as key
WORDS = "words"
FILE = "file:"


class Attachment(Protocol):
    """A file that an agent put into a message."""

    @property
    def id(self) -> str: ...
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
    """One send; `key` is the same at every attempt, whatever is taken off the message between two of them. A
    `file` has to be uploaded before it."""

    key: str
    name: str
    reply: Reply
    file: Attachment | None = None


async def steps_of(composed: Composed, adapter: Adapter) -> tuple[Step, ...]:
    """The steps. Raises `Rejected` where `adapter` does not take all of them, or another `DeliveryError`."""
    reply, files = composed.reply, composed.files
    if not files:
        return (Step(WORDS, "the reply", reply),)
    rules = adapter.capabilities.files
    if rules is None or (rules.how == "upload" and not isinstance(adapter, TakesFiles)):
        remedy = "Nothing of this message was sent; write it again without the file"
        raise Rejected(f"{title_of(adapter)} takes no files", remedy=remedy, can_retry=False)
    _check(files, rules, title_of(adapter))
    if rules.how == "link":
        # As text, so that the echo of it is known.
        said = [part.text for part in reply.parts if isinstance(part, Text)]
        words = "\n".join([*said, *[f"{file.name}: {await file.link(reply.at)}" for file in files]])
        return (Step(WORDS, "the reply", reply.model_copy(update={"parts": (Text(text=words),)})),)
    steps = [Step(WORDS, "the text", reply)] if reply.parts else []
    for file in files:
        key = f"{FILE}{file.id}"
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


def is_step(key: str) -> bool:
    """Whether a ref of a reply's is that of a step which was sent."""
    return key == WORDS or key.startswith(FILE) or key.isdecimal()


def name_positions(refs: dict[str, str], steps: Sequence[Step], *, changed: bool) -> None:
    """Let `refs` that an earlier version wrote have the keys of `steps` in place of their positions.

    Raises `Rejected` where the message may have `changed` since a step was sent: its position may be that of
    another file by now.
    """
    sent = [key for key in refs if key.isdecimal()]
    if sent and changed:
        remedy = "Look in the vendor's console, and send the rest as a new reply"
        raise Rejected("it is not known which of its files were sent", remedy=remedy, can_retry=False)
    keys = {str(position): step.key for position, step in enumerate(steps)}
    refs |= {keys[key]: refs.pop(key) for key in sent if key in keys}
    if refs.get(SENDING) in keys:
        refs[SENDING] = keys[refs[SENDING]]


def is_pending(turn: Turn) -> bool:
    """Whether the vendor may have a step that is not known to be sent; also one from before a *Retry*, until
    the vendor was asked for it."""
    if SENDING in turn.refs:
        return turn.refs[SENDING] not in turn.refs
    return DeliveryState.UNCERTAIN in turn.was and LOOKED not in turn.refs


def none_pending(turn: Turn, steps: Sequence[Step]) -> None:
    """It is known by now of every step whether the vendor has it."""
    sent = [step.key for step in steps if step.key in turn.refs]
    turn.refs.pop(SENDING, None)
    turn.refs.update({SENDING: sent[-1]} if sent else {LOOKED: ""})


def doubtful_of(steps: Sequence[Step], turn: Turn) -> Step | None:
    """The step that the vendor may have from an attempt whose outcome nobody knows."""
    begun = turn.refs.get(SENDING)
    rest = [step for step in steps if step.key not in turn.refs]
    if begun is None:  # or from before somebody wanted it to be sent again
        return rest[0] if rest and turn.doubt else None
    return next((step for step in rest if step.key == begun), None)


def is_namesake(step: Step, steps: Sequence[Step], turn: Turn) -> bool:
    """Whether a file that was sent has been taken off the message, so that `step` may have its name by now: a
    file is found by its name alone."""
    keys = {step.key for step in steps}
    return step.file is not None and any(key not in keys for key in turn.refs if key.startswith(FILE))


def progress_of(steps: Sequence[Step], done: Collection[str], doubtful: Step | None = None) -> str:
    """What of several steps was sent, and what was not; nothing where that is plain."""
    sent = [step.name for step in steps if step.key in done]
    rest = [step.name for step in steps if step.key not in done and step is not doubtful]
    told = [("sent: ", sent), ("not sent: ", rest)]
    if not sent and (doubtful is None or not rest):
        return ""
    return "".join(f"; {what}{', '.join(names)}" for what, names in told if names)
