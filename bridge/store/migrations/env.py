"""Alembic's entry: it is always handed an open connection (see `bridge.store.migrate`)."""

from alembic import context

from bridge.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
