"""Stored text, sealed where there is a key: what people wrote, and who they are.

A sealed value says so, and by which key: `sealed:1:<key id>:`, then nonce and ciphertext (AES-256-GCM). What
was written before there was a key is read as it stands, and what any key of the keyring sealed is opened. A
plain text that begins with the mark gets another one before it, so that it is never taken for a sealed one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Column, ColumnElement, Dialect, LargeBinary, Text, and_, func, literal, type_coerce
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from bridge.errors import ConfigError, Unavailable

VARIABLE = "BRIDGE_ENCRYPTION_KEYS"
#: in the place of the first key: nothing more is sealed, what is can be opened
PLAIN = "plain"
MAKE = 'python -c "import secrets; print(secrets.token_hex(32))"'

_MARK, _ESCAPED, _SEALED = "sealed:", "sealed:0:", "sealed:1:"
_ID = re.compile(r"[0-9a-f]{8}:")
_KEY = re.compile(r"[0-9a-fA-F]{64}")
_NONCE = 12  # bytes; a random one for each value: https://doi.org/10.6028/NIST.SP.800-38D, 8.2.2
_NOTHING = "{}"  # JSON that says nothing is nobody's secret, and most cards are queued with it

T = TypeVar("T", str, bytes)


def key_id(key: bytes) -> str:
    """What a key is called: it does not tell the key."""
    return hashlib.sha256(b"slack-handoff-bridge key id " + key).hexdigest()[:8]


class Keys:
    """The keyring. The first key seals, unless `seals` is false; every one of them opens."""

    def __init__(self, keys: Sequence[bytes] = (), *, seals: bool = True) -> None:
        self._ciphers = {key_id(key): _cipher(key) for key in keys}
        self.first = next(iter(self._ciphers)) if keys and seals else None

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._ciphers)})"

    def __contains__(self, id: str) -> bool:
        return id in self._ciphers

    @property
    def all(self) -> list[str]:
        """Their ids."""
        return list(self._ciphers)

    def seal(self, plain: T) -> T:
        if isinstance(plain, str):
            if plain == _NOTHING:
                return plain
            if self.first is None:
                return _ESCAPED + plain if plain.startswith(_MARK) else plain
            return self.mark + base64.urlsafe_b64encode(self._encrypted(plain.encode())).decode()
        if self.first is None:
            return _ESCAPED.encode() + plain if plain.startswith(_MARK.encode()) else plain
        return self.mark.encode() + self._encrypted(plain)

    def open(self, stored: T) -> T:
        """Raises `Unavailable` where the key is not in the keyring: another process may have it."""
        if isinstance(stored, str):
            if not stored.startswith(_MARK):
                return stored
            id, rest = _parted(stored)
            return rest if id is None else self._decrypted(id, _bytes(rest)).decode()
        if not stored.startswith(_MARK.encode()):
            return stored
        length = len(_SEALED) + 9
        id, rest = _parted(stored[:length].decode("latin-1"))
        if id is None:
            return rest.encode("latin-1") + stored[length:]
        return self._decrypted(id, stored[length:])

    @property
    def mark(self) -> str:
        """What a value begins with that needs not to be sealed anew."""
        return f"{_SEALED}{self.first}:"

    def _encrypted(self, plain: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + bytes(self._ciphers[self.first or ""].encrypt(nonce, plain, None))

    def _decrypted(self, id: str, sealed: bytes) -> bytes:
        cipher = self._ciphers.get(id)
        if cipher is None:
            raise Unavailable(f"stored text is sealed with the key {id}, not in {VARIABLE}", where="store")
        try:
            return bytes(cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None))
        except Exception:  # the library is imported only where there is a key
            raise Unavailable(f"stored text sealed with the key {id} was changed", where="store") from None


def _cipher(key: bytes) -> Any:
    # https://cryptography.io/en/latest/hazmat/primitives/aead/#cryptography.hazmat.primitives.ciphers.aead.AESGCM
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # some MB, for those who have a key

    return AESGCM(key)


def _parted(stored: str) -> tuple[str | None, str]:
    """The id of the key that sealed it, or None where it is a plain text, and the rest."""
    if stored.startswith(_ESCAPED):
        return None, stored[len(_ESCAPED) :]
    if stored.startswith(_SEALED) and (found := _ID.match(stored, len(_SEALED))):
        return found[0][:-1], stored[found.end() :]
    return None, stored  # from before there were marks


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text)
    except binascii.Error:
        return b""  # opens with no key


def keys_of(environ: Mapping[str, str]) -> Keys:
    """The keyring that the environment names. Raises `ConfigError`."""
    given = [one.strip() for one in environ.get(VARIABLE, "").split(",") if one.strip()]
    seals = not given or given[0] != PLAIN
    keys = given if seals else given[1:]
    for number, one in enumerate(keys, 1 if seals else 2):
        if not _KEY.fullmatch(one):
            raise ConfigError(
                f"{VARIABLE}: number {number} is no key of 64 hexadecimal digits",
                where="environment",
                remedy=f"Make one: {MAKE}",
            )
    return Keys([bytes.fromhex(one) for one in keys], seals=seals)


# ── as column types ──────────────────────────────────────────────────────────────────────────────

# By the dialect, which each engine has one of: two stores in one process may have different keys.
_KEYRINGS: WeakKeyDictionary[Dialect, Keys] = WeakKeyDictionary()
_NO_KEYS = Keys()


def use(dialect: Dialect, keys: Keys) -> None:
    """Let whatever is stored by this engine be sealed and opened with these keys."""
    _KEYRINGS[dialect] = keys


class _Opaque(TypeDecorator.Comparator[Any]):
    """The same text is sealed otherwise each time: a condition on it would never hold, so there is none."""

    def operate(self, op: Any, *other: Any, **kw: Any) -> ColumnElement[Any]:
        if op in (operators.is_, operators.is_not):
            return super().operate(op, *other, **kw)
        raise TypeError("the column may be sealed: SQL cannot look into it")


class _Sealed(TypeDecorator[Any]):
    comparator_factory = _Opaque

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return _composed(_KEYRINGS.get(dialect, _NO_KEYS).seal, self.impl_instance.bind_processor(dialect))

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        before = self.impl_instance.result_processor(dialect, coltype)
        return _composed(before, _KEYRINGS.get(dialect, _NO_KEYS).open)


class SealedText(_Sealed):
    """In a text column: sealed it is ASCII."""

    impl = Text
    cache_ok = True  # it is asked of each class itself


class SealedBytes(_Sealed):
    impl = LargeBinary
    cache_ok = True


def _composed(first: Callable[[Any], Any] | None, then: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def process(value: Any) -> Any:
        if value is None:
            return None
        value = value if first is None else first(value)
        return value if then is None else then(value)

    return process


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """The column as it is stored."""
    return type_coerce(column, column.type.impl_instance)  # type: ignore[attr-defined]


def begins(column: Column[Any], mark: str) -> ColumnElement[bool]:
    """Whether what is stored begins with `mark`."""
    plain = column.type.impl_instance  # type: ignore[attr-defined]
    word = literal(mark if isinstance(plain, Text) else mark.encode(), plain)
    found: ColumnElement[bool] = func.substr(raw(column), 1, len(mark), type_=plain) == word
    return found


def is_sealed(column: Column[Any], by: str = "") -> ColumnElement[bool]:
    """Whether it is sealed, by any key or by this one."""
    return begins(column, f"{_SEALED}{by}:" if by else _SEALED)


def is_behind(column: Column[Any], keys: Keys) -> ColumnElement[bool]:
    """Whether it is not stored as it would be now."""
    if keys.first is None:
        return is_sealed(column)
    said = raw(column) != _NOTHING if isinstance(column.type, SealedText) else raw(column).is_not(None)
    return and_(raw(column).is_not(None), said, ~begins(column, keys.mark))
