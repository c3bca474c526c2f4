"""Which vendors there are: the three that come with the bridge, and what other packages offer.

The only module of `bridge/` that knows `adapters/`: a new vendor of ours is a folder there and a line
here; somebody else's is an entry point, named after its vendor, in the group `bridge.adapters`.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from adapters.ada import Ada
from adapters.gptbots import GPTBots
from adapters.moveo import Moveo
from bridge.adapter import Adapter
from bridge.errors import ConfigError

GROUP = "bridge.adapters"
BUILT_IN: tuple[type[Adapter], ...] = (Ada, GPTBots, Moveo)


def adapters() -> dict[str, type[Adapter]]:
    """Every adapter by its vendor. Raises `ConfigError` where an installed one cannot be used."""
    found = {adapter.vendor: adapter for adapter in BUILT_IN}
    for entry in entry_points(group=GROUP):
        if entry.name in found:
            raise ConfigError(
                f"there is an adapter for {entry.name!r} already, and none may silently take its place",
                where=_named(entry),
                remedy="Uninstall one of the two packages, or rename the entry point",
            )
        found[entry.name] = _load(entry)
    return found


def _load(entry: EntryPoint) -> type[Adapter]:
    try:
        loaded: Any = entry.load()
    except Exception as error:
        raise ConfigError(
            f"cannot be imported ({type(error).__name__}: {error})",
            where=_named(entry),
            remedy="Repair or uninstall the package",
        ) from error
    fits = isinstance(loaded, type) and isinstance(loaded, Adapter) and loaded.vendor == entry.name
    if not fits:
        raise ConfigError(
            f"is not an adapter class whose `vendor` is {entry.name!r}",
            where=_named(entry),
            remedy="Repair or uninstall the package",
        )
    adapter: type[Adapter] = loaded
    return adapter


def _named(entry: EntryPoint) -> str:
    package = f" of package {entry.dist.name}" if entry.dist else ""
    return f"entry point {entry.name} = {entry.value!r}{package} ({GROUP})"
