"""What of a thread's messages is taken up, as conversations.replies gives them, and as what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.engine.work import Found
from bridge.model import Direction, ThreadKey
from bridge.slack.api import MARKER, Identity
from bridge.slack.inbound import NEW
from bridge.slack.missed import missed, since

US = Identity(team="T1", user="UBOT", bot="BBOT")
THREAD = ThreadKey(team="T1", channel="C1", ts="1000.000100")
NOON = 1_800_000_000.0
RECORDED = "ledger"
SENT, UNCERTAIN, WAITING = "white_check_mark", "grey_question", "hourglass_flowing_sand"


def at(seconds_ago: float) -> str:
    return f"{NOON - seconds_ago:.6f}"


def message(ago: float = 60.0, **changes: Any) -> dict[str, Any]:
    told = {"type": "message", "user": "U1", "text": "on my way", "ts": at(ago), "thread_ts": THREAD.ts}
    return {**told, "client_msg_id": f"cm-{ago:g}", **changes}


def marked(**by: list[str]) -> dict[str, Any]:
    told = [{"name": name, "users": users, "count": len(users)} for name, users in by.items()]
    return message(reactions=told)


def look(*messages: dict[str, Any], until: float = 0.0) -> list[Found]:
    """What a look finds that was queued `until` seconds ago."""
    return missed(messages, THREAD, US, look=7, until=NOON - until, now=NOON)


def one(told: dict[str, Any]) -> Found:
    (found,) = look(told)
    return found


def test_it_is_looked_for_from_slack_s_own_tries_on() -> None:
    assert since(5_000.0) == 5_000.0 - NEW == 4_400.0


def test_a_reply_is_what_its_event_would_be_and_late() -> None:
    told = message(text="see <https://example.org>", blocks=[{"type": "rich_text", "elements": []}])
    edited = {"user": "U1", "ts": at(1)}
    found = one({**told, "edited": edited, "team": "T1"})

    place = {"team": "T1", "channel": "C1", "thread_ts": THREAD.ts}
    kept = {name: told[name] for name in ("ts", "user", "text", "blocks", "client_msg_id")}
    new = found.delivery
    assert json.loads(new.body) == {**kept, **place, "edited": edited, "late": True, "look": 7}
    assert (new.direction, new.kind, new.key, new.message) == (Direction.VENDOR, "reply", "cm-60", at(60))
    assert found.place == ThreadKey(team="T1", channel="C1", ts=at(60))
    assert {"cm-60", f"C1:{at(60)}"} <= set(found.known_as)
    assert (found.incoming.source, found.incoming.key) == ("@slack", "found:T1:cm-60")
    assert not found.locked


def test_without_an_id_of_the_client_s_it_is_known_by_its_place() -> None:
    assert one(message(client_msg_id=None)).delivery.key == f"C1:{at(60)}"


def test_oldest_first_and_who_was_heard_is_not_late() -> None:
    found = look(message(5), message(40), message(20), until=10.0)

    assert [new.delivery.key for new in found] == ["cm-40", "cm-20", "cm-5"]
    assert ["late" in json.loads(new.delivery.body) for new in found] == [True, True, False]


@pytest.mark.parametrize(
    "told",
    [
        message(user="UBOT"),
        message(bot_id="BBOT", user=None, subtype="bot_message"),
        message(metadata={"event_type": MARKER, "event_payload": {}}),
        message(bot_id="B2", user=None),
        message(user="USLACKBOT", text="Reminder: internal stuff"),
        message(subtype="channel_join"),
        message(subtype="tombstone", user="USLACKBOT"),
        message(user=None),
        message(ts=THREAD.ts, reply_count=3),  # the card comes with every answer
        marked(**{SENT: ["UBOT"]}),
        marked(**{RECORDED: ["UBOT"]}),
        marked(**{SENT: ["U2", "UBOT"], "eyes": ["U2"]}),
        marked(**{UNCERTAIN: ["UBOT"]}),
    ],
    ids=str,
)
def test_what_is_not_a_person_s_or_has_been_taken_care_of(told: dict[str, Any]) -> None:
    assert look(told) == []


@pytest.mark.parametrize("more", [{"text": "on my way"}, {"text": "!claim"}, {"subtype": "bot_message"}])
def test_what_an_app_posted_for_a_person_meanwhile_is_no_reply(more: dict[str, str]) -> None:
    found = one(message(bot_id="B2", **more))
    assert (found.delivery.kind, found.delivery.key) == ("by_app", "by_app:cm-60")
    assert found.delivery.key in found.known_as


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_what_people_may_write(subtype: str) -> None:
    assert one(message(subtype=subtype)).delivery.kind == "reply"


@pytest.mark.parametrize(
    "told", [marked(**{SENT: ["U2"]}), marked(**{WAITING: ["UBOT"]}), message(reactions=[])]
)
def test_what_is_not_known_to_be_sent_is_taken_up(told: dict[str, Any]) -> None:
    assert one(told).delivery.kind == "reply"


@pytest.mark.parametrize(
    ("by", "locked"), [(["U2"], True), (["UBOT", "U2"], True), ([], True), (["UBOT"], False)]
)
def test_a_lock_counts_from_anybody_but_us(by: list[str], locked: bool) -> None:
    assert one(marked(lock=by)).locked is locked


@pytest.mark.parametrize(
    ("text", "direction", "kind"),
    [
        ("!claim", Direction.ACTS, "act"),
        ("!bot", Direction.VENDOR, "act"),
        ("!who", Direction.ACTS, "who"),
        ("!help", Direction.ACTS, "help"),
        ("!note for us", Direction.VENDOR, "reply"),
        ("!clam", Direction.VENDOR, "reply"),
    ],
)
def test_a_word_from_just_now_is_done(text: str, direction: Direction, kind: str) -> None:
    found = one(message(NEW, text=text))

    assert (found.delivery.direction, found.delivery.kind) == (direction, kind)
    assert found.delivery.key in found.known_as


@pytest.mark.parametrize("text", ["!claim", "!resolve", "!transfer <@U2>"])
def test_an_act_from_longer_ago_is_not_done_but_told(text: str) -> None:
    new = one(message(3 * 3600, text=text)).delivery

    assert (new.direction, new.kind) == (Direction.SLACK, "notice")
    word = text.partition(" ")[0]
    assert json.loads(new.body)["text"].startswith(f"“{word}” was written here 3 h ago")


@pytest.mark.parametrize("text", ["!who", "!help"])
def test_a_question_from_longer_ago_is_let_be(text: str) -> None:
    assert look(message(3 * 3600, text=text)) == []


@pytest.mark.parametrize("text", ["// for us", "!note for us", "!clam", "Claim it!"])
def test_any_other_words_are_as_old_as_they_may(text: str) -> None:
    assert one(message(3 * 3600, text=text)).delivery.kind == "reply"
