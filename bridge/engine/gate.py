"""Whether a reply goes out: by who has the conversation, the route's reply mode, and what its author chose.

Pure. The store asks it on the locked row, in the transaction that records the reply as begun: what is held
here was never begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bridge.compose import Unsendable
from bridge.control import Signal
from bridge.engine.work import Conversation, Owner
from bridge.model import Act, Control, HeldChoice, HeldFor

#: among a reply's refs: why its author was last asked
ASKED = "asked"
#: among them: the kinds of the parts that the question named as left out
LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Wish:
    """What `by` wants with a reply. Where the route `confirms`, only who has it may just reply.

    `asked` is why the reply was held when its author made their `choice`, where that is known.
    """

    by: Owner
    confirms: bool
    choice: HeldChoice | None = None
    asked: HeldFor | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The reply waits for its author's choice; the parts in `left_out` do not go out with it."""

    why: HeldFor
    left_out: tuple[Unsendable, ...] = ()


@dataclass(frozen=True, slots=True)
class Admitted:
    """It goes out, and `happened` with it."""

    happened: Signal | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """It was not begun: held for a reason, or without one a note, since its message carries a lock; or it was
    `changed` just now, and is to be read again."""

    held: HeldFor | None
    changed: bool = False


def admit(stands: Conversation, wish: Wish) -> Admitted | HeldFor:
    """Whether the reply may be begun as the conversation stands."""
    taken = stands.control is Control.HUMAN and stands.owner is not None and stands.owner.id is not None
    by_another = taken and stands.owner is not None and stands.owner.id != wish.by.id
    if stands.control is Control.CLOSED:
        return Admitted(Signal.REOPENED_BY_AGENT) if wish.choice is HeldChoice.REOPEN else HeldFor.CLOSED
    has_it = HeldFor.OWNED if by_another else HeldFor.BOT if stands.control is Control.BOT else None
    # To take it from the AI agent, or to speak beside it, is not to do so to a colleague, nor the reverse.
    if wish.asked is None or has_it in (None, wish.asked):
        match wish.choice:
            case HeldChoice.ONCE:
                return Admitted(None)
            case HeldChoice.TAKE_OVER if stands.control is Control.BOT:
                return Admitted(Signal.TAKEN_OVER)
            case HeldChoice.TAKE_OVER if by_another:
                return Admitted(Signal.TRANSFERRED)
    if wish.confirms and has_it is HeldFor.OWNED:
        return HeldFor.OWNED
    if wish.confirms and has_it is HeldFor.BOT and wish.choice is not HeldChoice.REOPEN:
        return HeldFor.BOT
    return Admitted(Signal.AGENT_SPOKE)


def agreed(left_out: Sequence[Unsendable], refs: Mapping[str, str], choice: HeldChoice | None) -> bool:
    """Whether the author of a reply was asked about all of this, and lets it go out without."""
    named = Counter(refs.get(LEFT_OUT, "").split())
    answered = choice is HeldChoice.WITHOUT or refs.get(ASKED) not in (HeldFor.LEFT_OUT, HeldFor.NOTHING_LEFT)
    return choice is not None and answered and Counter(kinds(left_out).split()) <= named


def kinds(left_out: Sequence[Unsendable]) -> str:
    return " ".join(sorted(part.kind for part in left_out))


def choices(reason: HeldFor, can: Collection[Act]) -> tuple[HeldChoice, ...]:
    """What the author is offered, where the vendor `can` do these acts."""
    match reason:
        case HeldFor.BOT:
            take_over = (HeldChoice.TAKE_OVER,) if Act.TAKE_OVER in can else ()
            return (*take_over, HeldChoice.ONCE, HeldChoice.NOTE)
        case HeldFor.CLOSED:
            reopen = (HeldChoice.REOPEN,) if Act.REOPEN in can else ()
            return (*reopen, HeldChoice.NOTE)
        case HeldFor.OWNED:
            return (HeldChoice.TAKE_OVER, HeldChoice.ONCE, HeldChoice.NOTE)
        case HeldFor.UNCLEAR:
            return (HeldChoice.SEND, HeldChoice.NOTE)
        case HeldFor.LEFT_OUT:
            return (HeldChoice.WITHOUT, HeldChoice.NOTE)
        case HeldFor.NOTHING_LEFT:
            return (HeldChoice.NOTE,)
