"""A database that does not let us in, in words for the operator: where it is, and why. Never a password."""

from __future__ import annotations

import errno
import socket
from urllib.parse import SplitResult, parse_qs, urlsplit

from bridge.errors import BridgeError, ConfigError

PORT = 5432


def check_address(parts: SplitResult) -> None:
    """Raises `ConfigError` where no host can be read from a Postgres address."""
    hosts = parts.netloc.rpartition("@")[2].split(",")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    # A password with a slash in it ends the host's part too early: what looks like the port is its beginning.
    misread = "@" not in parts.netloc and "@" in parts.path + parts.fragment
    unread = any(port and not (port.isdecimal() and int(port) <= 65535) for port in ports)
    if misread or unread or not all(map(_can_be_asked_for, hosts)):
        raise ConfigError(
            "DATABASE_URL cannot be read as a Postgres address",
            where="environment",
            remedy="It is like postgres://user:password@host:5432/name; in the password write / as %2F, "
            "? as %3F, # as %23 and @ as %40",
        )


def postgres_at(dsn: str) -> str:
    """The hosts and ports of `dsn`, and the variable that names them."""
    parts = urlsplit(dsn)
    hosts = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", ["localhost"])[-1]
    named = [host if _has_port(host) else f"{host}:{PORT}" for host in hosts.split(",")]
    return f"Postgres at {', '.join(named)} (DATABASE_URL)"


def _can_be_asked_for(host: str) -> bool:
    """Whether a name server can be asked for it: not with an empty part, nor one of over 63 characters."""
    if host.startswith("["):
        return True
    try:
        host.partition(":")[0].encode("idna")
    except UnicodeError:
        return False
    return True


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2] or host.startswith("/")  # a folder with a socket


def reason(error: BaseException) -> str:
    """Why, from the first cause of `error`."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    # Of several addresses asyncio repeats what each said.
    if isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return "connection refused"
    cause = getattr(error, "orig", None) or error.__cause__
    if isinstance(cause, BaseException):
        return reason(cause)
    problem = error.problem if isinstance(error, BridgeError) else str(error)
    return problem.split("\n", 1)[0][:200] or type(error).__name__
