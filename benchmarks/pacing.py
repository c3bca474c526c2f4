"""How far Slack's pace lets threads lag: conversations that talk, in channels that take a message a second.

A thread is a customer and an AI agent who take turns every 20 to 40 s; a quarter of the turns are three
messages within two seconds. In every tenth thread a person is asked for, comes after half a minute, and
answers for a while. All of it from one seed, on a virtual clock: see `benchmarks.virtual`.

    python -m benchmarks.pacing     the rows of the table and the lines of the plot in docs/pacing.md
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.report import Result
from benchmarks.virtual import EPOCH, SOURCE, Clock, World, run, talk, world
from bridge.config import Match, Route, Slack
from bridge.engine.work import Incoming
from bridge.model import (
    AnyEvent,
    Author,
    Channel,
    ConversationKey,
    HandoffEnded,
    HandoffStarted,
    Message,
    Role,
    Text,
)
from bridge.sandbox.slack import Message as SlackMessage
from bridge.slack.asking import written
from bridge.slack.inbound import INBOX, found

ALERTS, PERSON = "C0ALERTS", "U0MINA"
FILLER = "and what people say when they say something"
TALK = 300.0  # seconds in which they talk; what is left over then is carried all the same
PAUSE = (20.0, 40.0)  # seconds between two turns of a thread
BURSTS, BURST, WITHIN = (
    0.25,
    3,
    2.0,
)  # how many turns are bursts, of how many messages, within how many seconds
EVERY = 10  # of these threads one asks for a person
SIZES = [(threads, channels) for channels in (1, 10) for threads in (1, 50, 500)]
CURVE = (1, 10, 20, 25, 30, 40, 50, 100, 150, 200)  # threads in the plot
HIGHEST = 120.0  # seconds in the plot; beyond it they only grow with time
WORD = re.compile(r"\bt\d+w\d+\b")
WANTED = re.compile(r"\bwanted\d+\b")


@dataclass(frozen=True)
class Size:
    threads: int
    channels: int = 1
    seconds: float = TALK
    seed: int = 5
    way: float = 0.0  # seconds that a call to Slack may take to get there


# ── what is said ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, order=True)
class Step:
    """At `at` seconds, in `thread`: `who` says `words`; "start" and "end" are those of a handoff."""

    at: float
    thread: int
    who: str  # customer | bot | person | start | end
    words: str
    urgent: bool = False


def script(size: Size) -> list[Step]:
    """What all threads say, in its order."""
    return sorted(step for thread in range(size.threads) for step in _thread(size, thread))


def _thread(size: Size, thread: int) -> Iterator[Step]:
    chance = random.Random(f"{size.seed}:{thread}")
    at, word = chance.uniform(0.0, PAUSE[1]), 0
    asks = chance.uniform(0.2, 0.6) * size.seconds if thread % EVERY == 0 else math.inf
    turns = 0
    while at < size.seconds:
        who = ("customer", "bot")[turns % 2]
        since = at
        for _ in range(BURST if chance.random() < BURSTS else 1):
            yield Step(since, thread, who, f"t{thread}w{word}")
            word += 1
            since += chance.uniform(0.1, WITHIN / (BURST - 1))
        turns += 1
        at += chance.uniform(*PAUSE)
        if at >= asks and turns % 2:
            asks = math.inf
            yield Step(at, thread, "start", f"wanted{thread}")
            for _ in range(3):
                at += chance.uniform(*PAUSE)
                yield Step(at, thread, "person", f"p{thread}w{word}")
                at += chance.uniform(*PAUSE)
                yield Step(at, thread, "customer", f"t{thread}w{word}", urgent=True)
                word += 1
            at += chance.uniform(*PAUSE)
            yield Step(at, thread, "end", f"e{thread}")
            at += chance.uniform(*PAUSE)


# ── what has come of it ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Lags:
    """Of seconds from a webhook, or a person's message, to what Slack shows of it."""

    seconds: Sequence[float]

    def at(self, share: float) -> float:
        """That of which `share` are at most as long."""
        return self.seconds[max(0, math.ceil(share * len(self.seconds)) - 1)] if self.seconds else 0.0

    def __str__(self) -> str:
        return f"{self.at(0.5):.1f} / {self.at(0.95):.1f} / {self.at(1):.1f} s"


