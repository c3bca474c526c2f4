"""The schema's versions: brought up to date, or found not to be."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bridge.errors import ConfigError

_CONFIG = Config()
_CONFIG.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
_CONFIG.set_main_option("path_separator", "os")


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Bring the schema to the newest version. Returns the version before and after."""
    if connection.dialect.name == "postgresql":  # two release phases at once take turns
        connection.execute(text("SELECT pg_advisory_xact_lock(7021921)"))
    before = version(connection)
    if _is_newer(before):
        check(before)
    _CONFIG.attributes["connection"] = connection
    try:
        command.upgrade(_CONFIG, "head")
    finally:
        del _CONFIG.attributes["connection"]
    return before, newest()


def version(connection: Connection) -> str | None:
    """The schema's version; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


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


def newest() -> str:
    head = ScriptDirectory.from_config(_CONFIG).get_current_head()
    if head is None:
        raise RuntimeError("the package holds no migrations")
    return head
