"""Customers' profiles that a vendor reports by themselves: they are for the cards of their conversations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bridge.delivery.kinds import CustomerFound
from bridge.engine.work import Incoming, NewDelivery
from bridge.model import Customer
from bridge.store.keeping import keep
from bridge.store.lanes import enqueue
from bridge.store.tables import conversation

MOST = 20  # conversations of one customer whose cards change

_OF_CUSTOMER = (
    select(conversation.c.id)
    .where(conversation.c.customer == bindparam("customer"))
    .order_by(conversation.c.id.desc())
    .limit(MOST)
)
_LOCK = (
    select(conversation.c.id)
    .where(conversation.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(conversation.c.id)
    .with_for_update(key_share=True)
)
_SOURCE = select(conversation.c.source).where(conversation.c.id == bindparam("about"))


def digest(source: str, customer: str) -> str:
    """Known by its digest, since the ids of customers are kept sealed."""
    return hashlib.sha256(f"{source}\0{customer}".encode()).hexdigest()


def learned(connection: Connection, about: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The column that finds a conversation by its customer, as its facts name them."""
    id = (facts.get("customer") or {}).get("id")
    if not isinstance(id, str):
        return {}
    return {"customer": digest(connection.execute(_SOURCE, {"about": about}).scalar_one(), id)}


def keep_customers(connection: Connection, incoming: Incoming, customers: Sequence[Customer]) -> bool:
    """Keep a webhook about customers, and queue it for their newest conversations. False for a duplicate."""
    if not all(keep(connection, [incoming])):
        return False
    new: list[tuple[int, NewDelivery]] = []
    for one in customers:
        found_out = NewDelivery.of(CustomerFound(customer=one), f"customer:{incoming.key}:{one.id}")
        of_customer = {"customer": digest(incoming.source, one.id or "")}
        found = list(connection.execute(_OF_CUSTOMER, of_customer).scalars())
        new += [(about, found_out) for about in found]
    connection.execute(_LOCK, {"ids": sorted({about for about, _ in new})})
    enqueue(connection, new)
    return True
