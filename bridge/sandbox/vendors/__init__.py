"""The sandbox's three vendors: each behaves as its documents say, on loopback.

Written from the vendors' documents alone: nothing here imports `adapters/` or the bridge, so that an
error on one side shows on the other.
"""

from bridge.sandbox.vendors.ada import AdaSandbox
from bridge.sandbox.vendors.gptbots import GPTBotsSandbox
from bridge.sandbox.vendors.moveo import MoveoSandbox

__all__ = ["AdaSandbox", "GPTBotsSandbox", "MoveoSandbox"]
