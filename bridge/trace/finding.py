"""Which conversation or message is meant: by a vendor's ids, a place in Slack, or a delivery's number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bridge.store import trace
from bridge.store.database import Database
from bridge.store.tables import delivery, inbox

# https://docs.slack.dev/reference/methods/chat.getPermalink
_PATH = re.compile(r"/archives/([A-Z0-9]+)/p(\d{7,})")
_TS = re.compile(r"\d{10,}\.\d{6}")
WEEK = 7 * 86400.0  # seconds in which a message gets into Slack, or never


@dataclass(frozen=True, slots=True)
class Spot:
    """A message in Slack; the channel is not known where only its ts was given."""

    ts: str
    channel: str | None = None
    thread_ts: str | None = None


@dataclass(slots=True)
class Found:
    """The conversations that are meant, of each one delivery or all (None), or webhooks that led nowhere.
    `looked` says what was looked for, `why` what is known of what was not found."""

    meant: list[tuple[int, int | None]] = field(default_factory=list)
    webhooks: list[Any] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)


def spot(wanted: str) -> Spot | None:
    """The place in Slack that `wanted` is the address or the ts of."""
    if _TS.fullmatch(wanted):
        return Spot(wanted)
    address = urlsplit(wanted)
    found = _PATH.fullmatch(address.path.rstrip("/"))
    if not address.scheme.startswith("http") or found is None:
        return None
    thread = parse_qs(address.query).get("thread_ts", [None])[0]
    return Spot(f"{found[2][:-6]}.{found[2][-6:]}", found[1], thread)


async def find(database: Database, wanted: str, source: str | None, since: float) -> Found:
    """`since`: from when on webhooks are looked through for what no conversation is known of."""
    if (place := spot(wanted)) is not None:
        return await _in_slack(database, place)
    found = Found()
    if wanted.isdecimal() and int(wanted) < 2**63:
        found.looked.append(f"a delivery with the number {wanted}")
        about = await database.run(trace.by_number, int(wanted))
        if about is not None and await _is_of(database, about, source):
            found.meant.append((about, int(wanted)))
            return found
    named, _, rest = wanted.partition("/")
    found.looked.append(f"a conversation that {source or 'any source'} calls {wanted}")
    keys = await database.run(trace.by_key, source, wanted)
    if not keys and rest and source in (None, named):
        keys = await database.run(trace.by_key, named, rest)
    if len(keys) > 1:
        found.why.append(f"several have it; say which: {', '.join(f'{one}/{wanted}' for _, one in keys)}")
        return found
    if keys:
        found.meant.append((keys[0][0], None))
        return found
    found.looked.append(f"a message with the id {wanted}, also as the vendor calls a reply")
    found.meant += [one for one in await _by_id(database, wanted) if await _is_of(database, one[0], source)]
    if not found.meant:
        found.looked.append(f"a webhook{f' of {source}' if source else ''} that names it")
        found.webhooks = await heard(database, since, None, [source] if source else [], [wanted])
    return found


async def _in_slack(database: Database, place: Spot) -> Found:
    ts, channel = place.ts, place.channel
    found = Found(looked=[f"a person's message {ts}{f' in {channel}' if channel else ''} that was queued"])
    found.meant += await database.run(trace.by_message, channel, ts)
    if found.meant:
        return found
    found.looked.append("a thread that begins with it")
    threads = await database.run(trace.by_thread, channel, ts)
    if threads:
        found.meant = [(one.conversation_id, None) for one in threads]
        return found
    found.looked.append("a message of the bridge that stands there")
    if place.thread_ts is None:
        found.meant += await _by_id(database, ts, at=float(ts))
        if not found.meant and channel is not None and not await database.run(trace.knows, channel):
            found.why.append(f"no thread of the bridge is in {channel}: no route has led there so far")
        return found
    threads = await database.run(trace.by_thread, channel, place.thread_ts)
    if not threads:
        found.why.append(
            "its thread belongs to no conversation of the bridge: what is written there is not kept"
        )
        return found
    (about, alert), *_ = threads
    found.meant += await _by_id(database, ts, at=float(ts), about=about)
    if found.meant:
        return found
    found.why.append(f"its thread is that of conversation {about_of(await database.run(trace.name, about))}")
    if alert:
        found.why.append("it stands below an alert: what is said there is for no customer, and not kept")
    elif channel is not None and await database.run(trace.is_locked, channel, ts):
        found.why.append("it carries a lock: a note, whatever it says")
    else:
        found.why.append(
            "if a person wrote it, Slack has not told the bridge of it: `bridge doctor` checks the app's "
            "events, and whether it is in the channel; what was written while the bridge was away is looked "
            "for as it starts"
        )
        found.why.append("messages of apps and bots, and kinds that are no message, are ignored and not kept")
    return found


def about_of(name: tuple[str, str]) -> str:
    return "/".join(name)


async def _is_of(database: Database, about: int, source: str | None) -> bool:
    return source is None or (await database.run(trace.name, about))[0] == source


async def _by_id(
    database: Database, id: str, at: float | None = None, about: int | None = None
) -> list[tuple[int, int | None]]:
    """The deliveries that go by an id; `at` is when its message came into Slack. A person's, or ours."""
    since, until = (0.0, None) if at is None else (at - WEEK, at + 60)
    first, last = await database.run(trace.span, delivery, since, until)
    found: list[tuple[int, int | None]] = []
    for after, upto in trace.pages(max(first, last - trace.FARTHEST), last):
        found += await database.run(trace.by_id, after, upto, id, about)
        if found:
            break
    return found


async def heard(
    database: Database, since: float, until: float | None, sources: list[str], words: list[str]
) -> list[Any]:
    """What came in within a time and names all of `words`, the oldest first."""
    first, last = await database.run(trace.span, inbox, since, until)
    found: list[Any] = []
    for after, upto in trace.pages(max(first, last - trace.FARTHEST), last):
        found = await database.run(trace.heard, after, upto, sources, words) + found
    return found