@dataclass
class Became:
    """`said` and `shown` are each thread's words in their order. `talk` and `urgent` are lags of them,
    `alerts` and `below` of alerts in their channel and in the threads, `marks` of those on people's replies.

    `longest` is how long a thread that had something to show waited for its next message, `behind` how many
    messages were not shown yet when the talk was over, and `posts` how many show all of them. `turns` has a
    number for each of those, in their order: 1 for the first in its thread.
    """

    said: dict[int, list[str]]
    shown: dict[int, list[str]]
    talk: Lags
    urgent: Lags
    alerts: Lags
    below: Lags
    marks: Lags
    longest: float
    behind: int
    posts: int
    refused: list[tuple[float, str]]
    turns: list[int]

    @property
    def words(self) -> int:
        return sum(map(len, self.said.values()))


def simulate(size: Size, steps: Sequence[Step] | None = None) -> Became:
    """What becomes of `steps`, else of the script of this size."""
    steps = script(size) if steps is None else steps

    async def main(clock: Clock) -> Became:
        way = random.Random(size.seed)
        routes = [
            Route(match=Match(customer_channel=(f"c{number}",)), channel=talk(number), alert_channel=ALERTS)
            for number in range(1, size.channels)
        ]
        last = Route(channel=talk(0), alert_channel=ALERTS)
        async with world(
            clock,
            (*routes, last),
            channels=size.channels,
            settings=Slack(),
            way=lambda: way.uniform(0.0, size.way),
        ) as here:
            await _play(here, size, steps)
            return _became(here, steps, size)

    return run(main)


async def _play(here: World, size: Size, steps: Sequence[Step]) -> None:
    people: list[asyncio.Task[None]] = []
    for step in steps:
        await asyncio.sleep(step.at - here.clock.passed)
        if step.who == "person":
            people.append(asyncio.create_task(_answer(here, step)))
        else:
            event = _event(step, size)
            await here.store.keep_events(Incoming(SOURCE, event.id, "", b"{}"), (event,))
    await asyncio.gather(*people)
    while await here.left():
        await asyncio.sleep(1.0)


def _event(step: Step, size: Size) -> AnyEvent:
    about: dict[str, Any] = {
        "id": step.words,
        "conversation": _conversation(step.thread),
        "at": datetime.fromtimestamp(EPOCH + step.at, UTC),
        "channel": Channel(name=f"c{_channel(step.thread, size)}"),
    }
    if step.who == "start":
        return HandoffStarted(**about, reason=step.words)
    if step.who == "end":
        return HandoffEnded(**about)
    role = Role(step.who)
    author = Author(role=role, name=f"Customer {step.thread}" if role is Role.CUSTOMER else "AI")
    return Message(**about, author=author, parts=(Text(text=f"{step.words} {FILLER}"),))


