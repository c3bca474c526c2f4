"""What the row of a delivery says of where it went, what it waits for, or why it went nowhere. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.config import Engine, Route
from bridge.delivery.kind import readable_payload
from bridge.delivery.kinds import Decided
from bridge.engine.gate import ASKED
from bridge.engine.refs import NOT_AN_ID, OWN_REFS, is_id
from bridge.engine.work import COVERS, KEPT, QUIET, WAS
from bridge.model import Direction
from bridge.store.trace import Life

#: what each lane carries, as an operator asks about it
LANES = {
    Direction.SLACK: "into the thread",
    Direction.VENDOR: "to the vendor",
    Direction.MARKS: "on messages that stand",
    Direction.CARD: "the card",
    Direction.STATUS: "who types",
    Direction.ACTS: "an act",
    Direction.ALERTS: "alerts",
    Direction.CLOCKS: "clocks",
}
_HELD = {
    "bot": "the AI agent has the conversation",
    "closed": "the conversation is closed",
    "owned": "somebody else has the conversation",
    "unclear": "it may be a word for the bridge",
    "left_out": "some of it cannot go out",
    "nothing_left": "nothing of it can go out",
}
_CHOSEN = {
    "take_over": "to take over and send it",
    "once": "to send it once",
    "reopen": "to reopen the conversation and send it",
    "send": "to send it",
    "without": "to send it without what cannot go out",
    "note": "to keep it as a note",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A Slack message that a step became; `rung` 0 is its richest form."""

    team: str
    channel: str
    ts: str
    rung: int


def places(row: Any, life: Life) -> list[Place]:
    """Where it stands in Slack."""
    refs: dict[str, Any] = json.loads(row.refs)
    thread = [one for one in life.threads if not one.alert and one.opened_at <= (row.done_at or life.now)]
    if row.direction in (Direction.ALERTS, Direction.CLOCKS):
        alerts = [one for one in life.threads if one.alert and one.ts == refs.get("")]
        return [Place(one.team, one.channel, one.ts, 0) for one in alerts]
    if row.direction != Direction.SLACK or not thread:
        return []
    stand = {name: ts for name, ts in refs.items() if name.isdecimal()}
    if _is_ts(refs.get("")) and refs[""] not in stand.values():
        stand[str(max(map(int, stand), default=-1) + 1)] = refs[""]
    return [
        Place(thread[-1].team, thread[-1].channel, ts, int(refs.get(f"{step}.rung", 0)))
        for step, ts in sorted(stand.items(), key=lambda one: int(one[0]))
        if _is_ts(ts)
    ]


def vendor_ids(row: Any) -> list[str]:
    """The ids that a vendor gave what it was sent."""
    if row.direction != Direction.VENDOR:
        return []
    refs: dict[str, Any] = json.loads(row.refs)
    told = [one for name, one in refs.items() if name not in OWN_REFS and one]
    last = refs.get("")
    return told + ([last] if last and is_id(last) else [])


def why(row: Any, life: Life, route: Route, engine: Engine, redacted: Callable[[str], str]) -> Iterable[str]:
    """What is to be said of it beside its state, a sentence each."""
    refs, decided = json.loads(row.refs), _decided(row)
    if decided is not None and decided.choice is not None:
        yield f"its author chose {_CHOSEN[decided.choice]}"
    if decided is not None and decided.again_by:
        yield f"{decided.again_by} wanted it sent again"
    if was := refs.get(WAS):
        yield f"it was {was} before it was queued again"
    problem = redacted(row.problem) if row.problem else "no reason is known"
    match row.state:
        case "sent":
            yield from _sent(row, refs, life, redacted)
        case "queued":
            yield from _queued(row, life, route, engine, redacted)
        case "sending":
            held = life.lanes[Direction(row.direction)]
            yield f"{_worker(held.owner, life)} is carrying it, since {at(row.started_at)}"
            if held.due is not None and held.due < life.now:
                yield "its lease has ended: another worker takes it over"
        case "failed":
            yield f"given up: {problem}"
            yield f"`bridge deadletters retry {row.id}` queues it again"
        case "uncertain":
            yield f"nobody knows whether it arrived: {problem}"
        case "cancelled":
            yield from _cancelled(refs, decided, problem)


