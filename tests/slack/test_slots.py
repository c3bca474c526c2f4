"""The slot that a turn had when it was put back."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.engine.work import Conversation, Turn
from bridge.model import Control, ConversationKey, Direction
from bridge.slack.pacing import PACE, Slots
from tests.stores import said


class Api:
    ledger: Any = None


@pytest.mark.parametrize("refs", ["slot post:C", "0 9000.000 9000.000"])
def test_a_place_counts_only_with_its_slot(refs: str) -> None:
    """The store takes the slots away where its clock is set back: a turn's place is by the clock before."""
    about = Conversation(1, ConversationKey(source="s", id="c"), Control.BOT, None, 0.0)

    def slots(late: float | None) -> Slots:
        told, event = {PACE: refs}, said("c", 1).model_dump_json()
        turn = Turn(1, 1, Direction.SLACK, about, 1, "event", event, 1, 0.0, 0.0, False, told, late=late)
        return Slots(Api(), turn)  # type: ignore[arg-type]

    assert slots(0.1)._reserved or slots(0.1)._place
    assert not slots(None)._reserved and slots(None)._place is None
