"""Printers, how far the forwarding of a job got, and how prints ended."""

from agent.migrations.steps import run, statements

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE printer (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  url TEXT NOT NULL,
  hold TEXT NOT NULL,
  storage TEXT NOT NULL,
  user TEXT NOT NULL,
  camera_url TEXT NOT NULL,
  ca_file TEXT,
  key_place TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE TABLE printer_sent (
  job_id TEXT PRIMARY KEY NOT NULL,
  printer_id TEXT NOT NULL,
  step TEXT NOT NULL,
  path TEXT NOT NULL,
  stamp TEXT NOT NULL,
  mark TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  FOREIGN KEY (job_id) REFERENCES slicer_job (id) ON DELETE CASCADE
);
CREATE TABLE print (
  id TEXT PRIMARY KEY NOT NULL,
  file_id TEXT NOT NULL,
  job_id TEXT,
  printer_id TEXT,
  printer_name TEXT NOT NULL,
  path TEXT NOT NULL,
  mark TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  result TEXT,
  source TEXT,
  note TEXT NOT NULL,
  FOREIGN KEY (file_id) REFERENCES slicer_file (id) ON DELETE CASCADE
);
CREATE INDEX print_file ON print (file_id, id);
CREATE INDEX print_watched ON print (printer_id) WHERE result IS NULL
"""

STATEMENTS = statements(TABLES)


def upgrade() -> None:
    run(STATEMENTS)
