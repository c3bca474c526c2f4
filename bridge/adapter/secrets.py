"""Secrets: where they come from, and how one that was given is compared."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from pydantic import SecretStr


def variable_for(source: str, field: str) -> str:
    """The environment variable of a source's secret: (`acme-ada`, `api_key`) -> `ACME_ADA_API_KEY`."""
    return f"{source}_{field}".replace("-", "_").upper()


def same_secret(given: str, accepted: tuple[SecretStr, ...]) -> bool:
    """Whether `given` is one of `accepted`, in constant time for each."""
    found = False
    for secret in accepted:
        found |= hmac.compare_digest(given.encode(), secret.get_secret_value().encode())
    return found


def token_of(headers: Mapping[str, str], *schemes: str) -> str:
    """The token after one of `schemes` (in lower case) in the Authorization header, or ""."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in schemes else ""
