"""What the keys and refs of deliveries say, as `bridge trace` reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.delivery.kind import Key, registered
from bridge.engine.gate import ASKED, LEFT_OUT
from bridge.engine.work import COVERS, ECHOED, KEPT, LOOKED, MEANT, OWN_REPORT, QUIET, READ, SENDING, WAS

#: among a delivery's refs, beside the other side's ids: what the bridge keeps there for itself
OWN_REFS = frozenset(
    {"", COVERS, KEPT, SENDING, WAS, LOOKED, READ, ASKED, LEFT_OUT, MEANT, "pace", "acted", "with"}
)
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
    names = {key: [one.kind.name for one in registered() if one.kind.key is key] for key in Key}
    begin = [f"{name}:{delivery}:" for name in names[Key.ATTEMPT]]
    full = [f"{name}:{delivery}" for name in names[Key.DELIVERY]]
    if handoff is not None:
        of_clock = [f"{name}:{handoff}" for name in names[Key.HANDOFF]]
        full += [*of_clock, *(f"alert:{one}" for one in of_clock)]
    return begin, full


def is_id(ref: str) -> bool:
    """Whether the last ref of a delivery is the other side's id."""
    return ref not in NOT_AN_ID and not ref.endswith(FOUND)
