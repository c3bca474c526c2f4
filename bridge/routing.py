"""Which route a conversation takes: the first whose match fits. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.config import Match, Route
from bridge.config.route import fits


def choose(
    routes: Sequence[Route],
    *,
    source: str,
    vendor: str,
    language: str | None = None,
    customer_channel: str | None = None,
) -> Route:
    """The first route that fits. The configuration ends with one that fits everything."""
    told = {
        "source": source,
        "vendor": vendor,
        "language": language,
        "customer_channel": customer_channel,
    }
    return next(route for route in routes if _fits(route.match, told))


def _fits(match: Match, told: dict[str, str | None]) -> bool:
    for key, patterns in match:
        if patterns is None:
            continue
        value = told[key]
        if value is None or not any(fits(value, one) for one in patterns):
            return False
    return True
