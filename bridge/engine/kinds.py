"""The kinds of deliveries, and what their keys and refs say: the one list that `bridge trace` reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bridge.engine.gate import ASKED, LEFT_OUT
from bridge.engine.work import COVERS, ECHOED, KEPT, MEANT, OWN_REPORT, QUIET, READ, REVISION, SENDING, WAS


class Key(StrEnum):
    """What the key of a delivery names, after its kind and a colon."""

    OWN = "what came in, or the day, or the place"
    DELIVERY = "the delivery that queued it"
    ATTEMPT = "the delivery that queued it, and at which attempt"
    HANDOFF = "the handoff whose clock queued it"


KINDS: Mapping[str, Key] = {
    # into the thread
    "event": Key.OWN,
    REVISION: Key.OWN,
    "notice": Key.ATTEMPT,
    "failure": Key.ATTEMPT,
    "too_late": Key.OWN,
    "opened_again": Key.OWN,
    "stuck": Key.DELIVERY,
    "transcript": Key.DELIVERY,
    "customer": Key.OWN,
    # to the vendor
    "reply": Key.OWN,
    "correction": Key.OWN,
    "choice": Key.OWN,
    "act": Key.OWN,
    "look": Key.OWN,
    "history": Key.OWN,
    "profile": Key.OWN,
    "greeting": Key.HANDOFF,
    # agents' words to the bridge
    "who": Key.OWN,
    "help": Key.OWN,
    # beside the thread
    "mark": Key.ATTEMPT,
    "question": Key.ATTEMPT,
    "whisper": Key.ATTEMPT,
    "by_app": Key.OWN,
    "card": Key.DELIVERY,
    "again": Key.DELIVERY,
    "alert": Key.OWN,
    "alarm": Key.OWN,
    # clocks
    "clock": Key.DELIVERY,
    "reminder": Key.DELIVERY,
    "escalation": Key.DELIVERY,
    "digest": Key.OWN,
    "numbers": Key.OWN,
    "scan": Key.OWN,
}

#: among a delivery's refs, beside the other side's ids: what the bridge keeps there for itself
OWN_REFS = frozenset({"", COVERS, KEPT, SENDING, WAS, READ, ASKED, LEFT_OUT, MEANT, "pace", "acted", "with"})
#: what a delivery came to that has no id at the other side
NOT_AN_ID: Mapping[str, str] = {
    QUIET: "not shown by itself: the route mirrors handoffs only, and this belongs to none (a quiet channel)",
    OWN_REPORT: "not shown: it reports an act of ours, which the thread shows already",
    ECHOED: "not shown: it tells back what was said from here",
    "told": "not shown: the vendor's history had told it already",
    "not needed": "nothing to do any more when its turn came",
    "not told": "the vendor has no call that says it, or gave no answer",
    "away": "nothing could be read there: the thread or the channel is gone, or a scope is missing",
}
FOUND = " found"  # what a look, or a question to the vendor's history, came to


def queued_by(delivery: int, handoff: int | None) -> tuple[list[str], list[str]]:
    """How the keys begin of all that a delivery queues, and what they are in full. `handoff` is the one whose
    clock it is."""
    begin = [f"{kind}:{delivery}:" for kind, key in KINDS.items() if key is Key.ATTEMPT]
    full = [f"{kind}:{delivery}" for kind, key in KINDS.items() if key is Key.DELIVERY]
    if handoff is not None:
        of_clock = [f"{kind}:{handoff}" for kind, key in KINDS.items() if key is Key.HANDOFF]
        full += [*of_clock, *(f"alert:{one}" for one in of_clock)]
    return begin, full


def is_id(ref: str) -> bool:
    """Whether the last ref of a delivery is the other side's id."""
    return ref not in NOT_AN_ID and not ref.endswith(FOUND)
