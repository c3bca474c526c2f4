"""What the port offers to adapters: reading what may be odd, and comparing secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from bridge.adapter import (
    Secrets,
    Webhook,
    address,
    mapping,
    mappings,
    moment,
    same_secret,
    scalars,
    token_of,
    variable_for,
    word,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mina", "Mina"),
        (" kept as it is ", " kept as it is "),
        (42, "42"),
        ("", None),
        (" \n", None),
        (True, None),
        (1.5, None),
        (None, None),
        ([], None),
        ({"id": 1}, None),
    ],
)
def test_word(value: object, expected: str | None) -> None:
    assert word(value) == expected


def test_mapping_and_mappings() -> None:
    assert mapping({"a": 1}) == {"a": 1}
    assert mapping([1]) == mapping(None) == {}
    assert mappings([{"a": 1}, 2, None, {}]) == [{"a": 1}, {}]
    assert mappings({"a": 1}) == mappings("text") == []


@pytest.mark.parametrize(
    "url", ["https://example.org", "http://127.0.0.1:8000/a?b=c#d", "HTTPS://EXAMPLE.ORG/ä"]
)
def test_an_address(url: str) -> None:
    assert address(f" {url}\n") == url


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.org",
        "//example.org",
        "https://",
        "https:// example.org",
        "https://example.org/a b",
        "https://example.org/\x00",
        "see https://example.org",
        "",
        7,
        None,
        ["https://example.org"],
    ],
)
def test_what_must_not_become_a_link(value: object) -> None:
    assert address(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-04T12:00:00+00:00",
        "2026-05-04T12:00:00Z",
        "2026-05-04T12:00:00.000Z",
        "2026-05-04T14:00:00+02:00",
        "2026-05-04T12:00:00",
        1777896000,
        1777896000.0,
        1777896000000,
        "1777896000",
        "1777896000000",
    ],
)
def test_moment(value: object) -> None:
    at = moment(value)

    assert at == NOON
    assert at is not None
    assert at.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, "", "soon", 0, -1, 5, 1e300, 10**400, float("nan"), float("inf"), [], {}),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1999-12-31T23:59:59Z", "٣"),
    ],
)
def test_what_is_no_moment(value: object) -> None:
    assert moment(value) is None


def test_details_have_dotted_names_and_leave_out_what_was_read() -> None:
    value: dict[str, Any] = {
        "plan": "gold",
        "vip": False,
        "score": 1.5,
        "none": None,
        "list": [1, {"in": "a list"}],
        "user": {"id": 7, "name": {"first": "Ada", "last": "L"}},
        "read": {"all": "of it"},
    }

    assert scalars(value, without={"read", "user.name.last"}) == {
        "plan": "gold",
        "vip": False,
        "score": 1.5,
        "list": [1, {"in": "a list"}],
        "user.id": 7,
        "user.name.first": "Ada",
    }


def test_a_body_is_read_as_what_a_store_can_keep() -> None:
    body = rb'{"a\u0000": ["\ud83d\ude00", "\ud83d", NaN, -Infinity, 1.5, null], "b": {"c": true}}'

    told = Webhook("", {}, body, NOON).json_object()
    assert told["a\ufffd"][0] == "\N{GRINNING FACE}"
    assert "\ud83d" not in told["a\ufffd"][1]
    assert told["a\ufffd"][2:] == [None, None, 1.5, None]
    assert told["b"] == {"c": True}


def test_a_body_is_read_down_to_a_depth() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"7" + b"}" * levels

    def bottom(value: Any) -> Any:
        while isinstance(value, dict):
            value = value["a"]
        return value

    assert bottom(Webhook("", {}, nested(32), NOON).json_object()) == 7
    assert bottom(Webhook("", {}, nested(33), NOON).json_object()) is None


def test_a_secret_is_one_of_several() -> None:
    accepted = (SecretStr("old"), SecretStr("neü"))

    assert same_secret("old", accepted)
    assert same_secret("neü", accepted)
    assert not same_secret("ol", accepted)
    assert not same_secret("", accepted)
    assert not same_secret("", ())


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer x", "x"), ("bearer  x ", "x"), ("Basic x", ""), ("Bearer", ""), ("x", ""), ("", "")],
)
def test_token(header: str, token: str) -> None:
    assert token_of({"authorization": header}, "bearer") == token


def test_variable() -> None:
    assert variable_for("acme-ada", "api_key") == "ACME_ADA_API_KEY"


def test_secrets_are_in_no_error_and_no_repr() -> None:
    class Mine(Secrets):
        api_key: SecretStr

    with pytest.raises(ValueError, match="extra") as caught:
        Mine.model_validate({"api_key": "hush", "spare": "hush"})
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(Mine(api_key=SecretStr("hush")))
    assert "hush" not in repr(Webhook("hush", {"authorization": "hush"}, b"hush", NOON))
