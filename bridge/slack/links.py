"""Links to files for customers whose vendor carries only text: `GET /files/{token}`, for a while.

The token is the file's id and an end, and the workspace where it is not that of [slack], signed. Its key is
the HMAC-SHA256 of a fixed text under Slack's signing secret: the same in every process, of no use for
anything else, and changed with it. Slack's own address of the file stays with us: the bytes pass through.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from bridge.config import MAIN
from bridge.errors import Rejected

_PURPOSE = b"slack-handoff-bridge: links to files, 1"


class Expired(Exception):
    """The link was one of ours, and its time is over."""


class NotOurs(Exception):
    """No link of ours, or not all of it."""


class Links:
    """To the files of one workspace. `secrets`: the first signs, all are accepted."""

    def __init__(
        self, public_url: str | None, secrets: Sequence[SecretStr], lifetime: float, workspace: str = MAIN
    ) -> None:
        self._base = public_url.rstrip("/") if public_url else None
        self._keys = [
            hmac.digest(one.get_secret_value().encode(), _PURPOSE, hashlib.sha256) for one in secrets
        ]
        self._lifetime = lifetime
        self._workspace = "" if workspace == MAIN else f" {workspace}"

    def to(self, file: str, since: datetime) -> str:
        """The link to a file, the same at every attempt. Raises `Rejected` without a public address."""
        if self._base is None:
            raise Rejected(
                "files go out as links, and the bridge does not know its public address",
                remedy="Nothing of this message was sent. Files need public_url in [server]",
            )
        told = f"{file} {int(since.timestamp() + self._lifetime)}{self._workspace}".encode()
        return f"{self._base}/files/{_text(told)}.{_text(_sign(self._keys[0], told))}"

    def read(self, token: str, now: float) -> str:
        """The id of the file that a link leads to. Raises `NotOurs` or `Expired`."""
        try:
            told, signature = (_bytes(one) for one in token.split("."))
        except ValueError:
            raise NotOurs from None
        ours = False
        for key in self._keys:
            ours |= hmac.compare_digest(_sign(key, told), signature)
        if not ours:
            raise NotOurs
        file, until, *workspace = told.decode().split(" ")
        if "".join(f" {one}" for one in workspace) != self._workspace:
            raise NotOurs
        if now > int(until):
            raise Expired
        return file


def _sign(key: bytes, told: bytes) -> bytes:
    return hmac.digest(key, told, hashlib.sha256)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(value: str) -> bytes:
    """What `_text` made `value` of. Raises `ValueError` for anything that it did not make."""
    found = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    if _text(found) != value:
        raise ValueError
    return found
