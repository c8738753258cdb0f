"""Advice that was given, and what came of it; what a question was sent with."""

from agent.migrations.steps import run, statements

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE advice (
  id TEXT PRIMARY KEY NOT NULL,
  created_at TEXT NOT NULL,
  source TEXT NOT NULL,
  file_id TEXT,
  filament INTEGER NOT NULL,
  message_id TEXT,
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  model TEXT,
  targets JSON NOT NULL,
  lines JSON NOT NULL,
  notes JSON NOT NULL,
  outcome JSON
);
CREATE INDEX advice_of_file ON advice (file_id, id);

CREATE TABLE message_evidence (
  message_id TEXT PRIMARY KEY NOT NULL,
  pieces JSON NOT NULL,
  tools JSON NOT NULL,
  FOREIGN KEY (message_id) REFERENCES message (id) ON DELETE CASCADE
);

ALTER TABLE message ADD COLUMN context JSON
"""

STATEMENTS = statements(TABLES)


def upgrade() -> None:
    run(STATEMENTS)
