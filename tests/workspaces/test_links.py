"""A link to a file knows its workspace, also where one app, and so one key, serves several."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from bridge.config import MAIN
from bridge.slack.links import Links, NotOurs

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
NOW = AT.timestamp() + 1


def links(workspace: str) -> Links:
    return Links("https://bridge.example.org", [SecretStr("secret")], 60.0, workspace)


def token(workspace: str) -> str:
    return links(workspace).to("F1", AT).rpartition("/")[2]


@pytest.mark.parametrize("workspace", [MAIN, "emea", "apac"])
def test_each_reads_its_own_and_no_other(workspace: str) -> None:
    assert links(workspace).read(token(workspace), NOW) == "F1"
    for other in {MAIN, "emea", "apac"} - {workspace}:
        with pytest.raises(NotOurs):
            links(other).read(token(workspace), NOW)


def test_one_from_before_there_were_several_still_leads_to_its_file() -> None:
    before = "RjEgMTc3Nzg5NjA2MA.JeOc_JKnxvo5ecJZyv0hsWr3JOilDyZQD1tOK6DLHBw"
    assert links(MAIN).read(before, NOW) == "F1"


def test_a_workspace_that_is_put_in_afterwards_is_not_signed() -> None:
    told, _, _ = token("emea").partition(".")
    _, _, signature = token(MAIN).partition(".")
    with pytest.raises(NotOurs):
        links("emea").read(f"{told}.{signature}", NOW)