def _channel(thread: int, size: Size) -> int:
    """Which of them: those who ask for a person are in all."""
    return (thread + thread // EVERY) % size.channels


async def _answer(here: World, step: Step) -> None:
    """Somebody answers in the thread, as soon as there is one; Slack tells of it."""
    while (card := here.slack.cards.get(f"{SOURCE}/{step.thread}")) is None:
        await asyncio.sleep(1.0)
    channel, thread_ts = card
    said = SlackMessage(
        channel, here.slack.workspace.next_ts(), text=step.words, user=PERSON, thread_ts=thread_ts
    )
    here.slack.workspace.post(said)
    told = found(said.as_json(), channel, here.api.known())
    assert told is not None
    incoming = Incoming(INBOX, said.ts, "events", b"{}")
    became = await here.store.keep_reply(incoming, told.thread, written(told.message, told.key))
    assert became == "queued", became


def _conversation(thread: int) -> ConversationKey:
    return ConversationKey(source=SOURCE, id=str(thread))


def _became(here: World, steps: Sequence[Step], size: Size) -> Became:
    said: dict[int, list[str]] = {thread: [] for thread in range(size.threads)}
    by_words = {step.words: step for step in steps}
    for step in steps:
        if step.who in ("customer", "bot"):
            said[step.thread].append(step.words)
    shown: dict[int, list[str]] = {thread: [] for thread in said}
    talked, urgent, alerted, below, marked = (list[float]() for _ in range(5))
    before: dict[int, float] = {}
    counts: Counter[int] = Counter()
    turns: list[int] = []
    longest, behind = 0.0, 0
    for at, method, values in here.slack.calls:
        if method == "reactions.add":
            marked.append(at + EPOCH - float(values["timestamp"]))
        if method != "chat.postMessage":
            continue
        if "username" not in values:  # ours: an alert names what it is for
            place = below if "thread_ts" in values else alerted
            place += [at - by_words[one].at for one in set(WANTED.findall(json.dumps(values)))]
            continue
        words = [by_words[one] for one in WORD.findall(values["text"])]
        for step in words:
            shown[step.thread].append(step.words)
            (urgent if step.urgent else talked).append(at - step.at)
            behind += at > size.seconds
        longest = max(longest, at - max(words[0].at, before.get(words[0].thread, 0.0)))
        before[words[0].thread] = at
        counts[words[0].thread] += 1
        turns.append(counts[words[0].thread])
    return Became(
        said=said,
        shown=shown,
        talk=Lags(sorted(talked)),
        urgent=Lags(sorted(urgent)),
        alerts=Lags(sorted(alerted)),
        below=Lags(sorted(below)),
        marks=Lags(sorted(marked)),
        longest=longest,
        behind=behind,
        posts=len(turns),
        refused=here.slack.refused,
        turns=turns,
    )


# ── the figures ──────────────────────────────────────────────────────────────────────────────────


async def results(quick: bool) -> list[Result]:
    """Slack must never have refused; the lags are told beside it."""
    sizes = [Size(10, 2, seconds=60.0)] if quick else [Size(*one) for one in SIZES]
    found = []
    for size in sizes:
        became = await asyncio.to_thread(simulate, size)  # a loop of its own
        assert became.shown == became.said
        channels = "one channel" if size.channels == 1 else f"{size.channels} channels"
        figures = f"talk {became.talk}, urgent {became.urgent}, alerts {became.alerts}, marks {became.marks}"
        what = f"pacing: 429s with {size.threads} talking threads, {channels}"
        found.append(Result(what, figures, len(became.refused), 0, "at most", "429s"))
    return found


def row(size: Size) -> str:
    """A row of the table in docs/pacing.md."""
    became = simulate(size)
    assert became.shown == became.said
    told = (
        size.threads,
        size.channels,
        f"{became.words} in {became.posts}",
        became.talk,
        became.urgent,
        f"{became.alerts.at(1):.1f} / {became.below.at(1):.1f} / {became.marks.at(1):.1f} s",
        became.behind,
        len(became.refused),
    )
    return f"| {' | '.join(map(str, told))} |"


def curve(channels: int) -> str:
    """A line of the plot in docs/pacing.md: the p95 of talk."""
    lags: list[float] = []
    for threads in CURVE:
        beyond = bool(lags) and lags[-1] >= HIGHEST
        lags.append(HIGHEST if beyond else min(HIGHEST, simulate(Size(threads, channels)).talk.at(0.95)))
    return f"    line [{', '.join(f'{lag:.0f}' for lag in lags)}]"


if __name__ == "__main__":
    for count in (1, 10):
        print(curve(count), flush=True)
    for one in SIZES:
        print(row(Size(*one)), flush=True)
