"""Carries what changes on messages that stand already: the card, and the marks on agents' own messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bridge.engine.ports import Ledger
from bridge.engine.vendor import notice
from bridge.engine.work import Change, Done, Failed, NewDelivery, Outcome, PutBack, Turn
from bridge.model import EVENT, Receipt, Role
from bridge.slack.api import SlackApi, SlackRejected
from bridge.slack.opening import Slots
from bridge.slack.routes import Routes
from bridge.slack.view import digest

#: reaction of each state; no mark means not sent
MARKS = {
    "sent": "white_check_mark",
    "failed": "x",
    "uncertain": "grey_question",
    "waiting": "hourglass_flowing_sand",
    "delivered": "inbox_tray",
    "read": "eyes",
}


class MarksCarrier:
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes

    async def carry(self, turn: Turn) -> Outcome:
        self._api.known()
        match turn.kind:
            case "card":
                return await self._card(turn)
            case "event":
                return await self._receipt(turn)
            case _:
                told = turn.read()
                return await self._mark(told, told["state"], waited=told["waited"])

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        # Without its mark a reply reads as not sent; the other marks have their notices already.
        if not isinstance(outcome, Failed) or turn.kind != "mark" or turn.read()["state"] != "sent":
            return ()
        return (
            notice(turn, f"A reply was sent to the customer, but could not be marked: {outcome.problem}"),
        )

    async def _card(self, turn: Turn) -> Outcome:
        thread = turn.conversation.thread
        card = self._routes.card(turn.conversation)
        looks = digest(card)
        if thread is None or looks == turn.conversation.card:
            return Done()  # an earlier update showed this already
        if (wait := await Slots(self._api, turn).wait_to_update()) > 0:
            return PutBack(wait)
        for rung in card.rungs():
            # chat.update takes no name or picture, and keeps what it is not told to replace.
            shown = {"text": rung.text, "blocks": list(rung.blocks), "attachments": list(rung.attachments)}
            try:
                await self._api.call("chat.update", {"channel": thread.channel, "ts": thread.ts, **shown})
            except SlackRejected as error:
                if error.code not in ("message_not_found", "edit_window_closed", "cant_update_message"):
                    if rung.plainer is None:
                        raise
                    continue
            break
        return Done(change=Change(card=looks))

    async def _receipt(self, turn: Turn) -> Outcome:
        """No vendor says which message a receipt is about: it shows on the agents' last one."""
        receipt = EVENT.validate_json(turn.payload)
        if not isinstance(receipt, Receipt) or (receipt.state == "read" and receipt.by != Role.CUSTOMER):
            return Done()  # that our own side has read says nothing of the reply
        reply = await self._ledger.last_reply(turn.conversation.id)
        if reply is None:
            return Done()
        return await self._mark(json.loads(reply), receipt.state)

    async def _mark(self, message: Mapping[str, Any], state: str, *, waited: bool = False) -> Outcome:
        where = {"channel": message["channel"], "timestamp": message["ts"]}
        if state in MARKS:  # a note has none
            await self._react("reactions.add", {**where, "name": MARKS[state]}, fine="already_reacted")
        if state != "waiting" and waited:
            await self._react("reactions.remove", {**where, "name": MARKS["waiting"]}, fine="no_reaction")
        return Done()

    async def _react(self, method: str, params: dict[str, str], *, fine: str) -> None:
        try:
            await self._api.call(method, params)
        except SlackRejected as error:
            # message_not_found: the agent deleted it; there is nothing left to mark.
            if error.code not in (fine, "message_not_found"):
                raise
