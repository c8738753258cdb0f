"""Answers that can be given again."""

from agent.migrations.steps import run, statements

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE answer (
  key TEXT PRIMARY KEY NOT NULL,
  created_at TEXT NOT NULL,
  used_at TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  answer BLOB NOT NULL
);
CREATE INDEX answer_by_use ON answer (used_at, size_bytes);
CREATE INDEX answer_by_age ON answer (created_at)
"""

STATEMENTS = statements(TABLES)


def upgrade() -> None:
    run(STATEMENTS)
