"""Explains whatever a database is asked, just before it is, and notes what reads more than it should."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, event

from bridge.store.tables import METADATA

MOST = 500  # rows that one statement reads of a table
PLANNING = 25.0  # by which a plan for any values may cost more, since it is made once: plancache.c
TIMES = 5  # that one statement is looked at
SMALL = {"pace", "worker", "said", "early_change"}
LARGE = METADATA.tables.keys() - SMALL
PARTIAL = {
    str(index.name)
    for table in METADATA.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
#: what reads more, or the whole of an index: by its words, and why it may
EXCEPTIONS = {
    "ORDER BY inbox.id DESC": "the newest of all, by the primary key",
    "ORDER BY attempt.id DESC": "the newest of all, by the primary key",
    "delivery.kind NOT IN": "the newest 5,000, once at a start: catchup.SCANNED",
    "SELECT delivery.payload FROM delivery WHERE delivery.lane_id = ": "one lane, after its vendor was asked",
    "DELETE FROM locked": "while there are few, it is cheaper to read them all",
    "SELECT delivery.id, delivery.payload FROM delivery JOIN lane": "one lane, when it is handed over",
}


class Looks:
    """Explains every statement just before it runs: as planned for its values, run and counted, and once as
    Postgres plans it for any values, which it may turn to after five times."""

    def __init__(self, engine: Engine) -> None:
        self.plans: list[tuple[str, str]] = []  # statement, plan
        self.offences: list[str] = []
        self.called: set[str] = set()
        self._seen: Counter[str] = Counter()
        self._engine = engine
        self._busy = False
        event.listen(engine, "before_cursor_execute", self._look)

    def close(self) -> None:
        event.remove(self._engine, "before_cursor_execute", self._look)

    def _look(self, connection: Connection, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
        asked = statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"))
        if self._busy or not asked or self._seen[statement] == TIMES:
            return
        self._busy = True
        self._seen[statement] += 1
        first = given[0] if given and isinstance(given[0], list | tuple) else given  # of many alike
        try:
            if connection.dialect.name == "postgresql":
                self._on_postgres(connection, statement, first)
            else:
                self._on_sqlite(connection, statement, first)
        finally:
            self._busy = False

    def _on_postgres(self, connection: Connection, statement: str, given: Any) -> None:
        connection.exec_driver_sql("SAVEPOINT look")
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given)
        cost = self._judge(statement, explained.scalar_one(), ran=True)
        connection.exec_driver_sql("ROLLBACK TO look")
        number = max(map(int, re.findall(r"\$(\d+)", statement)), default=0)
        if number:
            nulls = ", ".join(["NULL"] * number)
            connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            connection.exec_driver_sql(f"PREPARE look AS {statement}")
            explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE look ({nulls})")
            self._judge(statement, explained.scalar_one(), ran=False, only_below=cost + PLANNING)
            connection.exec_driver_sql("DEALLOCATE look")
        connection.exec_driver_sql("ROLLBACK TO look")
        connection.exec_driver_sql("RELEASE look")

    def _judge(self, statement: str, explained: Any, *, ran: bool, only_below: float = math.inf) -> float:
        """Note what is wrong with a plan, and return what Postgres thinks that it costs."""
        plan = json.loads(explained) if isinstance(explained, str) else explained
        cost = float(plan[0]["Plan"]["Total Cost"])
        if cost > only_below:
            return cost
        self.plans.append((statement, json.dumps(plan)))
        for node, limited in _scans(plan[0]["Plan"], limited=False):
            read = 0.0
            if ran:
                removed = sum(node.get(f"Rows Removed by {one}", 0) for one in ("Filter", "Index Recheck"))
                read = (node["Actual Rows"] + removed) * node["Actual Loops"]
            whole = node["Node Type"] == "Seq Scan" or not (
                "Index Cond" in node or "Recheck Cond" in node or limited or node["Index Name"] in PARTIAL
            )
            if read > MOST or (whole and not ran):
                self._accuse(statement, f"{json.dumps(node, indent=1)}")
        return cost

    def _on_sqlite(self, connection: Connection, statement: str, given: Any) -> None:
        raw: Any = connection.connection.driver_connection
        lines = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
        self.plans.append((statement, "\n".join(lines)))
        for line in lines:
            name, _, how = line.removeprefix("SCAN ").partition(" ")
            by = how.rpartition(" ")[2]
            if line.startswith("SCAN ") and re.sub(r"_\d+$", "", name) in LARGE and by not in PARTIAL:
                self._accuse(statement, "\n".join(lines))

    def _accuse(self, statement: str, plan: str) -> None:
        if not any(words in " ".join(statement.split()) for words in EXCEPTIONS):
            self.offences.append(f"{statement}\n{plan}")

    def of(self, words: str) -> list[str]:
        """The plans of the statements that say so."""
        return [plan for statement, plan in self.plans if words in " ".join(statement.split())]


def _scans(node: Any, *, limited: bool) -> Iterator[tuple[Any, bool]]:
    """The nodes that read a large table, and whether no more is read of it than a LIMIT lets through."""
    limited = limited or node["Node Type"] == "Limit"
    if node.get("Relation Name") in LARGE and "Scan" in node["Node Type"]:
        yield node, limited and "Filter" not in node
    for below in node.get("Plans", ()):
        yield from _scans(below, limited=limited and node["Node Type"] not in ("Sort", "Aggregate"))
