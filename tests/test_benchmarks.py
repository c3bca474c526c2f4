"""The benchmarks work, in small, and docs/performance.md has a row for each budget. None is about speed."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import httpx
import pytest

from benchmarks import __main__ as bench
from benchmarks import bare, idle, lanes, plain, race, table, webhooks
from benchmarks.report import Result
from benchmarks.slack import Answers
from bridge.sandbox.stage import HOST, free_port

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
SECRET = "whsec_" + base64.b64encode(b"a key of a benchmark's..").decode()
SIGNING = "signing secret"

#: what the design promises a figure for: the beginning of a row of the table
PROMISED = [
    *(
        f"durable ack of a webhook, {name}: {what}"
        for name in ("SQLite", "Postgres")
        for what in ("rate", "p99")
    ),
    *(
        f"idle, webhook → Slack's call, {where}: {what}"
        for where in ("SQLite", "Postgres", "across processes, Postgres")
        for what in ("p50", "p99")
    ),
    *(f"idle CPU of `serve`, {name}" for name in ("SQLite", "Postgres")),
    *(f"lanes alone, {name}" for name in ("SQLite", "Postgres", "two workers on Postgres against one")),
    *(f"lanes alone, Postgres, against {way}" for way in lanes.WAYS.values()),
    *(f"whole path, webhook to Slack, {name}" for name in ("SQLite", "Postgres")),
]


#: has no budget: half of an engine beside it is one's own
WAKING = f"lanes alone, Postgres, against {lanes.WAYS['waker']}"


def rows(page: str) -> dict[str, list[str]]:
    """The first cell of each row of the results, with the others."""
    kept = page.partition(table.BEGIN)[2].partition(table.END)[0]
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in kept.splitlines() if "|" in line
    ]
    return {first: rest for first, *rest in found}


@pytest.mark.parametrize("promised", PROMISED)
def test_the_page_has_a_row_for_each_budget(promised: str) -> None:
    found = [
        rest for first, rest in rows(PAGE.read_text(encoding="utf-8")).items() if first.startswith(promised)
    ]

    judged = [(value, verdict) for value, budget, verdict, _figures in found if budget]
    assert judged or promised == WAKING
    for value, verdict in judged:
        assert re.match(r"[\d,.]+ ?\S+", value)
        assert verdict in ("met", "**short of**")
    assert all(budget[:1] in "≥≤" and bool(budget) == bool(verdict) for _, budget, verdict, _ in found)


async def test_idle_in_small() -> None:
    found = await idle.results(quick=True)

    assert {one.what for one in found} == {promised for promised in PROMISED if promised.startswith("idle")}
    assert all(one.met is not None and one.value >= 0 for one in found)


async def test_lanes_in_small() -> None:
    found = await lanes.results(quick=True)

    assert {one.what for one in found} <= {promised for promised in PROMISED if promised.startswith("lanes")}
    assert len(found) >= 3
    assert all(one.value > 0 for one in found)


@pytest.mark.parametrize(
    "carried",
    [
        [("c0", 0, 1.0), ("c0", 1, 2.0)],  # c1 is missing
        [("c0", 0, 1.0), ("c1", 0, 2.0), ("c1", 1, 3.0)],  # one of c0 is
        [("c0", 0, 1.0), ("c0", 1, 2.0), ("c1", 1, 1.0), ("c1", 0, 2.0)],  # not in order
        [("c0", 0, 1.0), ("c0", 1, 2.0), ("c1", 0, 1.0), ("c1", 0, 1.5), ("c1", 1, 2.0)],  # one twice
    ],
)
def test_a_race_that_loses_or_reorders_is_no_result(carried: list[tuple[str, int, float]]) -> None:
    with pytest.raises(RuntimeError):
        race.check(carried, conversations=2, each=2)


async def test_the_bare_endpoint_takes_what_is_signed_and_nothing_else() -> None:
    ((body, headers),) = webhooks.of_ada(SECRET, 1)
    transport = httpx.ASGITransport(bare.app(SECRET), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://bare") as http:
        taken = await http.post("/webhooks/acme-ada", content=body, headers=headers)
        refused = await http.post("/webhooks/acme-ada", content=body + b" ", headers=headers)

    assert (taken.status_code, refused.is_success) == (200, False)


async def test_the_plain_script_passes_on_what_it_is_told() -> None:
    answers, port = Answers(), free_port()
    async with await answers.listen(port):
        app = plain.app(f"http://{HOST}:{port}", "xoxb-bench", SIGNING, SECRET)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://plain") as http:
            for body, headers in webhooks.of_ada(SECRET, 3, conversations=2):
                (await http.post("/webhooks/acme-ada", content=body, headers=headers)).raise_for_status()
            for body, headers in webhooks.of_slack(SIGNING, 2, answers.threads):
                (await http.post("/slack/events", content=body, headers=headers)).raise_for_status()

    assert answers.counts[b"/api/chat.postMessage"] == 3
    assert len(answers.threads) == 2


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")

    assert bench.main(["ack", "--quick"]) == 2
    assert "apt-get install wrk" in capsys.readouterr().err


def test_the_table_replaces_the_last_one_and_nothing_else() -> None:
    page = f"before\n{table.BEGIN}\nof last year\n{table.END}\nafter"
    results = [
        Result("fast", "ours 9/s, theirs 6/s", 1.5, 1.0),
        Result("slow", "ours 30 ms", 30.0, 25.0, "at most", " ms"),
        Result("told", "as it is", 1234.5, unit="/s"),
    ]

    replaced = table.replaced(page, table.markdown(["a machine"], results))

    assert replaced.startswith(f"before\n{table.BEGIN}") and replaced.endswith(f"{table.END}\nafter")
    assert (
        "of last year" not in replaced
        and "- a machine" in replaced
        and "1 of 2 budgets met, 1 short of" in replaced
    )
    assert rows(replaced)["fast"] == ["1.50 ×", "≥ 1", "met", "ours 9/s, theirs 6/s"]
    assert rows(replaced)["slow"] == ["30 ms", "≤ 25", "**short of**", "ours 30 ms"]
    assert rows(replaced)["told"][:3] == ["1,234/s", "", ""]
    with pytest.raises(ValueError):
        table.replaced("a page without marks", "")
