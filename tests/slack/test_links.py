"""Links to files: only ours lead anywhere, and for their time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bridge.errors import Rejected
from bridge.slack.links import Expired, Links, NotOurs

AT = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
NOW = AT.timestamp()


def links(*secrets: str, lifetime: float = 60.0, url: str | None = "https://bridge.example.org/") -> Links:
    return Links(url, [SecretStr(one) for one in secrets or ("secret",)], lifetime)


def token(link: str) -> str:
    base, _, token = link.rpartition("/")
    assert base == "https://bridge.example.org/files"
    return token


def test_a_link_leads_to_its_file_until_its_end() -> None:
    one = token(links().to("F0123", AT))

    assert links().read(one, NOW) == "F0123"
    assert links().read(one, NOW + 60) == "F0123"
    with pytest.raises(Expired):
        links().read(one, NOW + 61)


def test_it_is_the_same_at_every_attempt_and_another_for_another_file() -> None:
    assert links().to("F0123", AT) == links().to("F0123", AT)
    assert links().to("F0123", AT) != links().to("F0124", AT)


def test_a_secret_is_replaced_without_a_gap() -> None:
    old, both, new = links("old"), links("new", "old"), links("new")

    assert both.read(token(old.to("F1", AT)), NOW) == "F1"
    assert new.read(token(both.to("F1", AT)), NOW) == "F1"
    with pytest.raises(NotOurs):
        new.read(token(old.to("F1", AT)), NOW)


def test_without_a_public_address_there_are_none() -> None:
    with pytest.raises(Rejected) as caught:
        links(url=None).to("F1", AT)
    assert "public_url in [server]" in caught.value.remedy


@given(st.integers(0), st.integers(0, 255))
def test_a_changed_byte_is_not_ours(place: int, byte: int) -> None:
    one = token(links().to("F0123", AT)).encode()
    place %= len(one)
    changed = one[:place] + bytes([byte]) + one[place + 1 :]
    if changed == one:
        return
    with pytest.raises(NotOurs):
        links().read(changed.decode("latin-1"), NOW)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_anything_is_not_ours(text: str) -> None:
    with pytest.raises(NotOurs):
        links().read(text, NOW)
