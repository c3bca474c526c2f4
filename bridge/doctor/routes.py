"""The routing table: which conversations go where, in the order in which the routes are tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bridge.adapter import Finding, ok, warning
from bridge.config import Config, Match, Route
from bridge.config.route import fits
from bridge.doctor.case import Case

_PLACES = ("fallback_channel", "alert_channel", "escalate_channel", "escalate_to")


def table(config: Config) -> list[dict[str, Any]]:
    """A row for each route, in order. `sources`: the configured ones whose conversations it can take."""
    return [
        {
            "route": number,
            "match": {key: list(patterns) for key, patterns in route.match if patterns is not None},
            "sources": _sources(config, route.match),
            "workspace": route.workspace,
            "channel": route.channel,
            **{place: getattr(route, place) for place in _PLACES},
            "reply_mode": route.reply_mode,
            "mirror": route.mirror,
        }
        for number, route in enumerate(config.routes)
    ]


async def check(case: Case) -> Iterator[Finding]:
    return _rows(case.config)


def _rows(config: Config) -> Iterator[Finding]:
    for number, route in enumerate(config.routes):
        where, row = f"routes.{number}", _row(config, route)
        if _sources(config, route.match):
            yield ok(row, where)
        else:
            remedy = "Add such a source, or take the route out"
            yield warning(f"{row}; no source of [sources] fits, so it takes nothing", where, remedy=remedy)


def _row(config: Config, route: Route) -> str:
    matched = [f"{key} {' or '.join(patterns)}" for key, patterns in route.match if patterns is not None]
    workspace = f" in {route.workspace}" if len(config.workspaces) > 1 else ""
    places = [f"{place} {id}" for place in _PLACES if (id := getattr(route, place))]
    modes = [f"reply_mode {route.reply_mode}", f"mirror {route.mirror}"]
    return f"{', '.join(matched) or 'all else'} -> {', '.join([route.channel + workspace, *modes, *places])}"


def _sources(config: Config, match: Match) -> list[str]:
    def is_in(value: str, patterns: tuple[str, ...] | None) -> bool:
        return patterns is None or any(fits(value, one) for one in patterns)

    return [
        source.name
        for source in config.sources.values()
        if is_in(source.name, match.source) and is_in(source.adapter.vendor, match.vendor)
    ]
