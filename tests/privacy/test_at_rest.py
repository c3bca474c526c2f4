"""With a key, after all that a bridge does, the database has nobody's words: not the demo's, not a dump's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bridge.__main__ import _parser
from bridge.encrypt import run as encrypt
from bridge.errors import ConfigError
from bridge.sandbox import tour
from bridge.sandbox.stage import Stage
from bridge.store.sealed import VARIABLE, key_id
from tests.bridge.scene import SENT, waiting
from tests.postgres import Postgres
from tests.privacy.dump import dump
from tests.privacy.test_keys import NEW, OLD, beside, environ, lived, opened

# What the bridge itself says, and what is in ids and in the names of channels and events, is nobody's.
OURS = re.compile(r"[a-z]{0,5}", re.IGNORECASE)


def written(stage: Stage) -> set[str]:
    """Each longer word that a customer, an AI agent or a person said, and what customers are called."""
    texts = [
        text
        for vendor in stage.vendors
        for one in vendor.conversations.values()
        for text in (one.customer_name, *(message.text for message in one.messages))
    ]
    return {word for text in texts for word in re.findall(r"[^\W\d]\w+", text) if not OURS.fullmatch(word)}


@pytest.mark.crash
async def test_nobodys_words_are_in_the_file_after_the_tour(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0, route=tour.ROUTE) as stage:
        stage.environ[VARIABLE] = NEW.hex()
        told: list[str] = []
        assert await tour.take(stage, told.append, patience=40.0), "\n".join(told)
        words = written(stage)
        words = written(stage) | {"Blanket", "Mountain", "favourites"}  # the last are in no plain text
        assert "Parcel" in words
        assert len(words) > 15
        found = await dump(f"sqlite:///{tmp_path}/bridge.sqlite3")
    kept = {word for word in words if word in found}
    assert kept <= {"handoff", "message", "closed", "conversation"}, kept  # words of our own tables
    assert "Nora Lind" not in found
    assert "nora@example.com" not in found
    assert "sealed:1:" in found


async def test_nobodys_words_are_in_a_dump_of_postgres(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.create_database()
    async with Stage(tmp_path, channel_rate=0, database_url=url) as stage:
        stage.environ[VARIABLE] = NEW.hex()
        await stage.run("migrate")
        await stage.serve()
        for vendor in stage.vendors:
            scene = await waiting(stage, vendor, "Marmaduke Quince")
            reply = scene.writes("persimmon and marmalade")
            await scene.marked(reply, SENT)
        found = await dump(url)
        for words in ("Marmaduke", "Quince", "persimmon", "marmalade", "want a human", "How can I help"):
            assert words not in found
        assert "sealed:1:" in found
    postgres.drop_database(url)


# ── bridge encrypt ───────────────────────────────────────────────────────────────────────────────


async def test_encrypt_seals_what_was_there_and_says_which_key_is_needed_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/bridge.sqlite3"
    async with opened(url, OLD) as store:
        await lived(store)
    async with opened(url, NEW, OLD):
        for again in ("attempt", "nothing"):
            async with beside(url, NEW, OLD) as database:
                assert await encrypt(database, _parser().parse_args(["encrypt"])) == 0
            printed = capsys.readouterr().out
            assert f"all is sealed with {key_id(NEW)} now; rewritten: " in printed
            assert again in printed
            assert (f"the key {key_id(OLD)} is needed no more" in printed) == (again == "attempt")
    async with opened(url, NEW), beside(url, NEW) as database:
        assert await encrypt(database, _parser().parse_args(["encrypt", "--json"])) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["first"], told["needed_no_more"]) == (key_id(NEW), [])
        assert set(told["rewritten"].values()) == {0}


async def test_encrypt_without_a_key_says_how_to_make_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bridge.sqlite3"
    async with opened(url), beside(url) as database:
        with pytest.raises(ConfigError, match="token_hex"):
            await encrypt(database, _parser().parse_args(["encrypt"]))


async def test_a_bridge_that_lacks_a_key_does_not_start_and_says_why(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/bridge.sqlite3", NEW) as store:
        await lived(store)
    async with Stage(tmp_path, channel_rate=0) as stage:
        stage.environ.update(environ(OLD))
        process = await stage.spawn("serve")
        assert await process.wait() == 2
        assert f"{key_id(NEW)} (conversation, inbox, handoff, delivery, attempt)" in process.tail()
        assert OLD.hex() not in process.tail()
