"""Customers without a name: a short one of their ids, the same wherever they are named."""

from __future__ import annotations

import re

from bridge.model import Author, ConversationKey, Customer, Role, Text
from bridge.render import alert, card, render, short_name
from tests.render.examples import said, view
from tests.render.handoffs import WAITING

SHORT = re.compile(r"Customer [0-9A-HJKMNP-TV-Z]{4}")


def name_in(text: str) -> str:
    found = SHORT.search(text)
    assert found is not None, text
    return found[0]


def test_two_are_told_apart_and_one_stays_the_same() -> None:
    names = [short_name(f"user-{number}") for number in range(300)]
    assert all(map(SHORT.fullmatch, names))
    assert len({*names}) >= 299  # one in a million is the same as another
    assert short_name("user-1") == short_name("user-1")
    assert short_name(None) == short_name("") == "Customer"


def test_it_is_the_same_wherever_the_customer_is_named() -> None:
    known = view(customer=Customer(id="lena@example.org"))
    (message,) = render(said(Author(role=Role.CUSTOMER), Text(text="hi")), known)
    shown = [card(known).text, alert(known, WAITING, in_thread=False).text, message.username or ""]
    assert {name_in(text) for text in shown} == {short_name("lena@example.org")}
    assert not any("lena" in text for text in shown)


def test_without_an_id_it_is_of_the_conversation() -> None:
    views = [view(customer=None, key=ConversationKey(source="acme", id=id)) for id in ("c-1", "c-2")]
    assert [one.who for one in views] == [short_name("c-1"), short_name("c-2")]
    (message,) = render(said(Author(role=Role.CUSTOMER, id="other"), Text(text="hi")), views[0])
    assert message.username == views[0].who


def test_a_customer_cannot_take_the_short_name_of_another() -> None:
    assert view(customer=Customer(id="x", name=short_name("y"))).who == f"{short_name('y')} (customer)"
