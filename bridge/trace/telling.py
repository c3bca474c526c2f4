"""A conversation's life in the order of time, as data: webhooks, deliveries with attempts, handoffs, threads.

What people wrote is in it only where it was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bridge.config import Config
from bridge.delivery.kind import payload_of
from bridge.delivery.kinds import OfEvent
from bridge.engine.known import revision_key
from bridge.engine.lanes import redacted
from bridge.errors import DeliveryError
from bridge.model import AnyEvent, Direction
from bridge.received import SLACK, again, of_slack
from bridge.slack.routes import Routes
from bridge.store.lanes import storable
from bridge.store.trace import Life
from bridge.trace.why import at, places, vendor_ids, why

Told = dict[str, Any]

KEEPING = 5.0  # seconds between a webhook's row and those of its deliveries: one transaction writes many
#: the fields of an event that hold no words
_OF_EVENT = ("kind", "state", "by", "active", "type", "problem", "wait")


class Telling:
    """`addresses`: where Slack shows messages, by team, as far as that is known; `text`: also what people
    wrote."""

    def __init__(self, config: Config, addresses: Mapping[str, str], *, text: bool) -> None:
        self._config = config
        self._routes = Routes(config.routes, config.sources)
        self._addresses = addresses
        self._text = text

    def conversation(self, life: Life) -> Told:
        stands = life.conversation
        route = self._routes.of(stands)
        return {
            "conversation": str(stands.key),
            "vendor": self._routes.vendor(stands),
            "control": stands.control,
            "since": None if stands.since is None else at(stands.since),
            "owner": None if stands.owner is None else stands.owner.id or stands.owner.name,
            "route": {
                "number": self._config.routes.index(route) + 1,
                "workspace": route.workspace,
                "channel": route.channel,
                "mirror": route.mirror,
                "reply_mode": route.reply_mode,
                "alert_channel": route.alert_channel,
            },
        }

    def life(self, life: Life, webhooks: Sequence[Any]) -> list[Told]:
        told = [*self._webhooks(webhooks, life), *self._deliveries(life)]
        told += [*_handoffs(life), *self._threads(life)]
        return sorted(told, key=lambda one: str(one["at"]))

    # ── webhooks ─────────────────────────────────────────────────────────────────────────────────

    def _webhooks(self, rows: Sequence[Any], life: Life) -> Iterable[Told]:
        before: set[int] = set()
        for row in rows:
            told = self.webhook(row)
            keys = told.pop("keys")
            if told["events"] and not any(
                one["conversation"] == life.conversation.key.id for one in told["events"]
            ):
                continue  # it only names this one
            made = [
                one
                for one in life.deliveries
                if one.key in keys or (row.source == SLACK and any(key in one.key for key in keys))
            ]
            told["deliveries"] = [one.id for one in made]
            if made and before.issuperset(told["deliveries"]):
                told["why"].append("told once more: what it says was here before, and nothing was queued")
            before.update(told["deliveries"])
            yield told

    def webhook(self, row: Any) -> Told:
        """One that came in; `keys` are those of the deliveries that it queued."""
        told: Told = {"at": at(row.received_at), "what": "webhook", "number": row.id, "source": row.source}
        told |= {"key": row.key, "bytes": len(row.body), "events": [], "why": []}
        if row.source == SLACK:
            kind, user, told["keys"] = of_slack(row.body)
            told |= {"told": kind, "by": user}
        else:
            read = again(row, self._config.sources.get(row.source))
            told["keys"] = tuple(storable(key) for event in read.events for key in _delivery_keys(event))
            told["events"] = [
                {"kind": event.kind, "id": event.id, "conversation": event.conversation.id}
                for event in read.events
            ]
            if read.problem:
                told["why"].append(f"cannot be read again: {read.problem}")
            elif not read.events:
                told["why"].append("kept, and nothing of it is shown: it tells no event of a conversation")
            told["why"] += [f"not known to this version: {kind[:80]}" for kind in read.unread]
        if self._text:
            told["body"] = row.body.decode(errors="replace")
        return told

    # ── deliveries ───────────────────────────────────────────────────────────────────────────────

    def _deliveries(self, life: Life) -> Iterable[Told]:
        route = self._routes.of(life.conversation)
        for row in life.deliveries:
            tries = life.attempts.get(row.id, ())
            began = [*(one.started_at for one in tries), *([] if row.first_at is None else [row.first_at])]
            told: Told = {
                "at": at(row.created_at),
                "what": "delivery",
                "number": row.id,
                "direction": row.direction,
                "kind": row.kind,
                "id": row.key,
                "state": row.state,
                "about": _about(row),
                "why": list(why(row, life, route, self._config.engine, self._shown)),
                "places": [
                    {
                        "channel": one.channel,
                        "ts": one.ts,
                        "rung": one.rung,
                        "link": self._link(one.team, one.channel, one.ts, life),
                    }
                    for one in places(row, life)
                ],
                "vendor_ids": vendor_ids(row),
                "waited": _seconds(min(began, default=None), row.created_at),
                "took": _seconds(row.done_at, row.created_at),
                "attempts": list(self._attempts(tries, life)),
            }
            if self._text:
                told["payload"] = json.loads(row.payload)
            yield told

    def _attempts(self, tries: Sequence[Any], life: Life) -> Iterable[Told]:
        before = last = 0
        for row in tries:
            if row.number <= last:  # it was queued again, and they are counted anew
                before += last
            last = row.number
            yield {
                "number": before + row.number,
                "at": at(row.started_at),
                "seconds": _seconds(row.ended_at, row.started_at),
                "worker": life.workers.get(row.worker) or row.worker,
                "outcome": row.outcome,
                "problem": self._shown(row.problem) if row.problem else None,
            }

    # ── threads ──────────────────────────────────────────────────────────────────────────────────

    def _threads(self, life: Life) -> Iterable[Told]:
        for one in life.threads:
            yield {
                "at": at(one.opened_at),
                "what": "alert" if one.alert else "thread",
                "team": one.team,
                "channel": one.channel,
                "ts": one.ts,
                "link": self._link(one.team, one.channel, one.ts, None),
            }

        stand = {one.ts for one in life.threads}
        places = [place for one in life.handoffs for place in one.places.values() if place.ts not in stand]
        team = life.conversation.thread.team if life.conversation.thread else None
        for place in places:  # a message's ts is its time
            yield {
                "at": at(float(place.ts)),
                "what": "alert",
                "channel": place.channel,
                "ts": place.ts,
                "link": self._link(team, place.channel, place.ts, life),
            }

    def _link(self, team: str | None, channel: str, ts: str, life: Life | None) -> str | None:
        if team is None or team not in self._addresses:
            return None
        thread = life.conversation.thread if life is not None else None
        below = f"?thread_ts={thread.ts}&cid={channel}" if thread and thread.channel == channel else ""
        return f"{self._addresses[team]}/archives/{channel}/p{ts.replace('.', '')}{below}"

    def _shown(self, problem: str) -> str:
        return problem if self._text else redacted(problem)


def _delivery_keys(event: AnyEvent) -> tuple[str, ...]:
    """Those under which `event` may be queued: its own, or as a revision of what has its id."""
    return event.id, revision_key(event)


def _about(row: Any) -> Told:
    """What it carries, without anybody's words."""
    try:
        payload = payload_of(Direction(row.direction), row.kind, row.payload)
    except DeliveryError as error:
        return {"problem": error.problem}
    if not isinstance(payload, OfEvent):
        return payload.public()
    event = payload.event.model_dump(mode="json")
    told = {name: event[name] for name in _OF_EVENT if event.get(name) is not None}
    author = event.get("author") or {}
    if isinstance(told.get("by"), dict):
        told["by"] = told["by"].get("role")
    told |= {"author": author["role"]} if "role" in author else {}
    told |= {"parts": [part["kind"] for part in event["parts"]]} if event.get("parts") else {}
    return told | ({"late": True} if event.get("late") else {})


def _handoffs(life: Life) -> Iterable[Told]:
    for one in life.handoffs:
        happened = [
            (one.started_at, "began", None),
            (
                one.waiting_since if one.round > 1 else None,
                f"waits again (round {one.round})",
                one.released_by,
            ),
            (one.claimed_at, "with a human", None),
            (one.answered_at, "first answer", None),
            (one.breached_at, "nobody had come in time", None),
            (one.alarmed_at, "the AI agent spoke beside a human", None),
            (one.ended_at, f"ended: {one.ending}", one.ended_by),
        ]
        for when, what, by in happened:
            if when is not None:
                yield {"at": at(when), "what": "handoff", "number": one.id, "happened": what, "by": by}


def _seconds(until: float | None, since: float) -> float | None:
    return None if until is None else round(until - since, 3)
