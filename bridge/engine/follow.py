"""What is told to people in Slack after an attempt: marks, notices, questions. Each a delivery of its own."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.delivery.kind import Payload
from bridge.delivery.kinds import (
    FailureNotice,
    InSlack,
    Mark,
    Notice,
    Question,
    SlackReply,
    StuckAlert,
    StuckNotice,
    WantedAct,
    Whisper,
)
from bridge.engine.work import Again, NewDelivery, Outcome, Turn
from bridge.model import Direction, HeldChoice, HeldFor

STUCK = 60.0  # seconds that a delivery is tried before people are told
TOGETHER = 600.0  # seconds in which late replies have one line
SOON = 10.0  # seconds within which a second try is news to nobody
#: where it is told that a lane of a direction does not get on
_TOLD_OF = {Direction.VENDOR: StuckNotice, Direction.SLACK: StuckAlert}


def _new(turn: Turn, payload: Payload, state: str = "") -> NewDelivery:
    # One delivery may be told of several times: it was held, sent again, failed again.
    return NewDelivery.of(payload, f"{payload.kind.name}:{turn.delivery}:{state}:{turn.began:.6f}")


def mark(turn: Turn, state: str) -> NewDelivery:
    """A mark on the agent's message: what became of it. It takes the place of earlier ones."""
    message = turn.carries(InSlack)
    was = (*turn.was, *(["waiting"] if turn.attempt > 1 else []))
    where = Mark(team=message.team, channel=message.channel or "", ts=message.ts or "", state=state, was=was)
    return _new(turn, where, state)


def notice(turn: Turn, text: str) -> NewDelivery:
    """The bridge's own words in the conversation's thread."""
    return _new(turn, Notice(text=text))


def failure(turn: Turn, text: str, *, uncertain: bool = False, can_retry: bool = True) -> NewDelivery:
    """The same of what did not arrive, or may not have. Where it `can_retry`, a button does so."""
    payload = turn.payload
    thread_ts = payload.thread_ts if isinstance(payload, InSlack) else None
    failed = FailureNotice(
        text=text, delivery=turn.delivery, thread_ts=thread_ts, uncertain=uncertain, can_retry=can_retry
    )
    return _new(turn, failed)


def sent_late(turn: Turn) -> tuple[NewDelivery, ...]:
    """Where a reply that is late was sent: one line for all that a look found, or that came together."""
    message = turn.payload
    if not isinstance(message, SlackReply) or not message.late:
        return ()
    about = message.look or f"{turn.began // TOGETHER:.0f}"
    text = "Written while the bridge was away, and sent now: the replies above that have their mark only now."
    return (NewDelivery.of(Notice(text=text), f"late:{about}"),)


def stuck(turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
    """That a delivery still waits, told once, where people see it: what goes into the thread cannot say so
    there."""
    where = _TOLD_OF.get(turn.direction)
    if where is None or not isinstance(outcome, Again):
        return ()
    if turn.age < STUCK and outcome.wait < 2 * STUCK:
        return ()
    waits = where(delivery=turn.delivery, about=turn.kind, problem=outcome.problem, until=outcome.until)
    return (NewDelivery.after(turn, waits),)


def question(
    turn: Turn, why: HeldFor, choices: Sequence[HeldChoice], left_out: Sequence[str] = ()
) -> NewDelivery:
    """What is asked of the author of a held reply, who alone sees it; `left_out` labels what stays in."""
    message = turn.carries(InSlack)
    asked = Question(
        user=message.user,
        team=message.team,
        channel=message.channel,
        thread_ts=message.thread_ts,
        ts=message.ts,
        why=why,
        choices=tuple(choices),
        delivery=turn.delivery,
        text=message.text if isinstance(message, SlackReply) else "",
        left_out=tuple(left_out),
    )
    return _new(turn, asked)


def undone(turn: Turn, outcome: Outcome) -> str | None:
    """What whoever wants an act is told of an attempt at it; None where that is not worth a word."""
    act = turn.carries(WantedAct).act.replace("_", " ")
    problem = getattr(outcome, "problem", "")
    if not isinstance(outcome, Again):
        return f"You wanted to {act}, which was not done: {problem}"
    if turn.attempt != 2 and not (turn.attempt == 1 and outcome.wait > SOON):
        return None
    return f"You wanted to {act}, which is not done yet: {problem.rstrip('.')}. It is tried again."


def whisper(turn: Turn, text: str) -> NewDelivery:
    """Words that only whoever acted sees, where they did it."""
    asked = turn.carries(InSlack)
    whispered = Whisper(
        user=asked.user, team=asked.team, channel=asked.channel, thread_ts=asked.thread_ts, text=text
    )
    return _new(turn, whispered)


def whisper_to(turn: Turn, user: str, text: str) -> NewDelivery:
    """Words that only `user` sees, in the conversation's own thread."""
    thread = turn.conversation.thread
    channel, thread_ts = (thread.channel, thread.ts) if thread else (None, None)
    return _new(turn, Whisper(user=user, channel=channel, thread_ts=thread_ts, text=text), user)
