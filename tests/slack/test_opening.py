"""The thread of a conversation: its card is found again where nobody knows whether it was posted."""

from __future__ import annotations

import dataclasses

from bridge.control import Signal
from bridge.engine.work import Conversation
from bridge.model import Direction
from bridge.slack.opening import Opener
from bridge.slack.pacing import Slots
from bridge.slack.view import digest
from tests.sandbox.slack_running import SUPPORT
from tests.slack.desk import routes_of
from tests.slack.watch import watching


async def test_a_card_that_is_found_may_look_as_the_conversation_stood_before(database_url: str) -> None:
    routes = routes_of()
    async with watching(database_url) as watch:
        await watch.waits()
        turn = await watch.turn(Direction.SLACK)
        posted = await watch.api.post(
            SUPPORT, routes.card(turn.conversation, {}), {"card": str(turn.conversation.key)}
        )
        await watch.acts(Signal.CLAIMED)
        stands = await watch.store.conversation(1)
        turn = dataclasses.replace(turn, doubt=True, conversation=stands)
        opened = await Opener(watch.api, watch.store, routes).open(turn, {}, Slots(watch.api, turn))
        assert isinstance(opened, Conversation)
        assert opened.thread is not None
        assert opened.thread.ts == posted.ts
        assert opened.card != digest(routes.card(opened, {}))  # so it is updated
