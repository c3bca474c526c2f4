"""DATABASE_URL in the forms in which platforms give it.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from bridge.errors import BridgeError
from tests.deploy.plan import Plan
from tests.deploy.tls import secured
from tests.stores import connect

PASSWORD = "p@ss/w:rd%?#"


async def used(url: str) -> None:
    """Migrate, and be a worker for a moment: both sorts of connection are made."""
    store = connect(url)
    try:
        await store.migrate()
        await store.leave(await store.join())
    finally:
        await store.close()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
async def test_either_scheme_with_any_password(scheme: str, plan: Plan) -> None:
    plan.server.sql(f"ALTER ROLE {plan.role} PASSWORD '{PASSWORD}'")

    await used(f"{scheme}://{plan.role}:{quote(PASSWORD, safe='')}@127.0.0.1:{plan.server.port}/{plan.role}")


@pytest.mark.parametrize("more", ["", "?sslmode=require", "?sslmode=prefer"])
async def test_tls_with_a_certificate_that_nobody_signed(more: str, plan: Plan, tmp_path: Path) -> None:
    """Heroku's, Railway's: without a word in the address, and with `sslmode=require`."""
    async with secured(plan.server.port, tmp_path) as there:
        await used(plan.url.replace(f":{plan.server.port}/", f":{there.port}/") + more)

    assert len(there.connected) >= 2
    assert all(version.startswith("TLS") for version in there.connected)


async def test_the_certificate_is_checked_where_the_address_says_so(plan: Plan, tmp_path: Path) -> None:
    async with secured(plan.server.port, tmp_path) as there:
        at = plan.url.replace(f"@127.0.0.1:{plan.server.port}/", f"@localhost:{there.port}/")
        with pytest.raises(BridgeError, match=r"(?i)certificate"):
            await used(f"{at}?sslmode=verify-full")

        await used(f"{at}?sslmode=verify-full&sslrootcert={there.certificate}")


async def test_no_tls_where_the_address_says_so(plan: Plan) -> None:
    """In a private network: Fly's older Postgres says so, Dokku's and Render's have none."""
    await used(f"{plan.url}?sslmode=disable")


async def test_tls_is_not_done_without_where_it_is_required(plan: Plan) -> None:
    with pytest.raises(BridgeError, match=r"(?i)ssl"):
        await used(f"{plan.url}?sslmode=require")