def _sent(row: Any, refs: Mapping[str, Any], life: Life, redacted: Callable[[str], str]) -> Iterable[str]:
    told = str(refs.get("") or "")
    if "with" in refs:
        yield f"shown in one message with delivery {refs['with']}, which came before it"
    elif told in NOT_AN_ID:
        yield NOT_AN_ID[told]
        folded = int(life.conversation.facts.get("told_to", 0))
        if told == QUIET and folded > row.id:
            yield f"shown later, folded, at the latest with delivery {folded}"
        elif told == QUIET:
            yield "it is shown, folded, with the next that is shown"
    elif row.direction == Direction.SLACK and not told:
        opened = any(row.started_at <= one.opened_at <= row.done_at for one in life.threads)
        yield "it opened the thread: the card shows it" if opened else "there was nothing to show of it"
    for name, reason in refs.items():
        if name.endswith(".link"):
            yield f"a file is told as a link: {redacted(str(reason))}"
    if covers := refs.get(COVERS):
        yield f"its message also shows: {', '.join(str(covers).split())}"


def _queued(
    row: Any, life: Life, route: Route, engine: Engine, redacted: Callable[[str], str]
) -> Iterable[str]:
    direction = Direction(row.direction)
    lane, head = life.lanes[direction], life.behind.get(direction)
    if head is not None and head.id != row.id:
        yield f"waits behind delivery {head.id} ({head.kind}), which is {head.state}"
        row = head
    if row.state == "queued" and row.attempts:
        retry = engine.to_vendor if direction is Direction.VENDOR else engine.to_slack
        until = at(row.first_at + retry.give_up_after)
        yield f"tried {row.attempts} times, is tried until {until}: {redacted(row.problem or '')}"
    if row.state != "queued":
        return
    if lane.owner is not None:
        yield f"{_worker(lane.owner, life)} has its lane"
    elif lane.due is not None and lane.due > life.now + 0.5:
        what = "sleeps" if row.kind == "clock" else "the next try is due" if row.attempts else "put back"
        yield f"{what} until {at(lane.due)}{_by_pace(row, route)}"
    elif not life.workers:
        yield "its turn has come, and no worker runs: start `bridge serve` or `bridge work`"
    else:
        yield f"its turn came at {at(lane.due or row.created_at)}: the workers are busy, or none is left"


def _by_pace(row: Any, route: Route) -> str:
    if row.slot is None or row.attempts:
        return ""
    if row.direction == Direction.VENDOR:
        return f", by send_delay ({route.send_delay:g} s) or the vendor's limits"
    return ", by Slack's pace for a channel" if row.direction == Direction.SLACK else ""


def _cancelled(refs: Mapping[str, Any], decided: Decided | None, problem: str) -> Iterable[str]:
    match refs.get(KEPT):
        case "held":
            reason = str(refs.get(ASKED) or "")
            user = None if decided is None else decided.user
            yield f"held, since {_HELD.get(reason, problem)}; {user} was asked, and has not chosen"
        case "note" if problem == "deleted in Slack":
            yield problem
        case "note":
            yield "a note: it stays in Slack"
        case _:
            yield problem


def _worker(number: int | None, life: Life) -> str:
    if number is None:
        return "a worker that is gone"
    return f"worker {number} ({life.workers[number]})" if number in life.workers else f"worker {number}"


def _decided(row: Any) -> Decided | None:
    payload = readable_payload(Direction(row.direction), row.kind, row.payload)
    return payload if isinstance(payload, Decided) else None


def _is_ts(value: object) -> bool:
    """https://docs.slack.dev/messaging/retrieving-messages: a message's id is its time."""
    return isinstance(value, str) and value.replace(".", "", 1).isdecimal() and "." in value


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
