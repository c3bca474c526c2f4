"""What is told to people in Slack after an attempt: marks, notices, questions. Each a delivery of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bridge.engine.work import Again, NewDelivery, Outcome, Turn
from bridge.model import Direction, HeldChoice, HeldFor

STUCK = 60.0  # seconds that a delivery is tried before people are told
TOGETHER = 600.0  # seconds in which late replies have one line
SOON = 10.0  # seconds within which a second try is news to nobody
#: where it is told that a lane of a direction does not get on
_TOLD_OF = {Direction.VENDOR: Direction.SLACK, Direction.SLACK: Direction.ALERTS}


def _new(turn: Turn, direction: Direction, kind: str, told: dict[str, Any]) -> NewDelivery:
    # One delivery may be told of several times: it was held, sent again, failed again.
    key = f"{kind}:{turn.delivery}:{told.get('state', '')}:{turn.began:.6f}"
    return NewDelivery(direction, kind, key, json.dumps(told))


def mark(turn: Turn, state: str) -> NewDelivery:
    """A mark on the agent's message: what became of it. It takes the place of earlier ones."""
    message = turn.read()
    was = [*turn.was, *(["waiting"] if turn.attempt > 1 else [])]
    told = {name: message.get(name) for name in ("team", "channel", "ts")} | {"state": state, "was": was}
    return _new(turn, Direction.MARKS, "mark", told)


def notice(turn: Turn, text: str) -> NewDelivery:
    """The bridge's own words in the conversation's thread."""
    return _new(turn, Direction.SLACK, "notice", {"text": text})


def failure(turn: Turn, text: str, *, uncertain: bool = False) -> NewDelivery:
    """The same of what did not arrive, or may not have, with the button that tries it again."""
    told = {"text": text, "delivery": turn.delivery, "thread_ts": turn.read().get("thread_ts")}
    told["uncertain"] = uncertain
    return _new(turn, Direction.SLACK, "failure", told)


def sent_late(turn: Turn) -> tuple[NewDelivery, ...]:
    """Where a reply that is late was sent: one line for all that a look found, or that came together."""
    message = turn.read()
    if not message.get("late"):
        return ()
    about = message.get("look") or f"{turn.began // TOGETHER:.0f}"
    text = "Written while the bridge was away, and sent now: the replies above that have their mark only now."
    return (NewDelivery(Direction.SLACK, "notice", f"late:{about}", json.dumps({"text": text})),)


def stuck(turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
    """That a delivery still waits, told once, where people see it: what goes into the thread cannot say so
    there."""
    where = _TOLD_OF.get(turn.direction)
    if where is None or not isinstance(outcome, Again):
        return ()
    if turn.age < STUCK and outcome.wait < 2 * STUCK:
        return ()
    told = {"delivery": turn.delivery, "kind": turn.kind, "problem": outcome.problem, "until": outcome.until}
    return (NewDelivery(where, "stuck", f"stuck:{turn.delivery}", json.dumps(told)),)


def question(turn: Turn, why: HeldFor, choices: Sequence[HeldChoice]) -> NewDelivery:
    """What is asked of the author of a held reply, who alone sees it."""
    message = turn.read()
    told = {name: message.get(name) for name in ("team", "channel", "thread_ts", "ts", "user")}
    told |= {"why": why, "choices": list(choices), "delivery": turn.delivery, "text": message.get("text", "")}
    return _new(turn, Direction.MARKS, "question", told)


def undone(turn: Turn, outcome: Outcome) -> str | None:
    """What whoever wants an act is told of an attempt at it; None where that is not worth a word."""
    wanted = turn.read()["act"].replace("_", " ")
    problem = getattr(outcome, "problem", "")
    if not isinstance(outcome, Again):
        return f"You wanted to {wanted}, which was not done: {problem}"
    if turn.attempt != 2 and not (turn.attempt == 1 and outcome.wait > SOON):
        return None
    return f"You wanted to {wanted}, which is not done yet: {problem.rstrip('.')}. It is tried again."


def whisper(turn: Turn, text: str) -> NewDelivery:
    """Words that only whoever acted sees, where they did it."""
    asked = turn.read()
    told = {name: asked.get(name) for name in ("team", "channel", "thread_ts", "user")}
    return _new(turn, Direction.MARKS, "whisper", {**told, "text": text})
