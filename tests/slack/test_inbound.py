"""What of Slack's events is a reply, and why the rest is not."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import Malformed
from bridge.model import Direction, ThreadKey
from bridge.slack import inbound
from bridge.slack.api import MARKER, Identity
from bridge.slack.asking import written
from bridge.slack.inbound import APP, Changed, Gone, HomeOpened, Ignored, Locked, Written, read
from bridge.slack.payloads import check

US = Identity(team="T1", user="UBOT", bot="BBOT")
REPLY = {
    "type": "message",
    "user": "U1",
    "text": "on my way",
    "ts": "2.2",
    "thread_ts": "1.1",
    "channel": "C1",
    "channel_type": "channel",
    "client_msg_id": "cm-1",
    "team": "T1",
}


def envelope(event: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    told = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": {**REPLY, **(event or {})}}
    return {**told, **changes}


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    told = {**REPLY, **before}
    return {
        "subtype": "message_changed",
        "user": None,
        "previous_message": told,
        "message": {**told, **after},
    }


def deleted(before: dict[str, Any]) -> dict[str, Any]:
    return {"subtype": "message_deleted", "user": None, "previous_message": {**REPLY, **before}}


def test_a_person_changes_what_they_wrote() -> None:
    found = read(envelope(changed({}, {"text": "other words", "edited": {"user": "U1"}})), US)
    assert isinstance(found, Changed)
    assert found.key == "cm-1"
    assert found.message is not None
    place = {"team": "T1", "channel": "C1", "thread_ts": "1.1", "ts": "2.2"}
    assert found.message["text"] == "other words"
    assert place.items() <= found.message.items()


def test_attachments_are_kept() -> None:
    pasted = {"id": 1, "blocks": [{"type": "table", "rows": []}], "fallback": "[no preview available]"}
    told = read(envelope({"attachments": [pasted]}), US)
    after = {"text": "x", "edited": {"user": "U1"}, "attachments": [pasted]}
    edited = read(envelope(changed({}, after)), US)
    again = inbound.found({**REPLY, "attachments": [pasted]}, "C1", US)
    assert isinstance(told, Written) and told.message["attachments"] == [pasted]
    assert isinstance(again, Written) and again.message["attachments"] == [pasted]
    assert isinstance(edited, Changed) and edited.message is not None
    assert edited.message["attachments"] == [pasted]


TABLE = {"id": 1, "blocks": [{"type": "table", "rows": [[{"type": "raw_text", "text": "9 EUR"}]]}]}
PREVIEW = {
    "id": 1,
    "from_url": "https://shop.example",
    "original_url": "https://shop.example",
    "title": "Shop",
}
EDITED = {"user": "U1", "ts": "3.3"}


def test_a_table_that_an_edit_adds_or_takes_off_is_a_change() -> None:
    added = read(envelope(changed({}, {"attachments": [TABLE], "edited": EDITED})), US)
    taken = read(envelope(changed({"attachments": [TABLE]}, {"attachments": [], "edited": EDITED})), US)
    assert isinstance(added, Changed) and isinstance(taken, Changed)


def test_a_preview_is_no_change_of_an_edited_message() -> None:
    linked = {"text": "see <https://shop.example>", "edited": EDITED}
    shown = read(envelope(changed(linked, {**linked, "attachments": [PREVIEW]})), US)
    assert shown == Ignored("unfurl")


@pytest.mark.parametrize("before", [{}, {"previous_message": []}, {"previous_message": None}])
def test_as_documented_a_change_names_its_place_only(before: dict[str, Any]) -> None:
    event = {"type": "message", "channel": "C1", "ts": "3.3", "event_ts": "3.3", "hidden": True, **before}
    told = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1"}
    place = ThreadKey(team="T1", channel="C1", ts="2.2")

    gone = read({**told, "event": {**event, "subtype": "message_deleted", "deleted_ts": "2.2"}}, US)
    assert gone == Changed(place, None, "C1:2.2", None)

    after = {"type": "message", "user": "U1", "text": "other words", "ts": "2.2"}
    edited = {
        **event,
        "subtype": "message_changed",
        "message": {**after, "edited": {"user": "U1", "ts": "3.2"}},
    }
    kept = {
        "team": "T1",
        "channel": "C1",
        "ts": "2.2",
        "user": "U1",
        "text": "other words",
        "edited": {"user": "U1", "ts": "3.2"},
        "edited_at": "3.2",
    }
    assert read({**told, "event": edited}, US) == Changed(place, None, "C1:2.2", kept)

    for message, reason in (
        (after, "unfurl"),
        ({**after, "edited": {"user": "UBOT"}, "bot_id": "BBOT"}, "own_echo"),
        ({**after, "edited": {"user": "U1"}, "bot_id": "BOTHER"}, "other_bot"),
        ({**after, "edited": {"user": "U1"}, "thread_ts": "2.2"}, "not_in_thread"),
        ({**after, "edited": {"user": "U1"}, "subtype": "channel_join"}, "other_subtype"),
        ({}, "incomplete"),
    ):
        assert read({**told, "event": {**edited, "message": message}}, US) == Ignored(reason)

    tombstone = {**event, "subtype": "message_changed", "message": {"subtype": "tombstone", "ts": "2.2"}}
    tombstone["message"] |= {"thread_ts": "2.2", "user": "USLACKBOT"}
    assert read({**told, "event": tombstone}, US) == Changed(place, None, "C1:2.2", None)


def test_characters_that_cannot_be_kept_are_replaced_in_words() -> None:
    found = read(envelope({"text": "a\x00b\ud800c", "blocks": [{"text": "\udfff"}]}), US)
    assert isinstance(found, Written)
    assert (found.message["text"], found.message["blocks"]) == ("a\ufffdb\ufffdc", [{"text": "\ufffd"}])


def test_a_person_deletes_what_they_wrote() -> None:
    found = read(envelope(deleted({})), US)
    assert isinstance(found, Changed)
    assert (found.key, found.message) == ("cm-1", None)


@pytest.mark.parametrize(
    "event",
    [
        deleted({"bot_id": "BBOT", "user": None, "ts": "1.1", "thread_ts": None}),
        changed(
            {"bot_id": "BBOT", "ts": "1.1", "thread_ts": "1.1"}, {"subtype": "tombstone", "bot_id": None}
        ),
    ],
)
def test_a_thread_is_gone_with_its_first_message(event: dict[str, Any]) -> None:
    assert read(envelope(event), US) == Gone(ThreadKey(team="T1", channel="C1", ts="1.1"))


def test_a_reply_in_a_thread() -> None:
    found = read(envelope(), US)
    assert isinstance(found, Written)
    assert found.thread == ThreadKey(team="T1", channel="C1", ts="1.1")
    assert found.key == "cm-1"
    assert found.message["text"] == "on my way"
    assert {"team": "T1", "channel": "C1", "thread_ts": "1.1", "ts": "2.2"}.items() <= found.message.items()
    assert "channel_type" not in found.message


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_other_ways_to_write(subtype: str) -> None:
    assert isinstance(read(envelope({"subtype": subtype}), US), Written)


def test_without_a_client_id_the_place_is_the_key() -> None:
    found = read(envelope({"client_msg_id": None}), US)
    assert isinstance(found, Written)
    assert found.key == "C1:2.2"


def test_in_a_shared_channel_the_workspace_is_where_the_app_is_installed() -> None:
    theirs = read(envelope({"team": "T9"}, team_id="T9", authorizations=[{"team_id": "T1"}]), US)
    assert isinstance(theirs, Written)
    assert (theirs.thread.team, theirs.message["team"]) == ("T1", "T1")
    assert read(envelope(team_id="T1", authorizations=[{"team_id": "T9"}]), US) == Ignored("foreign_team")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"bot_id": "BBOT"}, "own_echo"),
        ({"user": "UBOT"}, "own_echo"),
        ({"metadata": {"event_type": MARKER, "event_payload": {}}, "user": "U7"}, "own_echo"),
        (changed({"bot_id": "BBOT", "user": None}, {"bot_id": "BBOT"}), "own_echo"),
        (deleted({"bot_id": "BBOT", "user": None}), "own_echo"),
        ({"subtype": "bot_message", "bot_id": "BOTHER", "user": None}, "other_bot"),
        ({"subtype": "bot_message", "bot_id": "BOTHER", "user": "USLACKBOT"}, "other_bot"),
        ({"bot_id": "BOTHER", "user": None}, "other_bot"),
        ({"user": "USLACKBOT", "client_msg_id": None}, "other_bot"),
        ({"user": "USLACKBOT", "bot_id": "B01"}, "other_bot"),
        ({"user": "USLACKBOT", "subtype": "file_share"}, "other_bot"),
        (changed({"user": "USLACKBOT"}, {"text": "more", "edited": {"user": "USLACKBOT"}}), "other_bot"),
        (deleted({"user": "USLACKBOT"}), "other_bot"),
        (changed({}, {"text": "on my way"}), "unfurl"),
        (changed({}, {"text": "other words"}), "unfurl"),
        (changed({}, {"text": "on my way", "edited": {"user": "U1"}}), "unfurl"),
        (changed({"thread_ts": None}, {"text": "other words", "edited": {"user": "U1"}}), "not_in_thread"),
        (changed({"bot_id": "BOTHER"}, {"text": "other words"}), "other_bot"),
        (deleted({"thread_ts": None}), "not_in_thread"),
        (deleted({"subtype": "channel_join"}), "other_subtype"),
        ({"subtype": "message_deleted"}, "incomplete"),
        ({"subtype": "channel_join"}, "other_subtype"),
        ({"subtype": "a_new_one"}, "other_subtype"),
        ({"thread_ts": None}, "not_in_thread"),
        ({"thread_ts": "2.2"}, "not_in_thread"),
        ({"user": None}, "incomplete"),
        ({"channel": 7}, "incomplete"),
        ({"type": "reaction_added"}, "other_event"),
    ],
)
def test_everything_else_is_ignored_with_its_reason(event: dict[str, Any], reason: str) -> None:
    assert read(envelope(event), US) == Ignored(reason)


@pytest.mark.parametrize("marks", [{"bot_id": "BOTHER"}, {"username": "giphy"}], ids=str)
def test_a_bots_message_that_names_a_person_is_by_an_app(marks: dict[str, str]) -> None:
    posted = read(envelope({"subtype": "bot_message", **marks}), US)
    assert isinstance(posted, Written)
    assert posted.message[APP] == marks.get("bot_id", "unknown")


@pytest.mark.parametrize(
    "marks",
    [
        {"bot_id": "B0HELPER", "app_id": "A0HELPER"},
        {"bot_id": "B0HELPER", "bot_profile": {"id": "B0HELPER", "name": "Helper"}},
        {"bot_profile": {"name": "Helper"}},
        {"app_id": "A0HELPER"},
    ],
    ids=str,
)
def test_what_an_app_posts_for_a_person_says_so(marks: dict[str, Any]) -> None:
    """Whether the user is a person is not in the event."""
    found = read(envelope(marks), US)
    assert isinstance(found, Written)
    queued = written(found.message, found.key)
    assert (queued.direction, queued.kind, queued.key) == (Direction.MARKS, "by_app", "by_app:cm-1")
    assert "on my way" not in queued.body


def test_a_word_that_an_app_posts_is_no_act() -> None:
    found = read(envelope({"text": "!claim", "bot_id": "B0HELPER"}), US)
    assert isinstance(found, Written)
    assert written(found.message, found.key).kind == "by_app"


LOCK = {
    "type": "reaction_added",
    "user": "U2",
    "reaction": "lock",
    "item": {"type": "message", "channel": "C1", "ts": "2.2"},
}


def test_anybody_may_lock_a_message() -> None:
    assert read(envelope(LOCK), US) == Locked(ThreadKey(team="T1", channel="C1", ts="2.2"))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({**LOCK, "user": "UBOT"}, "own_echo"),
        ({**LOCK, "reaction": "eyes"}, "other_event"),
        ({**LOCK, "type": "reaction_removed"}, "other_event"),
        ({**LOCK, "item": {"type": "file", "file": "F1"}}, "other_event"),
        ({**LOCK, "item": {"type": "message", "channel": "C1"}}, "other_event"),
    ],
)
def test_other_reactions_are_nothing_to_us(event: dict[str, Any], reason: str) -> None:
    assert read(envelope(event), US) == Ignored(reason)


def test_somebody_opens_their_home() -> None:
    opened = {"type": "app_home_opened", "user": "U2", "tab": "home"}
    assert read(envelope(opened), US) == HomeOpened("U2")
    assert read(envelope({**opened, "tab": "messages"}), US) == Ignored("other_event")
    assert read(envelope(opened, team_id="T9"), US) == Ignored("foreign_team")


def test_an_envelope_without_an_event() -> None:
    assert read({"type": "event_callback", "team_id": "T1"}, US) == Ignored("no_event")


@pytest.mark.parametrize("name", ["ts", "thread_ts"])
def test_a_message_without_a_time_is_no_reply(name: str) -> None:
    assert isinstance(read(envelope({name: ""}), US), Ignored)


@pytest.mark.parametrize("ts", ["999999999999.1", "99999999999", "1e9", "nan", "-1.0", "1.0\n"])
def test_a_time_that_no_calendar_has_is_not_slacks(ts: str) -> None:
    check(envelope())
    for name in ("ts", "thread_ts", "event_ts"):
        with pytest.raises(Malformed):
            check(envelope({name: ts}))
