"""Carries what changes on messages that stand already: the card, and the marks on agents' own messages."""

from __future__ import annotations

from bridge.engine.work import Change, Done, NewDelivery, Outcome, Turn
from bridge.slack.api import SlackApi, SlackRejected
from bridge.slack.thread import Routes
from bridge.slack.view import digest

#: reaction of each state; no mark means not sent
MARKS = {
    "sent": "white_check_mark",
    "failed": "x",
    "uncertain": "grey_question",
    "waiting": "hourglass_flowing_sand",
}


class MarksCarrier:
    def __init__(self, api: SlackApi, routes: Routes) -> None:
        self._api = api
        self._routes = routes

    async def carry(self, turn: Turn) -> Outcome:
        self._api.known()
        return await (self._card(turn) if turn.kind == "card" else self._mark(turn))

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()

    async def _card(self, turn: Turn) -> Outcome:
        thread = turn.conversation.thread
        card = self._routes.card(turn.conversation)
        looks = digest(card)
        if thread is None or looks == turn.conversation.card:
            return Done()  # an earlier update showed this already
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

    async def _mark(self, turn: Turn) -> Outcome:
        told = turn.read()
        where = {"channel": told["channel"], "timestamp": told["ts"]}
        await self._react("reactions.add", {**where, "name": MARKS[told["state"]]}, fine="already_reacted")
        if told["state"] != "waiting" and told["waited"]:
            await self._react("reactions.remove", {**where, "name": MARKS["waiting"]}, fine="no_reaction")
        return Done()

    async def _react(self, method: str, params: dict[str, str], *, fine: str) -> None:
        try:
            await self._api.call(method, params)
        except SlackRejected as error:
            # message_not_found: the agent deleted it; there is nothing left to mark.
            if error.code not in (fine, "message_not_found"):
                raise
