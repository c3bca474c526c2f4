"""Each source: what its vendor says of our credentials and of where it calls us."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bridge.adapter import Checkable, Finding, unknown
from bridge.config import Source
from bridge.doctor.case import Case

PATIENCE = 30.0  # seconds for a source


async def check(case: Case) -> list[Finding]:
    found = await asyncio.gather(*(_one(case, source) for source in case.config.sources.values()))
    return [one for some in found for one in some]


async def _one(case: Case, source: Source) -> list[Finding]:
    adapter = source.adapter(source.name, source.settings, source.secrets, case.http)
    address = f"{case.public_url}/webhooks/{source.name}" if case.public_url and case.running else None
    if not isinstance(adapter, Checkable):
        return [unknown("its adapter has no check", source.name)]
    try:
        async with asyncio.timeout(PATIENCE):
            found = await adapter.check(address)
    except TimeoutError:
        found = (unknown(f"no answer within {PATIENCE:.0f} s", remedy="Ask again"),)
    except Exception as error:  # an adapter may be anybody's
        found = (unknown(f"its check failed ({type(error).__name__})", remedy="Tell who wrote the adapter"),)
    return [replace(one, where=": ".join(filter(None, (source.name, one.where)))) for one in found]
