"""What a check found: what is so, where, and what to do about it. `bridge doctor` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.errors import DeliveryError, Rejected, RetryAfter


class Standing(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, but not all of it, or not for long
    WRONG = "wrong"  # something will not work
    UNKNOWN = "unknown"  # nobody who could be asked can tell


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is so, `where`, and what to do: never a secret, nor an address that holds one."""

    standing: Standing
    what: str
    where: str = ""
    remedy: str = ""


def ok(what: str, where: str = "") -> Finding:
    return Finding(Standing.OK, what, where)


def warning(what: str, where: str = "", *, remedy: str) -> Finding:
    return Finding(Standing.WARNING, what, where, remedy)


def wrong(what: str, where: str = "", *, remedy: str) -> Finding:
    return Finding(Standing.WRONG, what, where, remedy)


def unknown(what: str, where: str = "", *, remedy: str = "") -> Finding:
    return Finding(Standing.UNKNOWN, what, where, remedy)


def of_error(error: DeliveryError, *, where: str = "") -> Finding:
    """A call that failed."""
    told = (error.problem, where or error.where)
    if isinstance(error, RetryAfter):
        return unknown(*told, remedy=f"Ask again in {error.seconds:.0f} s")
    if isinstance(error, Rejected):
        return wrong(*told, remedy=error.remedy)
    return wrong(
        *told,
        remedy=error.remedy or "Check base_url and the network, and whether the vendor is up; then ask again",
    )
