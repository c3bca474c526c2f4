"""Carries the acts that need no vendor: of several who want the same one gets it, and the others hear who."""

from __future__ import annotations

import time

from bridge.actions import ACTIONS, OTHER_WORDS
from bridge.delivery.kinds import Help, InSlack, OwnAct, Who
from bridge.engine.acts import Asked, stands
from bridge.engine.follow import notice, undone, whisper, whisper_to
from bridge.engine.handlers import Handlers, handles
from bridge.engine.ports import Ledger
from bridge.engine.work import Conversation, Done, NewDelivery, Outcome, Turn
from bridge.model import Act, Control
from bridge.render.words import lasting
from bridge.slack.home import Homes
from bridge.slack.permit import Permit
from bridge.slack.routes import Routes

_EXPLAINED = {**{action.word: action.help for action in ACTIONS.values()}, **OTHER_WORDS}
HELP = "\n".join(
    [
        "Each of these is a message of its own, and goes to no customer:",
        *(f"!{word}: {what}" for word, what in _EXPLAINED.items()),
    ]
)


class ActsCarrier(Handlers):
    def __init__(self, ledger: Ledger, permit: Permit, routes: Routes, homes: Homes) -> None:
        self._ledger = ledger
        self._permit = permit
        self._routes = routes
        self._homes = homes

    @handles(Who)
    async def who(self, turn: Turn, payload: Who) -> Outcome:
        return Done(follow=(whisper(turn, _lasts(turn.conversation)),))

    @handles(Help)
    async def help(self, turn: Turn, payload: Help) -> Outcome:
        return Done(follow=(whisper(turn, HELP),))

    @handles(OwnAct)
    async def act(self, turn: Turn, payload: OwnAct) -> Outcome:
        try:
            return await self._act(turn, await self._permit.asked(turn, payload))
        finally:
            if payload.channel is None:  # pressed on the App Home
                self._homes.publish(payload.user)

    async def _act(self, turn: Turn, asked: Asked) -> Done:
        becomes = asked.to or asked.by
        done, now = await self._ledger.act(turn, ACTIONS[asked.act].signal, becomes)
        if not done:
            return Done("not needed", follow=(_tell(turn, self._why_not(asked, now)),))
        follow = [notice(turn, asked.told)]
        if becomes.id is not None and becomes.id != asked.by.id:
            text = f"{asked.by.name} gave you this conversation: the customer is yours now."
            follow.append(whisper_to(turn, becomes.id, text))
        return Done(follow=tuple(follow))

    def _why_not(self, asked: Asked, now: Conversation) -> str:
        """Why an act changes nothing as the conversation stands, and what would."""
        wanted, has = asked.to or asked.by, now.owner
        match now.control:
            case Control.HUMAN if has is not None and has.id == wanted.id:
                return f"{'You have' if wanted.id == asked.by.id else f'{wanted.name} has'} it already."
            case Control.WAITING:
                return "Nobody has it: claim it first."
            case Control.BOT:
                return f"{_lasts(now)} {self._first(now, Act.TAKE_OVER, 'Take it over first: !takeover')}."
            case Control.CLOSED:
                return f"{_lasts(now)} {self._first(now, Act.REOPEN, 'Reopen it first: !reopen')}."
        return _lasts(now)

    def _first(self, now: Conversation, act: Act, how: str) -> str:
        return self._routes.cannot(now, act) or how

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        text = undone(turn, outcome) if isinstance(turn.payload, OwnAct) else None
        return (_tell(turn, text),) if text else ()


def _lasts(now: Conversation) -> str:
    """Who has the conversation, and for how long."""
    told = stands(now.control, now.owner)
    if now.since is None:
        return told
    return f"{told.removesuffix('.')}, for {lasting(time.time() - now.since)} now."


def _tell(turn: Turn, text: str) -> NewDelivery:
    """To whoever asked, where they asked; on the Home, in the conversation's thread."""
    asked = turn.carries(InSlack)
    return whisper(turn, text) if asked.channel else whisper_to(turn, asked.user, text)
