"""The schema's versions: brought up to date, or found not to be."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bridge.errors import ConfigError

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Bring the schema to the newest version. Returns the version before and after."""
    if connection.dialect.name == "postgresql":  # two release phases at once take turns
        connection.execute(text("SELECT pg_advisory_xact_lock(7021921)"))
    before = version(connection)
    if _is_newer(before):
        check(before)
    if before != newest():
        _run_migrations(connection)
    return before, newest()


def _run_migrations(connection: Connection) -> None:
    from alembic import command  # a quarter of a second of CPU, where there is nothing to do at most starts
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def version(connection: Connection) -> str | None:
    """The schema's version; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def check(found: str | None, where: str = "DATABASE_URL") -> None:
    """Raises `ConfigError` where the schema that was found is not this program's."""
    if found != newest():
        raise ConfigError(
            f"the database's schema is at {found or 'nothing'}, this program wants {newest()}",
            where=where,
            remedy="Run the newer version of the bridge that made it"
            if _is_newer(found)
            else "Run: python -m bridge migrate",
        )


def _is_newer(found: str | None) -> bool:
    return found is not None and found > newest()


@cache
def newest() -> str:
    """The version of this program's schema. Each migration's file begins with its number."""
    return max(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))
