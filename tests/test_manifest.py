"""`bridge manifest`: what it prints is what docs/slack.md shows, and what Slack takes.

`manifest-schema` has Slack's published schema as it is, with its licence: schemas/manifest.schema.2.0.0.json
of https://github.com/slackapi/manifest-schema at a936b12. What scopes, events and shortcuts there have to be:
`tests/test_docs.py`.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.__main__ import main
from bridge.manifest import SCOPES, SPARED, manifest
from tests.test_docs import manifest as documented

URL = "https://bridge.example.com"
SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parent / "manifest-schema" / "manifest.schema.2.0.0.json").read_text(encoding="utf-8")
)

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
}
# keyword -> whether a value of its type keeps to it
KEYWORDS: dict[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, among: value in among,
    "minLength": lambda value, least: len(value) >= least,
    "maxLength": lambda value, most: len(value) <= most,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    "minItems": lambda value, least: len(value) >= least,
    "maxItems": lambda value, most: len(value) <= most,
    "uniqueItems": lambda value, wanted: not wanted or len({str(one) for one in value}) == len(value),
    "required": lambda value, names: set(names) <= value.keys(),
}


def objections(value: Any, form: Mapping[str, Any] = SCHEMA, at: str = "") -> Iterator[str]:
    """What of JSON Schema's keywords that Slack's schema uses here `value` goes against, and where."""
    if reference := form.get("$ref"):
        form = SCHEMA["definitions"][reference.removeprefix("#/definitions/")]
    if not isinstance(value, TYPES[form["type"]]):
        yield f"{at}: type"
        return
    yield from (
        f"{at}: {word}" for word, keeps in KEYWORDS.items() if word in form and not keeps(value, form[word])
    )
    if isinstance(value, dict):
        known = form.get("properties", {})
        for name, inner in value.items():
            if name in known:
                yield from objections(inner, known[name], f"{at}/{name}")
            elif form.get("additionalProperties") is False:
                yield f"{at}/{name}: additionalProperties"
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from objections(inner, form["items"], f"{at}/{number}")


@pytest.mark.parametrize("url", [URL, None], ids=["over HTTP", "Socket Mode"])
def test_slack_takes_it(url: str | None) -> None:
    assert list(objections(manifest(url))) == []


def other(path: str, value: Any) -> dict[str, Any]:
    """Our manifest with something else at `path`."""
    made: Any = copy.deepcopy(manifest(URL))
    *steps, last = path.strip("/").split("/")
    inside = made
    for step in steps:
        inside = inside[int(step) if step.isdecimal() else step]
    inside[last] = value
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value", "objection"),
    [
        ("/display_information/name", "N" * 36, "maxLength"),
        ("/display_information", {}, "required"),
        ("/features/shortcuts/0/name", "N" * 25, "maxLength"),
        ("/features/shortcuts/0/type", "channel", "enum"),
        ("/features/shortcuts", [], "minItems"),
        ("/features/shortcut", [], "additionalProperties"),
        ("/oauth_config/scopes/bot", "chat:write", "type"),
        ("/settings/event_subscriptions/request_url", "bridge.example.com", "pattern"),
        ("/settings/event_subscriptions/bot_events", ["message.groups"] * 2, "uniqueItems"),
    ],
)
def test_what_slack_would_not_take_is_noticed(path: str, value: Any, objection: str) -> None:
    assert list(objections(other(path, value))) == [f"{path}: {objection}"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["manifest", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SLACK_APP_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)


def test_it_is_the_one_that_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--url", URL) == documented()


def test_a_slash_at_the_end_of_the_address_does_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--url", f"{URL}/") == documented()


def test_the_address_may_stand_in_the_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without any secret: they come from the app that is made of it."""
    (tmp_path / "config.toml").write_text(f'[server]\npublic_url = "{URL}"\n')

    assert printed(capsys) == documented()
    assert printed(capsys, "--url", "https://other.example") == manifest("https://other.example")


def test_socket_mode_has_no_addresses(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = printed(capsys, "--socket-mode")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    by_token = printed(capsys, "--url", URL)

    assert asked == by_token == manifest(None)
    assert asked["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in json.dumps(asked)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--url: the app needs an address that Slack can call. Name it: --url https://<your host>"),
        (["--url", "http://bridge.example.com"], "--url: Slack calls https addresses only"),
    ],
)
def test_what_is_missing_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    assert main(["manifest", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_what_can_be_spared_is_what_the_page_says() -> None:
    assert SCOPES.keys() > SPARED
    assert {scope.partition(":")[0] for scope in SPARED} == {"groups", "files"}
