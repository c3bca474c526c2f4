"""What every adapter is held to, over all its fixtures and over anything that is genuine but odd."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapter import Adapter, Received, Webhook
from bridge.errors import Malformed, NotAuthentic, Refused
from bridge.model import EVENT
from tests.vendors import EVERY, HOOKS, body_of, genuine, make, names

FIXTURES = [(vendor, name) for vendor in EVERY for name in names(vendor)]
fixtures = pytest.mark.parametrize(("vendor", "name"), FIXTURES)
#: one fixture for each hook
hooks = pytest.mark.parametrize(
    ("vendor", "name"),
    [(vendor, name) for vendor, names in HOOKS.items() for name in names],
)


def receive(vendor: str, name: str, body: bytes | None = None) -> Received:
    return make(vendor).receive(genuine(vendor, name, body))  # type: ignore[no-any-return]


@pytest.mark.parametrize("vendor", EVERY)
def test_it_is_an_adapter(vendor: str) -> None:
    adapter = make(vendor)

    assert isinstance(adapter, Adapter)
    assert adapter.vendor == vendor
    assert all(field.description for field in adapter.secrets.model_fields.values())


@fixtures
def test_the_same_webhook_is_the_same_events(vendor: str, name: str) -> None:
    assert receive(vendor, name) == receive(vendor, name)


@fixtures
def test_ids_are_unique_and_of_this_source(vendor: str, name: str) -> None:
    events = receive(vendor, name).events

    assert len({event.id for event in events}) == len(events)
    assert {event.conversation.source for event in events} <= {f"acme-{vendor}"}


@pytest.mark.parametrize("vendor", ["moveo", "whimbrel"])
def test_no_two_fixtures_have_one_key(vendor: str) -> None:
    """But for Ada's, whose keys are those of the signature, and messages that have one id."""
    keys = [receive(vendor, name).key for name in names(vendor)]

    assert len(set(keys)) == len(keys)


@fixtures
def test_the_store_can_keep_every_event(vendor: str, name: str) -> None:
    for event in receive(vendor, name).events:
        assert EVENT.validate_json(EVENT.dump_json(event)) == event


# ── who sent it ──────────────────────────────────────────────────────────────────────────────────


def is_signed(webhook: Webhook) -> bool:
    return any(name.endswith("-signature") for name in webhook.headers)


def tampered(webhook: Webhook) -> Iterator[Webhook]:
    """The webhook with one byte changed of what proves it, or of what is proved."""
    for name, value in webhook.headers.items():
        for place in {len(value) // 2, len(value) - 1}:
            changed = "0" if value[place] != "0" else "1"
            headers = {**webhook.headers, name: value[:place] + changed + value[place + 1 :]}
            yield replace(webhook, headers=headers)
        yield replace(webhook, headers={k: v for k, v in webhook.headers.items() if k != name})
    if is_signed(webhook):
        body = webhook.body
        for place in {0, len(body) // 3, len(body) // 2, len(body) - 1}:
            yield replace(webhook, body=body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
        yield replace(webhook, body=body + b" ")
    elif not webhook.headers:
        yield replace(webhook, path=f"x{webhook.path}")
        yield replace(webhook, path=webhook.path.replace("-", "_", 1))


@fixtures
def test_one_byte_changed_is_not_authentic(vendor: str, name: str) -> None:
    adapter, changes = make(vendor), list(tampered(genuine(vendor, name)))

    assert changes
    for webhook in changes:
        with pytest.raises(NotAuthentic):
            adapter.receive(webhook)


NOT_AN_OBJECT = [b"", b"{", b"[]", b'"text"', b"null", b"3", b"{}{}", b"[" * 100_000, b'{"a":' * 100_000]


@hooks
@pytest.mark.parametrize("body", NOT_AN_OBJECT, ids=lambda body: body[:8].decode())
def test_what_is_no_json_object_is_malformed(vendor: str, name: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        receive(vendor, name, body)


@hooks
def test_that_is_told_only_to_who_is_authentic(vendor: str, name: str) -> None:
    for webhook in tampered(genuine(vendor, name, b"not JSON")):
        with pytest.raises(NotAuthentic):
            make(vendor).receive(webhook)


# ── anything that is genuine but odd ─────────────────────────────────────────────────────────────


NEW = [7, -1.5, "new", "", True, None, ["new", {"new": 1}], {"new": {"new": []}}]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


@fixtures
def test_new_fields_anywhere_change_nothing_that_was_there(vendor: str, name: str) -> None:
    before = receive(vendor, name)
    for new in NEW:
        body = json.loads(body_of(vendor, name))
        for one in list(objects(body)):
            one["brand_new"] = copy.deepcopy(new)
        after = receive(vendor, name, json.dumps(body).encode())

        assert [event.kind for event in after.events] == [event.kind for event in before.events]
        assert after.kept == before.kept
        for told, was in zip(after.events, before.events, strict=True):
            # The objects in a list have the new field as well, so only its length is compared.
            assert compared(was.details).items() <= compared(told.details).items()
            if isinstance(new, int | float | str) and vendor != "gptbots":
                assert any(key.endswith("brand_new") and told.details[key] == new for key in told.details)


def compared(details: dict[str, Any]) -> dict[str, Any]:
    return {field: len(value) if isinstance(value, list) else value for field, value in details.items()}


@pytest.mark.parametrize("vendor", EVERY)
def test_what_no_store_can_keep_is_replaced(vendor: str) -> None:
    deep: Any = "bottom"
    for _ in range(200):
        deep = {"deeper": deep}
    name = HOOKS[vendor][0]
    body = json.loads(body_of(vendor, name))
    for one in list(objects(body)):
        one |= {
            "half \ud800": "pair \udc00",
            "nul \0": "\0",
            "nan": float("nan"),
            "deep": deep,
            "all": [deep],
        }
    (event,) = receive(vendor, name, json.dumps(body).encode()).events

    kept = EVENT.dump_json(event)
    assert EVENT.validate_json(kept) == event
    assert b"\\u0000" not in kept
    assert b"bottom" not in kept


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["https://example.org/x", "javascript:alert(1)", "https://[", "1704067200000", "***"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def odd(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """A fixture in which some values are anything, or gone, or where their neighbours were."""
    vendor, name = draw(st.sampled_from(FIXTURES))
    body = json.loads(body_of(vendor, name))
    for _ in range(draw(st.integers(1, 4))):
        one = draw(st.sampled_from(list(objects(body))))
        key = draw(st.sampled_from([*one, "brand_new"]))
        what = draw(st.sampled_from(["anything", "gone", "moved"]))
        if what == "gone":
            one.pop(key, None)
        elif what == "moved" and one:
            one[key] = copy.deepcopy(one[draw(st.sampled_from(list(one)))])
        else:
            one[key] = draw(ANYTHING)
    return vendor, name, json.dumps(body).encode()


@given(odd())
def test_odd_fields_are_refused_or_kept(webhook: tuple[str, str, bytes]) -> None:
    check(*webhook)


@given(st.sampled_from(FIXTURES), st.dictionaries(st.text(max_size=8), ANYTHING, max_size=5))
def test_any_object_is_refused_or_kept(fixture: tuple[str, str], body: dict[str, Any]) -> None:
    check(*fixture, json.dumps(body).encode())


def check(vendor: str, name: str, body: bytes) -> None:
    try:
        received = receive(vendor, name, body)
    except Refused:
        return
    assert received == receive(vendor, name, body)
    assert received.events or received.customers or received.unread or not received.kept
    for event in received.events:
        assert EVENT.validate_json(EVENT.dump_json(event)) == event
