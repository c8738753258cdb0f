"""What requests took and cost."""

from agent.migrations.steps import run, statements

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE request (
  number INTEGER PRIMARY KEY NOT NULL,
  id TEXT NOT NULL,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  outcome TEXT NOT NULL,
  project TEXT NOT NULL,
  model TEXT NOT NULL,
  backend TEXT NOT NULL,
  provider TEXT NOT NULL,
  client TEXT NOT NULL,
  code TEXT NOT NULL,
  queued_ms REAL NOT NULL,
  load_ms REAL NOT NULL,
  first_token_ms REAL NOT NULL,
  total_ms REAL NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  tokens_per_second REAL NOT NULL,
  cached BOOLEAN NOT NULL,
  was_cold BOOLEAN NOT NULL
);
CREATE INDEX request_by_time ON request (at);
CREATE INDEX request_by_project ON request (project, at);
CREATE INDEX request_by_model ON request (model, at);
CREATE INDEX request_by_kind ON request (kind, at);
CREATE INDEX request_by_outcome ON request (outcome, at);

CREATE TABLE request_day (
  number INTEGER PRIMARY KEY NOT NULL,
  day TEXT NOT NULL,
  project TEXT NOT NULL,
  model TEXT NOT NULL,
  backend TEXT NOT NULL,
  requests INTEGER NOT NULL,
  done INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  timed_out INTEGER NOT NULL,
  interrupted INTEGER NOT NULL,
  cached INTEGER NOT NULL,
  cold INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  queued_ms INTEGER NOT NULL,
  total_ms INTEGER NOT NULL,
  UNIQUE (day, project, model, backend)
)
"""

STATEMENTS = statements(TABLES)


def upgrade() -> None:
    run(STATEMENTS)
