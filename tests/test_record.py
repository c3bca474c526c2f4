"""`bridge record`: what came in, as fixtures in which nobody's words are left."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import record
from bridge.__main__ import _parser
from bridge.config import load
from bridge.errors import ConfigError
from bridge.preview import preview
from bridge.registry import adapters
from bridge.sandbox.stage import Stage
from bridge.scrub import KINDS, LANGUAGES, Scrub
from bridge.store.reading import open_reader
from tests.bridge.scene import waiting
from tests.vendors import EVERY, body_of, names

ALL = [(vendor, name) for vendor in EVERY for name in names(vendor)]
fixtures = pytest.mark.parametrize(("vendor", "name"), ALL)
SAID = "Brunhilde Krämer <b@krämer.example>, 0171 55501234"
WORDS = ("Brunhilde", "Krämer", "krämer", "55501234", "0171")
OURS = " https example slack"  # what stands for others has it
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**15), max_value=10**15)
    | st.floats(allow_nan=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each text, and the name that it stands at."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one, name)
    elif isinstance(value, str):
        yield name, value


def filled(value: Any, text: str) -> Any:
    """The payload with `text` as every text in it, and as a name."""
    if isinstance(value, dict):
        return {**{key: filled(one, text) for key, one in value.items()}, text: text}
    if isinstance(value, list):
        return [filled(one, text) for one in value]
    return text if isinstance(value, str) else value


@fixtures
def test_no_text_survives(vendor: str, name: str) -> None:
    payload = json.loads(body_of(vendor, name))
    scrubbed = json.dumps(Scrub()(copy.deepcopy(payload)), ensure_ascii=False)
    kept = {text for name, text in leaves(payload) if name in KINDS | LANGUAGES}
    names = " ".join(re.findall(r'"([A-Za-z_]+)":', scrubbed))
    for key, text in leaves(payload):
        if key in KINDS | LANGUAGES or re.match(r"\d{4}-\d\d-\d\dT", text):
            continue
        for word in re.findall(r"[^\W\d_]{4,}|\d{4,}", text):
            if word not in names + OURS and not any(word in one for one in kept):
                assert not re.search(rf"\b{word}\b", scrubbed), (key, text)


@fixtures
def test_whatever_is_said_anywhere_is_gone(vendor: str, name: str) -> None:
    payload = json.loads(body_of(vendor, name))
    for text in (SAID, "https://krämer.example/Brunhilde.pdf"):
        left = json.dumps(Scrub()(filled(payload, text)), ensure_ascii=False)
        assert not any(word in left for word in WORDS), left
    # A single word may be one of the vendor's own: it is kept where those stand, and nowhere else.
    found = {key for key, text in leaves(Scrub()(filled(payload, "Brunhilde"))) if "Brunhilde" in text}
    assert found <= KINDS


@fixtures
def test_it_still_tells_the_same_events(vendor: str, name: str, tmp_path: Path) -> None:
    payload = json.loads(body_of(vendor, name))
    at = datetime(2026, 5, 4, 9, 16, tzinfo=UTC)
    (tmp_path / "was.json").write_text(json.dumps(payload))
    (tmp_path / "is.json").write_text(json.dumps(Scrub()(payload)))
    was, now = (preview(tmp_path / f"{one}.json", vendor, EVERY, at=at) for one in ("was", "is"))
    assert [one.event.kind for one in now] == [one.event.kind for one in was]
    shapes = [[part.kind for part in getattr(one.event, "parts", ())] for one in now]
    assert shapes == [[part.kind for part in getattr(one.event, "parts", ())] for one in was]
    assert [len(one.messages) for one in now] == [len(one.messages) for one in was]


@given(JSON)
def test_any_payload_is_scrubbed_and_keeps_its_shape(payload: Any) -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return [shape(one) for one in value.values()]
        return [shape(one) for one in value] if isinstance(value, list) else type(value)

    scrubbed = Scrub()({"body": payload})
    assert shape(scrubbed["body"]) == shape(payload)
    json.dumps(scrubbed)


def test_the_same_is_the_same_throughout() -> None:
    scrub = Scrub()
    one = scrub(
        {"conversation_id": "abc", "end_user_id": "lena-1", "order": 4711, "count": 3, "text": "4711"}
    )
    two = scrub({"session": "abc", "by": "lena-1", "by_id": "jo-abc", "timestamp": 1700000000})
    assert (one["conversation_id"], one["end_user_id"]) == (two["session"], two["by"])
    assert len({one["conversation_id"], one["end_user_id"], two["by_id"]}) == 3
    assert one["text"] == str(one["order"]) != "4711"
    assert (one["count"], two["timestamp"]) == (3, 1700000000)
    text = scrub({"text": "**Hello** Lena,\n- call +49 171 5550\n"})["text"]
    assert text == "**Xxxxx** Xxxx,\n- xxxx +00 000 0000\n"
    other = scrub(
        {"email": "lena@example.com", "url": "https://acme.example/r.PDF?sig=1", "phone": "+49 171 5550"}
    )
    assert re.fullmatch(r"somebody\d+@example\.com", other["email"])
    assert re.fullmatch(r"https://example\.com/\d+\.pdf", other["url"])
    assert re.fullmatch(r"\+\d\d \d{3} \d{4}", other["phone"])
    assert "171" not in other["phone"]
    assert json.loads(scrub({"text": '{"name": "Lena"}'})["text"]) == {"name": "Xxxx"}


async def test_what_a_bridge_got_is_recorded_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        await stage.serve()
        scene = await waiting(stage, name="Brunhilde")
        await waiting(stage, stage.moveo, name="Brunhilde")
        config = load(stage.config, stage.environ, adapters())

        async def recorded(folder: str, *more: str) -> tuple[int, list[Path]]:
            reader = await open_reader(config.store.path, None, {})
            wanted = _parser().parse_args(["record", str(tmp_path / folder), *more])
            try:
                return await record.run(config, reader, wanted), sorted((tmp_path / folder).glob("*/*.json"))
            finally:
                await reader.close()

        code, files = await recorded("all")
        assert code == 0
        assert {path.parent.name for path in files} == {"ada", "moveo"}
        assert str(files[0]) in capsys.readouterr().out
        kinds = {path.stem.rpartition("-")[0] for path in files if path.parent.name == "ada"}
        assert kinds == {"conversation-started", "message", "handoff-started"}
        everything = "".join(path.read_text() for path in files)
        unsaid = (
            "Brunhilde",
            "human",
            "help",
            scene.id,
            *[one.id for one in scene.vendor.conversations[scene.id].messages],
        )
        for words in unsaid:
            found = [line for line in everything.splitlines() if words in line]
            assert all('"type"' in line or '"role"' in line for line in found), found
        ids = {
            json.loads(path.read_text())["data"]["conversation_id"]
            for path in files
            if path.stem.startswith("message-") and path.parent.name == "ada"
        }
        assert len(ids) == 1
        for path in files:
            assert preview(path, None, adapters(), at=datetime.now(UTC)) or path.stem.startswith("no-event")

        code, some = await recorded("some", "--source", "acme-ada", "--kind", "message", "--limit", "1")
        assert (code, [path.name for path in some]) == (0, ["message-1.json"])
        assert await recorded("none", "--source", "acme-gptbots") == (1, [])
        assert "no such webhook was kept" in capsys.readouterr().err
        with pytest.raises(ConfigError, match=r"no source 'acme-zendesk'\. It is one of: acme-ada, "):
            await recorded("none", "--source", "acme-zendesk")
