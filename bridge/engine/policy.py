"""From what went wrong to what happens next: pure, and configured as data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bridge.config import Retry
from bridge.engine.work import SENDING, Again, Failed, Turn, Uncertain
from bridge.errors import (
    BridgeError,
    DeliveryError,
    Forbidden,
    OutcomeUnknown,
    Rejected,
    RetryAfter,
    Unavailable,
)
from bridge.model import Direction

FAULTS = 5  # attempts, where one ends with a fault in this program
PATIENCE = 180.0  # seconds in which something is tried that replies wait behind, though they do not need it
JITTER = 0.2  # of the delay, so that what failed together is not tried together


@contextlib.contextmanager
def while_patient(turn: Turn, error: type[DeliveryError]) -> Iterator[None]:
    """Within it an `error` of a turn that has been tried for `PATIENCE` is the last."""
    try:
        yield
    except error as last:
        if turn.age <= PATIENCE:
            raise
        raise Rejected(last.problem, where=last.where, remedy=last.remedy, detail=last.detail) from None


def decide(error: Exception, turn: Turn, retry: Retry, chance: float) -> Again | Failed | Uncertain:
    """The outcome of an attempt that raised `error`. `chance` is a random number in 0..1 for the jitter.

    An error that is none of ours is a fault in this program: it is tried again with doubt, since nobody
    knows how far it got, but not for long, since waiting mends it seldom and holds up what comes after.
    """
    fault = not isinstance(error, BridgeError)
    problem, detail, where = "internal error", f"internal error ({type(error).__name__})", ""
    if isinstance(error, BridgeError):
        problem, where = error.told, error.where
        detail = error.technical if error.detail else ""
    if isinstance(error, Rejected):
        forbidden = isinstance(error, Forbidden)
        return Failed(problem, where=where, detail=detail, can_retry=error.can_retry, forbidden=forbidden)
    doubt = turn.doubt or fault or isinstance(error, OutcomeUnknown | Unavailable)
    if turn.age >= retry.give_up_after or (fault and turn.attempt >= FAULTS):
        given_up = f" (given up after {turn.attempt} attempts)"
        problem, detail = problem + given_up, detail and detail + given_up
        # What a customer may have is not to be written again as if they had not.
        may_have = doubt and turn.direction is Direction.VENDOR and SENDING in turn.refs
        return (Uncertain if may_have else Failed)(problem, where=where, detail=detail)
    until = turn.began - turn.age + retry.give_up_after
    if isinstance(error, RetryAfter):
        wait = error.seconds + chance * JITTER
    else:
        wait = retry.delays[min(turn.attempt, len(retry.delays)) - 1] * (1 + JITTER * (2 * chance - 1))
    return Again(wait, problem, doubt=doubt, until=until, where=where, detail=detail)
