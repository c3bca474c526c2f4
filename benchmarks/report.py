"""What a benchmark found, and whether it is within its budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table: a ratio (or a figure with its unit) held against its budget.

    `figures` are the medians it comes from, in words: `ours 5,120/s, bare 9,800/s`.
    """

    what: str
    figures: str
    value: float
    budget: float | None = None
    wanted: Literal["at least", "at most"] = "at least"
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        """None where there is no budget."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.wanted == "at least" else self.value <= self.budget


#: how the databases are called
DATABASES = {"sqlite": "SQLite", "postgres": "Postgres"}


def per_second(rate: float) -> str:
    return f"{rate:,.0f}/s"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
