"""Run migrations inside the transaction of whoever asks; Alembic executes this file."""

from alembic import context

from engine.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
    compare_type=True,
    render_as_batch=True,  # SQLite alters a table by copying it
    **context.config.attributes.get("options", {}),
)
with context.begin_transaction():
    context.run_migrations()
