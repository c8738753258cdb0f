"""Items of batches and their answers."""

from agent.migrations.steps import run, statements

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE batch (
  run_id TEXT PRIMARY KEY NOT NULL,
  use TEXT NOT NULL,
  project TEXT NOT NULL,
  client TEXT NOT NULL,
  concurrency INTEGER NOT NULL,
  in_order BOOLEAN NOT NULL,
  total INTEGER NOT NULL,
  images JSON NOT NULL,
  FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
);

CREATE TABLE batch_item (
  run_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  id TEXT NOT NULL,
  status TEXT NOT NULL,
  finished INTEGER,
  request BLOB,
  answer BLOB,
  problem BLOB,
  PRIMARY KEY (run_id, number),
  FOREIGN KEY (run_id) REFERENCES batch (run_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX batch_item_finished ON batch_item (run_id, finished)
"""

STATEMENTS = statements(TABLES)


def upgrade() -> None:
    run(STATEMENTS)
