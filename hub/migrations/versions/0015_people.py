"""When somebody last proved who they are, when the provider was last heard about them, and the
indexes of texts as they are made today, whichever form of 0007 made them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

OLD_LIMIT = "200000"
WORDS = (
    "DROP INDEX message_words",
    """
    CREATE INDEX message_words ON message
      USING gin (to_tsvector('simple', left(content, 100000)))
    """,
)


def upgrade() -> None:
    for name in ("session", "token_family"):
        op.add_column(name, sa.Column("proved_at", sa.String(27)))
    op.add_column(
        "identity", sa.Column("checked_at", sa.String(27), nullable=False, server_default="")
    )
    op.add_column("identity", sa.Column("gone_at", sa.String(27)))
    op.execute("UPDATE identity SET checked_at = seen_at")
    op.execute("DROP INDEX IF EXISTS artefact_version_waiting")
    if op.get_context().dialect.name == "postgresql" and _is_of_old_limit():
        for statement in WORDS:
            op.execute(statement)


def _is_of_old_limit() -> bool:
    query = sa.text(
        "SELECT indexdef FROM pg_indexes "
        "WHERE indexname = 'message_words' AND schemaname = current_schema()"
    )
    return OLD_LIMIT in (op.get_bind().scalar(query) or "")


def downgrade() -> None:
    """The indexes stay: every form of the schema can use them."""
    for name, column in (
        ("identity", "gone_at"),
        ("identity", "checked_at"),
        ("token_family", "proved_at"),
        ("session", "proved_at"),
    ):
        op.drop_column(name, column)
