"""What Slack shows of a reply or an act that did not get to the vendor: marks and notices. Pure."""

from __future__ import annotations

from bridge.delivery.kinds import Correction, Decided, Greeting, History, OptionPressed, Profile, VendorAct
from bridge.engine.follow import failure, mark, notice, undone, whisper, whisper_to
from bridge.engine.steps import is_step
from bridge.engine.work import Again, Failed, NewDelivery, Outcome, Turn, Uncertain


def after_failure(turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
    """The deliveries that follow an attempt which did not succeed."""
    payload, problem = turn.payload, getattr(outcome, "problem", "")
    in_part = any(map(is_step, turn.refs))
    if isinstance(outcome, Failed) and outcome.forbidden and isinstance(payload, Decided) and not in_part:
        return _forbidden(turn, payload, problem)
    match payload:
        case History():
            if isinstance(outcome, Again):
                return ()
            if payload.earlier:
                return (notice(turn, f"The messages before this handoff could not be fetched: {problem}"),)
            return (notice(turn, f"What was said while the bridge was away is not known: {problem}"),)
        case Profile():
            return ()
        case OptionPressed() | Greeting():
            if isinstance(outcome, Again):
                return ()
            what = "Nobody knows whether it arrived" if isinstance(outcome, Uncertain) else "It was not said"
            was = "chosen" if isinstance(payload, OptionPressed) else "to be said"
            return (notice(turn, f"Something was {was} for the customer. {what}: {problem}"),)
        case VendorAct():
            text = undone(turn, outcome)
            return (whisper(turn, text),) if text else ()
    # The message of a correction carries the mark of the reply that it corrects.
    marks = not isinstance(payload, Correction)
    if isinstance(outcome, Again):
        return (mark(turn, "waiting"),) if turn.attempt == 1 and marks else ()
    if isinstance(outcome, Uncertain):
        text = (
            f"Nobody knows whether this reply arrived: {problem}. "
            "Look in the vendor's console before you send it again."
        )
        told = failure(turn, text, uncertain=True)
        return (mark(turn, "uncertain"), told) if marks else (told,)
    what = "Only a part of a reply was sent" if in_part else "A reply was not sent"
    can_retry = getattr(outcome, "can_retry", True)
    told = failure(turn, f"{what} to the customer: {problem}", can_retry=can_retry)
    return (mark(turn, "failed"), told) if marks else (told,)


def _forbidden(turn: Turn, wanted: Decided, problem: str) -> tuple[NewDelivery, ...]:
    """What a person wanted who may not: they alone hear why. Whoever may can write a reply of their own."""
    by = wanted.again_by or wanted.user
    if isinstance(wanted, OptionPressed):
        return (
            whisper_to(turn, by, f"Your choice “{wanted.label}” was not sent for the customer: {problem}"),
        )
    if isinstance(wanted, Correction):
        return (whisper_to(turn, by, f"The correction was not sent to the customer: {problem}"),)
    return (mark(turn, "failed"), whisper_to(turn, by, f"This reply was not sent to the customer: {problem}"))
