"""Model servers that were added. Their keys lie elsewhere: `key_place` says where."""

from agent.migrations.steps import run, statements

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE backend (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  provider TEXT NOT NULL,
  url TEXT NOT NULL,
  organisation TEXT NOT NULL,
  ca_file TEXT,
  connect_s REAL,
  first_token_s REAL,
  stall_s REAL,
  text_limit INTEGER NOT NULL,
  vision_limit INTEGER NOT NULL,
  sees JSON NOT NULL,
  key_place TEXT NOT NULL,
  created_at TEXT NOT NULL
)
"""

STATEMENTS = statements(TABLES)


def upgrade() -> None:
    run(STATEMENTS)
