"""The schema's versions: brought up to date, or found not to be."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_CONFIG = Config()
_CONFIG.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
_CONFIG.set_main_option("path_separator", "os")


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Bring the schema to the newest version. Returns the version before and after."""
    if connection.dialect.name == "postgresql":  # two release phases at once take turns
        connection.execute(text("SELECT pg_advisory_xact_lock(7021921)"))
    before = version(connection)
    _CONFIG.attributes["connection"] = connection
    try:
        command.upgrade(_CONFIG, "head")
    finally:
        del _CONFIG.attributes["connection"]
    return before, newest()


def version(connection: Connection) -> str | None:
    """The schema's version; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    head = ScriptDirectory.from_config(_CONFIG).get_current_head()
    if head is None:
        raise RuntimeError("the package holds no migrations")
    return head
