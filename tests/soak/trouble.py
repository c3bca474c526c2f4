"""What goes wrong during a soak: faults at both sides, what is told twice, processes that end."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bridge.sandbox import talking
from bridge.sandbox.slack.faults import Fault as SlackFault
from bridge.sandbox.vendors.faults import Fault as VendorFault
from bridge.sandbox.ways import WAYS
from tests.soak.plan import Deed
from tests.soak.town import Town

PAGE = "<html><h1>Bad gateway</h1></html>"
#: each at any call of Slack's Web API, or at those that write
SLACK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("*", {"status": 429, "retry_after": 1}),
    ("chat.postMessage", {"status": 429, "retry_after": 1, "times": 3}),
    ("*", {"status": 500}),
    ("chat.postMessage", {"status": 500, "times": 2}),
    ("*", {"status": 502, "body": PAGE}),
    ("*", {"status": 503, "times": 3}),
    ("chat.postMessage", {"reset": True}),
    ("chat.postMessage", {"drop": True}),
    ("chat.update", {"reset": True}),
    ("reactions.add", {"reset": True}),
    ("chat.postEphemeral", {"status": 500}),
    ("*", {"delay": 1.5}),
    ("chat.postMessage", {"delay": 3.0}),
)
#: each at any call of a vendor's API
VENDOR: tuple[dict[str, Any], ...] = (
    {"status": 429, "retry_after": 1},
    {"status": 429, "times": 2},
    {"status": 500},
    {"html": True},
    {"status": 504, "html": True, "accepted": True},
    {"status": 503, "times": 2},
    {"reset": True},
    {"drop": True},
    {"delay": 2.0},
)


class Troubles:
    def __init__(self, town: Town) -> None:
        self._town = town
        self._faults: list[SlackFault | VendorFault] = []
        self.counts: Counter[str] = Counter()

    async def happens(self, deed: Deed) -> None:
        match deed.what:
            case "fault":
                self._fault(deed)
            case "repeated":
                await self._repeat(deed)
            case how:
                await self._town.end(how, deed.chance)
                self.counts[how] += 1

    def _fault(self, deed: Deed) -> None:
        if deed.how == "slack":
            method, fault = SLACK[int(deed.chance * len(SLACK))]
            self._faults.append(self._town.stage.slack.faults.next(method, **fault))
            return
        each = [(vendor, fault) for fault in VENDOR for vendor in self._town.vendors.values()]
        vendor, fault = each[int(deed.chance * len(each))]
        self._faults.append(vendor.faults.next("*", **fault))

    async def _repeat(self, deed: Deed) -> None:
        if deed.how == "slack":
            await self._town.line.again(deed.chance)
            return
        told = [
            (vendor.name, one)
            for vendor in self._town.stage.vendors
            for one in vendor.deliveries
            if one.state == "delivered" and one.kind != "handoff.start"
        ]
        if told:
            name, one = told[int(deed.chance * len(told))]
            headers = WAYS[name].headers(self._town.stage.environ, one.id, one.body)
            await talking.post(one.url, one.body, headers)

    def end(self) -> None:
        """Nothing goes wrong any more."""
        self._town.stage.slack.faults.clear()
        for vendor in self._town.vendors.values():
            vendor.faults.clear()
        self.counts["faults"] = sum(len(fault.met) for fault in self._faults)
