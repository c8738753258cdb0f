"""What Alembic runs: the revisions, on the connection that hub.database hands over."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    render_as_batch=True,  # SQLite changes no column in place
)
with context.begin_transaction():
    context.run_migrations()
