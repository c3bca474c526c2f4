"""Carries what changes on messages that stand already: the card, and the marks on agents' own messages."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.compose import Unclear, command, compose, mentioned
from bridge.delivery.kinds import CardChanged, InSlack, Mark, PostedByApp, Question, ReceiptShown, Whisper
from bridge.engine.follow import notice
from bridge.engine.handlers import Handlers, handles
from bridge.engine.ports import Ledger
from bridge.engine.work import Change, Done, Failed, NewDelivery, Outcome, PutBack, Turn
from bridge.model import Act, HeldFor, Receipt, Role, Text
from bridge.render import SlackMessage, question
from bridge.render import notice as words
from bridge.slack.api import SlackApi, SlackRejected
from bridge.slack.pacing import Slots
from bridge.slack.people import People
from bridge.slack.routes import Routes
from bridge.slack.view import digest

#: reaction of each state; no mark means not sent
MARKS = {
    "sent": "white_check_mark",
    "recorded": "ledger",  # by a vendor that does not carry it to the customer
    "failed": "x",
    "uncertain": "grey_question",
    "waiting": "hourglass_flowing_sand",
    "held": "double_vertical_bar",
    "delivered": "inbox_tray",
    "read": "eyes",
}

_THROUGH_AN_APP = (
    "Your message was posted through an app, so it was not sent to the customer. "
    "To send it, write it in this thread yourself."
)


class MarksCarrier(Handlers):
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes, people: People) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._people = people

    async def carry(self, turn: Turn) -> Outcome:
        self._api.known()
        return await super().carry(turn)

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if not isinstance(outcome, Failed):
            return ()
        match turn.payload:
            case Mark(state="sent"):
                # Without its mark a reply reads as not sent; the other marks have their notices already.
                what = "A reply was sent to the customer, but could not be marked"
            case Mark(state="recorded"):
                what = "A reply was recorded at the vendor, but could not be marked"
            case Question():
                what = "A reply waits for its author's word, who could not be asked"
            case Whisper(text=text) if outcome.can_retry:
                what = f"A message to one person could not be shown to them ({text})"
            case _:
                return ()
        return (notice(turn, f"{what}: {outcome.problem}"),)

    @handles(CardChanged)
    async def update_card(self, turn: Turn, payload: CardChanged) -> Outcome:
        thread = turn.conversation.thread
        card = self._routes.card(turn.conversation)
        looks = digest(card)
        if thread is None or (looks == turn.conversation.card and not turn.doubt):
            return Done()  # an earlier update showed this already; one in doubt may have shown something else
        if (wait := await Slots(self._api, turn).wait_to_update()) > 0:
            return PutBack(wait)
        await self._api.update(card, thread.channel, thread.ts)
        return Done(change=Change(card=looks))

    @handles(ReceiptShown)
    async def show_receipt(self, turn: Turn, payload: ReceiptShown) -> Outcome:
        """No vendor says which message a receipt is about: it shows on the agents' last one."""
        receipt = payload.event
        if not isinstance(receipt, Receipt) or not _is_of_a_reply(receipt):
            return Done()
        reply = await self._ledger.last_reply(turn.conversation.id)
        if reply is None:
            return Done()
        if reply.team not in (None, self._api.known().team) or reply.channel is None or reply.ts is None:
            return Done()  # the conversation went on in another workspace
        return await self._set(reply.channel, reply.ts, receipt.state)

    @handles(Question)
    async def ask(self, turn: Turn, payload: Question) -> Outcome:
        """What is asked of the author of a held reply; see `bridge.engine.gate`."""
        stands, reason = turn.conversation, payload.why
        message = {"text": payload.text}
        names = await self._people.names(mentioned(message))
        draft = compose(message, names, note_prefix="\0", as_is=True)
        said = " ".join(part.text for part in getattr(draft, "parts", ()) if isinstance(part, Text))
        unclear = command(message)
        lacks = {HeldFor.BOT: Act.TAKE_OVER, HeldFor.CLOSED: Act.REOPEN}.get(reason)
        asked = question(
            reason,
            payload.choices,
            delivery=payload.delivery,
            thread_ts=payload.thread_ts or "",
            words=said,
            owner=stands.owner.name if stands.owner else None,
            meant=f"!{unclear.nearest}" if isinstance(unclear, Unclear) and unclear.nearest else None,
            cannot=self._routes.cannot(stands, lacks) if lacks else None,
            left_out=payload.left_out,
        )
        return await self._show_to(payload, asked)

    @handles(PostedByApp)
    async def stays_in(self, turn: Turn, payload: PostedByApp) -> Outcome:
        """Say to a person that what they posted through an app stays in; an app needs to hear nothing."""
        if (await self._people.person(payload.user)).bot:
            return Done("posted by an app")
        return await self._show_to(payload, words(_THROUGH_AN_APP))

    @handles(Whisper)
    async def whisper(self, turn: Turn, payload: Whisper) -> Outcome:
        return await self._show_to(payload, words(payload.text))

    async def _show_to(self, asked: InSlack, message: SlackMessage) -> Outcome:
        if not asked.channel:  # asked on the App Home, which shows it
            return Done()
        await self._api.whisper(asked.channel, asked.user, message, asked.thread_ts)
        return Done()

    @handles(Mark)
    async def mark(self, turn: Turn, payload: Mark) -> Outcome:
        return await self._set(payload.channel, payload.ts, payload.state, payload.was)

    async def _set(self, channel: str, ts: str, state: str, was: Sequence[str] = ()) -> Outcome:
        where = {"channel": channel, "timestamp": ts}
        if state in MARKS:  # a note has none
            await self._react("reactions.add", {**where, "name": MARKS[state]}, fine="already_reacted")
        for one in was:
            if one != state and one in MARKS:
                await self._react("reactions.remove", {**where, "name": MARKS[one]}, fine="no_reaction")
        return Done()

    async def _react(self, method: str, params: dict[str, str], *, fine: str) -> None:
        try:
            await self._api.call(method, params)
        except SlackRejected as error:
            # message_not_found: the agent deleted it; there is nothing left to mark.
            if error.code not in (fine, "message_not_found"):
                raise


def _is_of_a_reply(receipt: Receipt) -> bool:
    """Whether it says something of a person's reply. The AI agent's receipts do not, and that an agent has
    read says only that our own side has."""
    if receipt.state == "read":
        return receipt.by == Role.CUSTOMER
    return receipt.by not in (Role.BOT, Role.SYSTEM)
