"""The steps at which a process is killed, and what is then: docs/crashes.md shows this table.

`BRIDGE_CRASH_STEPS=all`, as in `make test-full`, kills on both sides of each, else only on the worse one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

from tests.crash.knife import AFTER, BEFORE, Step


class Then(StrEnum):
    RESENT = "whoever sent it sends it again"
    KNOWN = "it is sent again, and known"
    CARRIED = "carried on"
    LOOKED = "looked for, not found, sent"
    FOUND = "looked for, found, not sent again"
    REPEATED = "done again: it is the same twice"
    ASKED = "`uncertain`: the agent is asked"
    RECORDED = "nothing is left to do"


class On(StrEnum):
    """What goes on meanwhile."""

    OPENS = "a customer begins"
    ASKS = "a customer asks for a human"
    TYPES = "an agent types at the vendor"
    TALKS = "customer and agent talk"
    WRITES = "an agent answers"
    ENDS = "an agent hands back"


@dataclass(frozen=True)
class Row:
    on: On
    vendor: str
    carried: str
    name: str
    before: Then
    after: Then
    what: str  # in words

    def __str__(self) -> str:
        return f"{self.vendor}, {self.carried}, {self.name}"

    @property
    def step(self) -> Step:
        return Step(self.carried, self.name)

    def then(self, when: str) -> Then:
        return {BEFORE: self.before, AFTER: self.after}[when]

    @property
    def takes_in(self) -> bool:
        return self.name in ("keep_events", "keep_reply")

    @property
    def worse(self) -> str:
        """The side on which less is recorded than has been done, or begun."""
        return BEFORE if self.name in ("advance", "open_thread", "own_thread", "place") else AFTER

    def interrupts(self, when: str) -> bool:
        """Whether a delivery had been begun, so that somebody else has to take it over."""
        ends = {"claim": BEFORE, "advance": AFTER}
        return not self.takes_in and ends.get(self.name) != when


#: how many of the steps that are found besides are cut, or "all"
STEPS = os.environ.get("BRIDGE_CRASH_STEPS", "3")
SEED = int(os.environ.get("BRIDGE_CRASH_SEED", "5"))

R, K, C, L = Then.RESENT, Then.KNOWN, Then.CARRIED, Then.LOOKED
F, S, A, N = Then.FOUND, Then.REPEATED, Then.ASKED, Then.RECORDED
ROWS = (
    # to Slack
    Row(On.OPENS, "Ada", "conversation_started", "keep_events", R, K, "a webhook is kept"),
    Row(On.OPENS, "Ada", "conversation_started", "claim", C, L, "its lane is taken"),
    Row(On.OPENS, "Ada", "conversation_started", "chat.postMessage", L, F, "the card"),
    Row(On.OPENS, "Ada", "conversation_started", "open_thread", F, C, "the card's place is written down"),
    Row(On.OPENS, "Ada", "conversation_started", "advance", C, N, "the event is recorded as shown"),
    Row(On.TALKS, "Ada", "message", "keep_events", R, K, "a webhook is kept"),
    Row(On.TALKS, "Ada", "message", "claim", C, L, "its lane is taken"),
    Row(On.TALKS, "Ada", "message", "chat.postMessage", L, F, "a message"),
    Row(On.TALKS, "Ada", "message", "advance", F, N, "the message is recorded as shown, the next one begun"),
    Row(On.ASKS, "Ada", "handoff_started", "chat.postMessage", L, F, "the alert in the thread"),
    Row(On.ASKS, "Ada", "handoff_started", "advance", F, N, "it is recorded as shown"),
    Row(On.ASKS, "Ada", "alert", "chat.postMessage", L, F, "the alert in the alert channel"),
    Row(On.ASKS, "Ada", "alert", "own_thread", F, F, "that people may write below it is written down"),
    Row(On.ASKS, "Ada", "alert", "place", F, C, "its place is written down"),
    Row(On.WRITES, "Ada", "alert", "chat.update", S, S, "the alert's new look"),
    Row(On.WRITES, "Ada", "card", "chat.update", S, S, "the card's new look"),
    Row(On.TYPES, "Moveo", "typing", "assistant.threads.setStatus", S, S, "who types"),
    # to the vendor
    Row(On.WRITES, "Ada", "reply", "keep_reply", R, K, "Slack's event is kept"),
    Row(On.WRITES, "Ada", "reply", "claim", C, L, "its lane is taken"),
    Row(On.WRITES, "Ada", "reply", "begin_reply", L, L, "the reply is recorded as begun"),
    Row(On.WRITES, "Ada", "reply", "ada: messages", L, F, "the reply"),
    Row(On.WRITES, "Ada", "reply", "advance", F, N, "the reply is recorded as sent"),
    Row(On.WRITES, "Ada", "mark", "reactions.add", S, S, "the mark on the agent's message"),
    Row(On.WRITES, "Ada", "mark", "advance", S, N, "the mark is recorded"),
    Row(On.WRITES, "GPTBots", "reply", "begin_reply", C, A, "the reply is recorded as begun"),
    Row(On.WRITES, "GPTBots", "reply", "gptbots: receive", A, A, "the reply"),
    Row(On.WRITES, "GPTBots", "reply", "advance", A, N, "the reply is recorded as sent"),
    Row(On.WRITES, "Moveo", "reply", "begin_reply", C, A, "the reply is recorded as begun"),
    Row(On.WRITES, "Moveo", "reply", "moveo: agent", A, A, "the reply"),
    Row(On.WRITES, "Moveo", "reply", "advance", A, N, "the reply is recorded as sent"),
    Row(On.ENDS, "Ada", "act", "ada: end-handoff", S, S, "the act at the vendor"),
    Row(On.ENDS, "Ada", "act", "advance", S, N, "what it changed is recorded"),
    Row(On.ENDS, "Ada", "notice", "chat.postMessage", L, F, "what the thread is told"),
)
KILLS = [
    (row, when)
    for row in ROWS
    for when in (BEFORE, AFTER)
    if STEPS == "all" or row.takes_in or when == row.worse
]

HEAD = ("while", "at", "step", "killed before it", "killed after it")


def table() -> str:
    """The rows as docs/crashes.md shows them."""
    steps = [f"{row.what} (`{row.carried}`, `{row.name}`)" for row in ROWS]
    cells = [(row.on, row.vendor, step, row.before, row.after) for row, step in zip(ROWS, steps, strict=True)]
    lines = [HEAD, ("---",) * len(HEAD), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
