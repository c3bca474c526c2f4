"""What happened, as people read it: a line, and below it where it went and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.model import Direction
from bridge.received import SLACK
from bridge.trace.why import LANES

Told = Mapping[str, Any]


def lines(told: Told) -> Iterable[str]:
    yield f"{told['at']}  {_heading(told)}"
    for one in told.get("places", ()):
        plainer = f", on rung {one['rung']}: Slack refused it in a richer form" if one["rung"] else ""
        yield f"    posted in {one['channel']} as {one['ts']}{plainer}{_linked(one['link'])}"
    for one in told.get("vendor_ids", ()):
        yield f"    the vendor calls it {one}"
    for one in told.get("why", ()):
        yield f"    {one}"
    for one in told.get("attempts", ()):
        by = f" by worker {one['worker']}" if one["worker"] else ""
        became = f"{one['outcome']}: {one['problem']}" if one["problem"] else one["outcome"]
        yield f"    attempt {one['number']}{by}, {one['at']}, {one['seconds']:.3f} s: {became}"
    if "payload" in told:
        yield f"    {json.dumps(told['payload'], ensure_ascii=False)}"
    if "body" in told:
        yield f"    {told['body']}"


def _heading(told: Told) -> str:
    match told["what"]:
        case "webhook" if told["source"] == SLACK:
            return f"Slack told: {told['told']} by {told['by']} ({told['key']}){_led(told)}"
        case "webhook":
            events = ", ".join(f"{one['kind']} {one['id']}" for one in told["events"]) or "no event"
            came = f"webhook of {told['source']}, {told['bytes']} bytes ({told['key']})"
            return f"{came}: {events}{_led(told)}"
        case "delivery":
            about = ", ".join(f"{name} {_word(value)}" for name, value in told["about"].items())
            waited = "" if told["waited"] is None else f", begun after {told['waited']:.3f} s"
            took = "" if told["took"] is None else f", ended after {told['took']:.3f} s"
            what = f"{told['kind']} ({about})" if about else told["kind"]
            where = LANES[Direction(told["direction"])]
            return f"delivery {told['number']} {where}: {what}: {told['state'].upper()}{waited}{took}"
        case "handoff":
            by = f" by {told['by']}" if told["by"] else ""
            return f"handoff {told['number']}: {told['happened']}{by}"
    what = "an alert stands in" if told["what"] == "alert" else "the thread is in"
    return f"{what} {told['channel']}: {told['ts']}{_linked(told['link'])}"


def _led(told: Told) -> str:
    numbers = [str(one) for one in told.get("deliveries", ())]
    return f" -> {'delivery' if len(numbers) == 1 else 'deliveries'} {', '.join(numbers)}" if numbers else ""


def _linked(link: str | None) -> str:
    return f"  {link}" if link else ""


def _word(value: object) -> str:
    return "+".join(str(one) for one in value) if isinstance(value, list) else str(value)
