"""Carries what changes on messages that stand already: the card, and the marks on agents' own messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.compose import Unclear, command, compose, mentioned
from bridge.engine.follow import notice
from bridge.engine.ports import Ledger
from bridge.engine.work import Change, Done, Failed, NewDelivery, Outcome, PutBack, Turn
from bridge.model import EVENT, Act, HeldChoice, HeldFor, Receipt, Role, Text
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


class MarksCarrier:
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes, people: People) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._people = people

    async def carry(self, turn: Turn) -> Outcome:
        self._api.known()
        match turn.kind:
            case "card":
                return await self._card(turn)
            case "event":
                return await self._receipt(turn)
            case "question":
                return await self._ask(turn)
            case "by_app":
                return await self._stays_in(turn.read())
            case "whisper":
                return await self._whisper(turn.read(), words(turn.read()["text"]))
            case _:
                told = turn.read()
                return await self._mark(told, told["state"], told["was"])

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if not isinstance(outcome, Failed):
            return ()
        match turn.kind, turn.read():
            case "mark", {"state": "sent"}:
                # Without its mark a reply reads as not sent; the other marks have their notices already.
                what = "A reply was sent to the customer, but could not be marked"
            case "question", _:
                what = "A reply waits for its author's word, who could not be asked"
            case "whisper", {"text": text} if outcome.can_retry:
                what = f"A message to one person could not be shown to them ({text})"
            case _:
                return ()
        return (notice(turn, f"{what}: {outcome.problem}"),)

    async def _card(self, turn: Turn) -> Outcome:
        thread = turn.conversation.thread
        card = self._routes.card(turn.conversation)
        looks = digest(card)
        if thread is None or (looks == turn.conversation.card and not turn.doubt):
            return Done()  # an earlier update showed this already; one in doubt may have shown something else
        if (wait := await Slots(self._api, turn).wait_to_update()) > 0:
            return PutBack(wait)
        await self._api.update(card, thread.channel, thread.ts)
        return Done(change=Change(card=looks))

    async def _receipt(self, turn: Turn) -> Outcome:
        """No vendor says which message a receipt is about: it shows on the agents' last one."""
        receipt = EVENT.validate_json(turn.payload)
        if not isinstance(receipt, Receipt) or (receipt.state == "read" and receipt.by != Role.CUSTOMER):
            return Done()  # that our own side has read says nothing of the reply
        reply = await self._ledger.last_reply(turn.conversation.id)
        if reply is None:
            return Done()
        message = json.loads(reply)
        if message.get("team") not in (None, self._api.known().team):
            return Done()  # the conversation went on in another workspace
        return await self._mark(message, receipt.state)

    async def _ask(self, turn: Turn) -> Outcome:
        """What is asked of the author of a held reply; see `bridge.engine.gate`."""
        told, stands = turn.read(), turn.conversation
        message = {"text": told["text"]}
        names = await self._people.names(mentioned(message))
        draft = compose(message, names, note_prefix="\0", as_is=True)
        said = " ".join(part.text for part in getattr(draft, "parts", ()) if isinstance(part, Text))
        unclear = command(message)
        reason = HeldFor(told["why"])
        lacks = {HeldFor.BOT: Act.TAKE_OVER, HeldFor.CLOSED: Act.REOPEN}.get(reason)
        asked = question(
            reason,
            [HeldChoice(one) for one in told["choices"]],
            delivery=told["delivery"],
            thread_ts=told["thread_ts"],
            words=said,
            owner=stands.owner.name if stands.owner else None,
            meant=f"!{unclear.nearest}" if isinstance(unclear, Unclear) and unclear.nearest else None,
            cannot=self._routes.cannot(stands, lacks) if lacks else None,
        )
        return await self._whisper(told, asked)

    async def _stays_in(self, posted: Mapping[str, Any]) -> Outcome:
        """Say to a person that what they posted through an app stays in; an app needs to hear nothing."""
        if (await self._people.person(posted["user"])).bot:
            return Done("posted by an app")
        return await self._whisper(posted, words(_THROUGH_AN_APP))

    async def _whisper(self, told: Mapping[str, Any], message: SlackMessage) -> Outcome:
        if not told.get("channel"):  # asked on the App Home, which shows it
            return Done()
        await self._api.whisper(told["channel"], told["user"], message, told.get("thread_ts"))
        return Done()

    async def _mark(self, message: Mapping[str, Any], state: str, was: Sequence[str] = ()) -> Outcome:
        where = {"channel": message["channel"], "timestamp": message["ts"]}
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
