"""Files of the slicer, and the jobs that a print host was given."""

from agent.migrations.steps import run, statements

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE slicer_file (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT,
  created_at TEXT NOT NULL,
  source TEXT NOT NULL,
  is_whole BOOLEAN NOT NULL,
  facts BLOB NOT NULL,
  settings BLOB NOT NULL,
  findings BLOB NOT NULL
);
CREATE TABLE slicer_analysis (
  file_id TEXT PRIMARY KEY NOT NULL,
  created_at TEXT NOT NULL,
  packed BLOB NOT NULL,
  FOREIGN KEY (file_id) REFERENCES slicer_file (id) ON DELETE CASCADE
);
CREATE TABLE slicer_job (
  id TEXT PRIMARY KEY NOT NULL,
  file_id TEXT NOT NULL,
  printer TEXT NOT NULL,
  wants_print BOOLEAN NOT NULL,
  plate INTEGER,
  source TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  run_id TEXT,
  problem TEXT,
  created_at TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  FOREIGN KEY (file_id) REFERENCES slicer_file (id) ON DELETE CASCADE
);
CREATE INDEX slicer_job_of_file ON slicer_job (file_id, id);
CREATE INDEX slicer_job_in_state ON slicer_job (state, id)
"""

STATEMENTS = statements(TABLES)


def upgrade() -> None:
    run(STATEMENTS)
