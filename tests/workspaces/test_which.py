"""Which workspace a turn belongs to, while not all are known, and where one is not configured any more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.config import load
from bridge.engine.work import Conversation, Done, PutBack, Turn
from bridge.errors import Rejected, RetryLater, Unavailable
from bridge.model import Control, ConversationKey, Direction, ThreadKey
from bridge.registry import adapters
from bridge.slack.api import Identity
from bridge.slack.workspaces import Workspaces
from tests.workspaces.test_config import EMEA, FILE, MAIN, SOURCE


class Ledger:
    """As much of a store as is asked."""

    def __init__(self) -> None:
        self.left: list[ThreadKey] = []

    async def leave_thread(self, conversation: int, where: ThreadKey) -> None:
        self.left.append(where)

    async def look_into(self, where: ThreadKey, since: float, away_until: float | None = None) -> bool:
        raise Unavailable("the store is away")

    async def handoff(self, handoff: int) -> Any:
        raise Unavailable("the store is away")


@pytest.fixture
async def found(tmp_path: Path) -> AsyncIterator[Workspaces]:
    """Of T1, and emea of T2."""
    path = tmp_path / "config.toml"
    path.write_text(FILE)

    async def returned(_heard: float) -> None:
        raise AssertionError

    ledger: Any = Ledger()
    workspaces = Workspaces(load(path, {**SOURCE, **MAIN, **EMEA}, adapters()), ledger, {}, returned)
    know(workspaces, slack="T1", emea="T2")
    yield workspaces
    await workspaces.close()


def know(workspaces: Workspaces, **teams: str | None) -> None:
    for name, team in teams.items():
        api = workspaces._all[name].api
        api.identity = None if team is None else Identity(team=team, user="U1", bot="B1")
        api.problem = "token_revoked" if team is None else None


PAYLOADS: dict[str, dict[str, Any]] = {
    "notice": {"text": "x"},
    "whisper": {"text": "x", "user": "U0MINA"},
    "digest": {"channel": "C1", "day": "2026-11-01", "arranged": 0.0},
    "numbers": {"channel": "C1", "day": "2026-11-01", "arranged": 0.0},
    "look": {"channel": "C1", "ts": "1.1", "since": 0.0},
    "reply": {"user": "U0MINA"},
    "clock": {"handoff": 1, "round": 1},
}


def turn(
    kind: str = "notice",
    direction: Direction = Direction.SLACK,
    *,
    thread: str | None = None,
    language: str | None = None,
    **told: Any,
) -> Turn:
    facts: Mapping[str, Any] = {"customer": {"language": language}} if language else {}
    place = ThreadKey(team=thread, channel="C1", ts="1.1") if thread else None
    key = ConversationKey(source="acme-gptbots", id="1")
    about = Conversation(1, key, Control.BOT, place, created_at=0.0, facts=facts)
    body = json.dumps({**PAYLOADS[kind], **told})
    return Turn(1, 1, direction, about, 1, kind, body, 1, 0.0, 0.0, False, {})


async def name_of(workspaces: Workspaces, one: Turn) -> str:
    became = await workspaces.of(one)
    return "" if isinstance(became, PutBack | Done) else became.settings.name


async def test_first_where_it_was_written_then_the_thread_then_the_route(found: Workspaces) -> None:
    whisper = turn("whisper", Direction.MARKS, thread="T1", team="T2", language="fr")
    assert await name_of(found, whisper) == "emea"
    assert await name_of(found, turn(thread="T1", language="fr")) == "slack"
    assert await name_of(found, turn(language="fr")) == "emea"
    assert await name_of(found, turn()) == "slack"


async def test_a_digest_is_its_workspace_s(found: Workspaces) -> None:
    """Its line is about no customer, and has no thread."""
    assert await name_of(found, turn("digest", Direction.CLOCKS, workspace="emea")) == "emea"
    assert await name_of(found, turn("numbers", Direction.CLOCKS)) == "slack"  # of an earlier version
    assert await found.of(turn("numbers", Direction.CLOCKS, workspace="apac")) == Done("not needed")


async def test_who_is_not_known_is_waited_for(found: Workspaces) -> None:
    api = found._all["emea"].api
    know(found, emea=None)
    assert await name_of(found, turn(thread="T2")) == "emea"
    assert await name_of(found, turn(thread="T1")) == "slack"
    api.problem = "auth.test has not been answered yet"
    assert isinstance(await found.of(turn(thread="T2")), PutBack)


async def test_of_several_that_are_not_known_it_is_the_route_s(found: Workspaces) -> None:
    know(found, slack=None, emea=None)
    assert await name_of(found, turn(thread="T2", language="fr")) == "emea"
    assert await name_of(found, turn(thread="T2")) == "slack"


async def test_one_that_is_given_up(found: Workspaces) -> None:
    ledger: Any = found._ledger
    assert await found.of(turn(thread="T3")) == PutBack(0.0)
    assert [place.team for place in ledger.left] == ["T3"]
    assert await found.of(turn("look", Direction.VENDOR, thread="T3", team="T3")) == Done("away")
    with pytest.raises(Rejected, match=r"T3.*no longer configured"):
        await found.of(turn("reply", Direction.VENDOR, thread="T1", team="T3"))
    assert len(ledger.left) == 1


async def test_of_two_tokens_of_one_workspace_the_second_is_not_used(found: Workspaces) -> None:
    know(found, emea="T1")
    with pytest.raises(RetryLater, match="EMEA_SLACK_BOT_TOKEN is a token of the same workspace"):
        await found.of(turn(language="fr"))
    assert await name_of(found, turn(thread="T1", language="fr")) == "slack"
    assert list(found.problems()) == ["slack:emea"] and not found.stand_still()


async def test_a_clock_outlives_a_store_that_is_away(found: Workspaces) -> None:
    sleeper = turn("clock", Direction.CLOCKS)
    assert isinstance(await found.carrier(Direction.CLOCKS).carry(sleeper), PutBack)
