"""Conversations, messages and artefacts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ORDER = ("artefact_version", "artefact", "artefact_set", "conversation_share", "message")
# The index of words lies beside the table and finds its rows by their numbers.
SQLITE = (
    """
    CREATE VIRTUAL TABLE message_fts USING fts5 (
      content, content='message', content_rowid='number',
      tokenize='unicode61 remove_diacritics 2', prefix='2 3'
    )
    """,
    """
    CREATE VIRTUAL TABLE conversation_fts USING fts5 (
      title, content='conversation', content_rowid='number',
      tokenize='unicode61 remove_diacritics 2', prefix='2 3'
    )
    """,
    """
    CREATE TRIGGER message_added AFTER INSERT ON message WHEN new.content <> '' BEGIN
      INSERT INTO message_fts (rowid, content) VALUES (new.number, new.content);
    END
    """,
    """
    CREATE TRIGGER message_removed AFTER DELETE ON message WHEN old.content <> '' BEGIN
      INSERT INTO message_fts (message_fts, rowid, content)
        VALUES ('delete', old.number, old.content);
    END
    """,
    """
    CREATE TRIGGER message_written AFTER UPDATE OF content ON message
    WHEN old.content <> new.content BEGIN
      INSERT INTO message_fts (message_fts, rowid, content)
        SELECT 'delete', old.number, old.content WHERE old.content <> '';
      INSERT INTO message_fts (rowid, content)
        SELECT new.number, new.content WHERE new.content <> '';
    END
    """,
    """
    CREATE TRIGGER conversation_added AFTER INSERT ON conversation WHEN new.title <> '' BEGIN
      INSERT INTO conversation_fts (rowid, title) VALUES (new.number, new.title);
    END
    """,
    """
    CREATE TRIGGER conversation_removed AFTER DELETE ON conversation WHEN old.title <> '' BEGIN
      INSERT INTO conversation_fts (conversation_fts, rowid, title)
        VALUES ('delete', old.number, old.title);
    END
    """,
    """
    CREATE TRIGGER conversation_renamed AFTER UPDATE OF title ON conversation
    WHEN old.title <> new.title BEGIN
      INSERT INTO conversation_fts (conversation_fts, rowid, title)
        SELECT 'delete', old.number, old.title WHERE old.title <> '';
      INSERT INTO conversation_fts (rowid, title)
        SELECT new.number, new.title WHERE new.title <> '';
    END
    """,
)
# The words of one text take a megabyte in PostgreSQL at the most; with hyphens they count twice.
POSTGRES = (
    """
    CREATE INDEX message_words ON message
      USING gin (to_tsvector('simple', left(content, 100000)))
    """,
)


def upgrade() -> None:
    _history()
    _conversations()
    _messages()
    _artefacts()
    for statement in SQLITE if _is_sqlite() else POSTGRES:
        op.execute(statement)


def downgrade() -> None:
    if _is_sqlite():
        op.execute("DROP TABLE message_fts")
        op.execute("DROP TABLE conversation_fts")
    for name in (*ORDER, "conversation", "history"):
        op.drop_table(name)


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _key() -> tuple[sa.Column[int], sa.Column[str]]:
    if _is_sqlite():
        number = sa.Column("number", sa.Integer, primary_key=True)
        return number, sa.Column("id", sa.String(36), nullable=False, unique=True)
    return sa.Column("number", sa.BigInteger), sa.Column("id", sa.String(36), primary_key=True)


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("account_id", sa.String(36), primary_key=True),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )


def _conversations() -> None:
    op.create_table(
        "conversation",
        *_key(),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("title_is_automatic", sa.Boolean, nullable=False),
        sa.Column("model", sa.String(200)),
        sa.Column("system", sa.Text),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("active_message_id", sa.String(36)),
        sa.Column("message_count", sa.Integer, nullable=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.String(27)),
        sa.Column("purged_at", sa.String(27)),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index(
        "conversation_list",
        "conversation",
        ["account_id", "archived", "pinned", "updated_at", "id"],
    )
    op.create_index("conversation_rev", "conversation", ["account_id", "rev"])
    op.create_index("conversation_deleted", "conversation", ["purged_at", "deleted_at"])
    op.create_table(
        "conversation_share",
        sa.Column("conversation_id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], ondelete="CASCADE"),
    )
    op.create_index("conversation_share_subject", "conversation_share", ["kind", "subject"])


def _messages() -> None:
    op.create_table(
        "message",
        *_key(),
        sa.Column("conversation_id", sa.String(36), nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("parent_id", sa.String(36)),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("thinking", sa.Text, nullable=False),
        sa.Column("images", sa.JSON, nullable=False),
        sa.Column("model", sa.String(200)),
        sa.Column("provider", sa.String(200)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("run_id", sa.String(36)),
        sa.Column("usage", sa.JSON),
        sa.Column("sources", sa.JSON, nullable=False),
        sa.Column("trimmed", sa.Integer, nullable=False),
        sa.Column("problem", sa.JSON),
        sa.Column("context", sa.JSON),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], ondelete="CASCADE"),
    )
    op.create_index("message_place", "message", ["conversation_id", "place"])
    op.create_index("message_rev", "message", ["conversation_id", "rev"])


def _artefacts() -> None:
    op.create_table(
        "artefact_set",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("conversation_id", sa.String(36)),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("artefact_set_list", "artefact_set", ["account_id", "updated_at", "id"])
    op.create_table(
        "artefact",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("set_id", sa.String(36), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("path_key", sa.String(400), nullable=False),
        sa.Column("language", sa.String(50), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(["set_id"], ["artefact_set.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("set_id", "path_key"),
    )
    op.create_index("artefact_list", "artefact", ["account_id", "updated_at", "id"])
    op.create_table(
        "artefact_version",
        sa.Column("artefact_id", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("made_by", sa.String(20), nullable=False),
        sa.Column("model", sa.String(200)),
        sa.Column("run_id", sa.String(36)),
        sa.Column("message_id", sa.String(36)),
        sa.Column("is_whole", sa.Boolean, nullable=False),
        sa.Column("check_state", sa.String(20), nullable=False),
        sa.Column("check_findings", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], ondelete="CASCADE"),
    )
    op.create_index("artefact_version_account", "artefact_version", ["account_id"])
