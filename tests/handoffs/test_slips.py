"""The slips that users of other bridges complain of, from end to end: one test for each, by its row.

The parts of them are tested where they belong; here is what an agent, and the customer, would have seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.slack.state import User
from bridge.sandbox.stage import Stage
from tests.bridge.events import envelope, tell
from tests.bridge.scene import FAILED, HELD, SENT, Scene, buttons, opened, thread_of, waiting
from tests.crash.books import cards
from tests.handoffs.ways import named

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
CONFIG = {"[aliases]": 'U0MINA = "Mia"'}
INSTEAD = {
    'channel = "C0VIP"': 'channel = "C0VIP"\nidentity = "alias"\nteam_name = "The shop"',
    '[[routes]]\nchannel = "C0SUPPORT"': "",
}

MOVED = "This conversation goes on here: its earlier thread is gone."
ODD = "The AI agent said this after a human took over"


def changes(stage: Stage, scene: Scene) -> int:
    """How often somebody else got the conversation."""
    with contextlib.closing(sqlite3.connect(stage.folder / "bridge.sqlite3", timeout=10)) as store:
        found = "SELECT changes FROM conversation WHERE external_id = ?"
        return int(store.execute(found, (scene.id,)).fetchone()[0])
