"""What should be: who has the conversation, and what becomes of each reply.

Written beside the engine, from what is documented: control's table with its rules of lateness, the gate,
and what follows where a vendor fails. It plays one thing after the other, and knows nothing of what
happens at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from bridge.actions import ACTIONS
from bridge.control import TABLE, Signal
from bridge.model import Act, Control, HeldChoice, HeldFor
from tests.model.reports import REPORTS
from tests.model.vendor import Fault, Meanwhile

AT_ONCE = 10.0  # seconds between two words of a vendor for one end


@dataclass(frozen=True)
class Person:
    """`serves`: may act on conversations and reply to customers."""

    id: str
    name: str
    serves: bool = True


MINA, JO = Person("U0MINA", "Mina Park"), Person("U0JO", "Jo")
SAM = Person("U0GUEST", "Sam Guest", serves=False)  # a guest
LEE = Person("U0LEE", "Lee", serves=False)  # not in the channel of the conversations
PEOPLE = (MINA, JO, SAM, LEE)


class Words(StrEnum):
    """What a message is, by how it is written."""

    ANSWER = "answer {}"
    NOTE = "// NOTE {}"
    NOTE_WORD = "!note NOTE {}"
    MENTION = "<@U0JO>"
    UNCLEAR = "!clam UNCLEAR {}"


State = Literal["held", "note", "sent", "failed", "uncertain"]


@dataclass
class Reply:
    """A message in the thread, and what it becomes. `versions` are how it was worded; the last one stands."""

    ts: str
    by: Person
    versions: list[tuple[Words, str]]
    state: State = "note"
    why: HeldFor | None = None
    choice: HeldChoice | None = None
    asked: HeldFor | None = None  # why its author was last asked
    again_by: Person | None = None
    sent_on: bool = False
    begun: bool = False  # the vendor may have it
    arrived: bool = False
    locked: bool = False
    deleted: bool = False

    @property
    def words(self) -> Words:
        return self.versions[-1][0]

    @property
    def text(self) -> str:
        return self.versions[-1][1]

    def times_in(self, got: list[str]) -> int:
        """How often a customer has it, in whatever words."""
        return sum(text in [text for _, text in self.versions] for text in got)


@dataclass
class Handoff:
    waited: bool
    ending: str | None = None
    answered: bool = False
    by_vendor: bool = False  # the vendor has reported its end, and no agent is known to have done it
    written_at: float | None = field(default=None, compare=False)  # when that was written


@dataclass
class OwnEnd:
    """What an agent ended at the vendor: how many handoffs there were, and `acted` once it was done here."""

    handoffs: int
    acted: tuple[float, float] | None = None


@dataclass(frozen=True)
class Owner:
    name: str
    id: str | None = None


@dataclass
class Model:
    """`can` and `finds` are the vendor's. `sure` is off once it cannot tell: only the store knows then."""

    can: Collection[Act]
    finds: bool
    apart: bool  # handoffs are conversations of their own
    control: Control = Control.BOT
    owner: Owner | None = None
    vendor_at: float | None = None
    acted: tuple[float, float] | None = None  # between these two an agent last did something
    now: tuple[float, float] = (0.0, 0.0)  # between these two happens what is played
    handoffs: list[Handoff] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    got: list[str] = field(default_factory=list)  # by the customer
    done: int = 0  # acts that the thread was told of
    ahead: deque[Fault | Meanwhile] = field(default_factory=deque)
    leads: list[float] = field(default_factory=list)  # of the vendor's reports: how far each is dated ahead
    own_ends: list[OwnEnd] = field(default_factory=list)  # acts of which the vendor may still report the end
    started_at: float = 0.0  # the last handoff that the vendor began, by its clock
    acted_known: bool = False
    sure: bool = True

    # ── control ──────────────────────────────────────────────────────────────────────────────────

    def tell(self, kind: str, at: float) -> None:
        """The vendor reports something new."""
        happened = REPORTS[kind][0]
        known = self._knows_the_clock()
        self.leads.append(at - self.now[1])
        if happened is Signal.HANDOFF_ENDED and self._is_own(at):
            return
        if happened is None or self._is_late(happened, at, known):
            return
        if happened is Signal.HANDOFF_STARTED and self.control in (Control.BOT, Control.CLOSED):
            self.started_at = at
        if happened in _STATED:
            self.vendor_at = max(at, self.vendor_at or at)
        after, closed = TABLE.get((self.control, happened)), "closed"
        if kind == "it times out" and self.handoffs and not self.handoffs[-1].answered:
            closed = "expired"
        ours = self.owner is not None and self.owner.id is not None
        if after is not None and not (happened is Signal.AGENT_LEFT and ours):
            self._become(after, Owner("Vera"), closed, at)
        if happened is Signal.AGENT_SPOKE:
            self._answered()

    def _knows_the_clock(self) -> bool:
        """Whether the vendor's newest reports show how its clock runs: late ones show it behind."""
        return sum(lead > -1 for lead in self.leads[-6:]) > 1

    def _is_own(self, at: float) -> bool:
        """Whether it reports what an agent has done, and the conversation has not gone on by then."""
        if not self.own_ends:
            return False
        own = self.own_ends[0]
        went_on = [self.acted[1]] if self.acted is not None and own.acted not in (None, self.acted) else []
        went_on += [self.started_at] if len(self.handoffs) > own.handoffs and self.started_at else []
        self.sure &= self._knows_the_clock() and not any(abs(at - one) < 2 for one in went_on)
        if own.acted is not None and any(at > one for one in went_on):
            return False
        self.own_ends.pop(0)
        return own.acted is not None

    def _is_late(self, happened: Signal, at: float, known: bool) -> bool:
        stated = happened in _STATED
        if self.vendor_at is not None and (at < self.vendor_at - 1 if stated else at <= self.vendor_at):
            self.sure &= known
            return True
        if self.acted is None:
            return False
        allowed = 300 if stated or happened is Signal.CUSTOMER_SPOKE else 0
        first, last = (acted - allowed for acted in self.acted)
        self.sure &= not first - 1 < at < last
        if not (known and self.acted_known) and at <= last + 700:
            self.sure = False
        return at <= first

    def _act(self, happened: Signal, by: Person) -> bool:
        """Whether it changes anything."""
        after, owner = TABLE.get((self.control, happened)), Owner(by.name, by.id)
        if after is None or (after is self.control is Control.HUMAN and self.owner == owner):
            return False
        self.acted, self.acted_known = self.now, self._knows_the_clock()
        self._become(after, owner, "closed")
        return True

    def _become(self, after: Control, human: Owner, closed: str, told_at: float | None = None) -> None:
        self.control, self.owner = after, human if after is Control.HUMAN else None
        last = self.handoffs[-1] if self.handoffs else None
        stands = last if last is not None and last.ending is None else None
        if after in (Control.WAITING, Control.HUMAN):
            if stands is None:
                self.handoffs.append(stands := Handoff(waited=False))
            stands.waited |= after is Control.WAITING
        elif stands is not None:
            stands.ending = "handed_back" if after is Control.BOT else closed
            stands.by_vendor = told_at is not None
            stands.written_at = self.now[0]
        elif after is Control.CLOSED and (ended := self._just_ended("handed_back")) is not None:
            # a vendor may say that the handoff has ended just before it says so of all
            ended.ending = "closed"
            ended.by_vendor = ended.by_vendor and told_at is not None

    def _just_ended(self, ending: str) -> Handoff | None:
        """The last handoff, where the vendor has just told of its end."""
        last = self.handoffs[-1] if self.handoffs else None
        if last is None or not last.by_vendor or last.written_at is None or last.ending != ending:
            return None
        least, most = (now - last.written_at for now in self.now)
        self.sure &= most < AT_ONCE or least >= AT_ONCE
        return last if most < AT_ONCE else None

    def _answered(self) -> None:
        if self.control in (Control.WAITING, Control.HUMAN):
            self.handoffs[-1].answered = True

    # ── acts ─────────────────────────────────────────────────────────────────────────────────────

    def act(self, act: Act, by: Person, to: Person) -> None:
        if not by.serves or (act is Act.TRANSFER and not to.serves):
            return
        happened = Signal.RESOLVED if act is Act.HAND_BACK and self.apart else ACTIONS[act].signal
        if act in (Act.CLAIM, Act.RELEASE, Act.TRANSFER):
            self.done += self._act(happened, to if act is Act.TRANSFER else by)
            return
        doubt = False
        while act in self.can:
            told = doubt and _LEAVES.get(happened, (None,))[0] is self.control
            if TABLE.get((self.control, happened)) is None and not told:
                return
            own = OwnEnd(len(self.handoffs)) if happened in _LEAVES and not doubt else None
            self.own_ends += [own] if own is not None else []
            match self._ask(act):
                case None:
                    self.done += 1
                    if not self._act(happened, by):
                        self._ended_by(happened)
                    if happened in _LEAVES:
                        for one in self.own_ends:
                            one.acted = one.acted or self.acted or self.now
                    return
                case Fault.NO:
                    self._refused()
                    return
                case fault:
                    doubt |= fault is not Fault.BUSY
                    if fault is Fault.BUSY:
                        self._refused()

    def _refused(self) -> None:
        """No report of what the vendor has not done is expected."""
        self.own_ends = [one for one in self.own_ends if one.acted is not None]

    def _ended_by(self, happened: Signal) -> None:
        """The vendor has told of it meanwhile: now it is known by whom it was."""
        if happened in _LEAVES and (ended := self._just_ended(_LEAVES[happened][1])) is not None:
            ended.by_vendor = False

    def _ask(self, act: Act) -> Fault | None:
        """The calls that `act` needs; what the one that failed met."""
        calls = [act, Act.TAKE_OVER] if act is Act.REOPEN and Act.TAKE_OVER in self.can else [act]
        return next((fault for _ in calls if (fault := self._call()) is not None), None)

    def _call(self) -> Fault | None:
        """The next call at the vendor."""
        met = self.ahead.popleft() if self.ahead else None
        if not isinstance(met, Meanwhile):
            return met
        assert met.event is not None, f"the vendor was not called, and did not report that {met.kind}"
        at = met.event.at.timestamp()
        if self.acted == self.now:  # just now, but before the call
            self.acted = (self.now[0], at)
        self.tell(met.kind, at)
        self.now = (at, self.now[1])
        return None

    # ── replies ──────────────────────────────────────────────────────────────────────────────────

    def write(self, reply: Reply) -> None:
        self._carry(reply)

    def choose(self, reply: Reply, by: Person, choice: HeldChoice) -> None:
        if reply.state != "held" or by is not reply.by:
            return
        reply.choice, reply.sent_on, reply.again_by = choice, True, None
        self._carry(reply)

    def retry(self, reply: Reply, by: Person) -> None:
        if reply.state in ("failed", "uncertain"):
            doubt = reply.state == "uncertain" or reply.begun
            reply.sent_on, reply.begun, reply.again_by = True, False, by
            self._carry(reply, doubt=doubt)

    def lock(self, reply: Reply) -> None:
        if not reply.begun:
            self.choose(reply, reply.by, HeldChoice.NOTE)

    def delete(self, reply: Reply) -> None:
        if reply.state == "held":
            reply.state = "note"

    def _carry(self, reply: Reply, doubt: bool = False) -> None:
        """Attempt by attempt, as the vendor lets it."""
        verdict: State | HeldFor | None = None
        while verdict is None:
            verdict, doubt = self._attempt(reply, doubt)
        reply.why = verdict if isinstance(verdict, HeldFor) else None
        reply.state = "held" if isinstance(verdict, HeldFor) else verdict
        reply.asked = reply.why or reply.asked
        if reply.state == "sent":
            self._answered()
            self.done += reply.choice is HeldChoice.TAKE_OVER

    def _attempt(self, reply: Reply, doubt: bool) -> tuple[State | HeldFor | None, bool]:
        """What becomes of it, or None where it is tried again; and whether it may have arrived."""
        if reply.choice is HeldChoice.NOTE:
            return "note", doubt
        if reply.sent_on and reply.deleted:
            return "failed", doubt
        if reply.words in (Words.NOTE, Words.NOTE_WORD, Words.MENTION):
            return "note", doubt
        if reply.words is Words.UNCLEAR and reply.choice is None:
            return HeldFor.UNCLEAR, doubt
        if not reply.by.serves or (reply.again_by is not None and not reply.again_by.serves):
            return "failed", doubt
        if (doubt or reply.begun) and self.finds and reply.arrived:
            return "sent", doubt
        if reply.begun and not self.finds:
            return "uncertain", doubt
        if reply.locked:
            return "note", doubt
        admitted = self._admits(reply)
        if isinstance(admitted, HeldFor):
            return admitted, doubt
        if (needs := self._needs(reply)) is not None:
            fault = self._ask(needs) if needs in self.can else Fault.NO
            if fault is not None:
                return _after(fault, doubt)
            admitted = self._admits(reply)  # it may have changed meanwhile
        if isinstance(admitted, HeldFor):
            return admitted, doubt
        if admitted is not None:
            self._act(admitted, reply.by)
        before, reply.begun = reply.begun, True
        fault = self._call()
        if fault in (None, Fault.ARRIVED):
            self.got.append(reply.text)
            reply.arrived = True
        if fault is None:
            return "sent", doubt
        reply.begun = before or fault in (Fault.ARRIVED, Fault.LOST)
        return _after(fault, doubt)

    def _needs(self, reply: Reply) -> Act | None:
        """What the vendor has to do first."""
        match self.control, reply.choice:
            case Control.BOT, HeldChoice.TAKE_OVER:
                return Act.TAKE_OVER
            case Control.CLOSED, HeldChoice.REOPEN:
                return Act.REOPEN
            case Control.BOT, HeldChoice.REOPEN if (
                Act.TAKE_OVER in self.can
            ):  # the customer came back meanwhile
                return Act.TAKE_OVER
        return None

    def _admits(self, reply: Reply) -> Signal | HeldFor | None:
        """What happens as it goes out, or why it is held."""
        another = self.owner is not None and self.owner.id not in (None, reply.by.id)
        held = HeldFor.BOT if self.control is Control.BOT else HeldFor.OWNED if another else None
        # who decided about one thing has not decided about the other
        decided = reply.choice if reply.asked is None or held in (None, reply.asked) else None
        match self.control, reply.choice:
            case Control.CLOSED, HeldChoice.REOPEN:
                return Signal.REOPENED_BY_AGENT
            case Control.CLOSED, _:
                return HeldFor.CLOSED
            case Control.BOT, HeldChoice.REOPEN:
                return Signal.AGENT_SPOKE
        match held, decided:
            case _, HeldChoice.ONCE:
                return None
            case HeldFor.BOT, HeldChoice.TAKE_OVER:
                return Signal.TAKEN_OVER
            case HeldFor.OWNED, HeldChoice.TAKE_OVER:
                return Signal.TRANSFERRED
        return held or Signal.AGENT_SPOKE


def _after(fault: Fault, doubt: bool) -> tuple[State | None, bool]:
    if fault is Fault.NO:
        return "failed", doubt
    return None, doubt or fault is not Fault.BUSY


#: what vendors say of the state itself; the rest only hints at it
_STATED = {
    Signal.HANDOFF_STARTED,
    Signal.HANDOFF_ENDED,
    Signal.ENDED,
    Signal.REOPENED,
    Signal.AGENT_JOINED,
    Signal.AGENT_LEFT,
}

#: how it stands once an agent has ended a handoff, and how that has ended
_LEAVES = {
    Signal.HANDED_BACK: (Control.BOT, "handed_back"),
    Signal.RESOLVED: (Control.CLOSED, "closed"),
}
