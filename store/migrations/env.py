"""Run by Alembic: migrates over the connection that store.db (or a test) hands in, inside its transaction."""

from __future__ import annotations

from alembic import context

from store.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("Migrations run over SMGT's own connection: use `smgt db migrate`.")

context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by rebuilding it
    transactional_ddl=True,  # store.db begins and commits
)
context.run_migrations()
