"""The plan is the same for a seed, and holds all that a soak is for, also in its short form."""

from __future__ import annotations

from collections import Counter

from tests.soak.plan import SOURCES, Plan, plan
from tests.soak.test_soak import SCALE


def short() -> Plan:
    return plan(1, 8, SCALE)


def test_a_seed_is_a_plan() -> None:
    assert short() == short()
    assert short().deeds != plan(2, 8, SCALE).deeds


def test_the_short_one_has_all_of_it() -> None:
    drawn = short()
    assert {*drawn.customers} == {*SOURCES}
    done = Counter(deed.what for deed in drawn.deeds)
    for what in (
        "opens", "says", "asks", "claims", "writes", "decides", "releases", "transfers", "hands_back",
        "resolves", "reopens", "ends_at_the_vendor", "leaves", "killed", "restarted", "fault", "repeated",
    ):  # fmt: skip
        assert done[what], what
    written = {deed.how for deed in drawn.deeds if deed.what == "writes"}
    assert written == {"answer", "note", "note word", "edited", "deleted", "locked"}


def test_nobody_says_what_another_says() -> None:
    numbers = [number for deed in short().deeds for number in deed.numbers]
    assert len(numbers) == len(set(numbers))


def test_what_is_done_about_a_customer_begins_with_their_coming() -> None:
    drawn = plan(3, 60, SCALE)
    for customer in range(len(drawn.customers)):
        deeds = drawn.of(customer)
        assert [deed.what for deed in deeds].index("opens") == 0
        assert [deed.at for deed in deeds] == sorted(deed.at for deed in deeds)
        assert deeds[-1].at < 60 * 60
