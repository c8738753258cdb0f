"""Conversations, messages, runs, images, tokens and sessions."""

from agent.migrations.steps import run, statements

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE conversation (
  number INTEGER PRIMARY KEY NOT NULL,
  id TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  title_is_automatic BOOLEAN NOT NULL,
  model TEXT,
  system TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  archived BOOLEAN NOT NULL,
  pinned BOOLEAN NOT NULL,
  active_message_id TEXT,
  message_count INTEGER NOT NULL,
  deleted_at TEXT
);
CREATE INDEX conversation_order ON conversation (archived, pinned, updated_at, id);
CREATE INDEX ix_conversation_deleted_at ON conversation (deleted_at);

CREATE TABLE message (
  number INTEGER PRIMARY KEY NOT NULL,
  id TEXT NOT NULL UNIQUE,
  conversation_id TEXT NOT NULL,
  parent_id TEXT,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  thinking TEXT NOT NULL,
  images JSON NOT NULL,
  model TEXT,
  provider TEXT,
  status TEXT NOT NULL,
  created_at TEXT NOT NULL,
  run_id TEXT,
  usage JSON,
  sources JSON NOT NULL,
  trimmed INTEGER NOT NULL,
  problem JSON,
  FOREIGN KEY (conversation_id) REFERENCES conversation (id) ON DELETE CASCADE
);
CREATE INDEX message_of_conversation ON message (conversation_id, number);

CREATE TABLE run (
  id TEXT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  conversation_id TEXT,
  message_id TEXT,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  last_seq INTEGER NOT NULL,
  problem JSON,
  idempotency_key TEXT UNIQUE,
  request_hash TEXT
);
CREATE INDEX ix_run_conversation_id ON run (conversation_id);
CREATE INDEX run_alive ON run (state) WHERE state IN ('queued', 'running');

CREATE TABLE run_segment (
  run_id TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  payload BLOB NOT NULL,
  PRIMARY KEY (run_id, first_seq),
  FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
);

CREATE TABLE image (
  sha256 TEXT PRIMARY KEY NOT NULL,
  mime TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE token (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  scopes JSON NOT NULL,
  created_at TEXT NOT NULL,
  last_used_at TEXT,
  expires_at TEXT
);

CREATE TABLE page_session (
  hash TEXT PRIMARY KEY NOT NULL,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  scopes JSON NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  last_used_at TEXT NOT NULL
);
CREATE INDEX ix_page_session_expires_at ON page_session (expires_at);

CREATE VIRTUAL TABLE message_fts USING fts5 (
  content, content='message', content_rowid='number',
  tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
CREATE VIRTUAL TABLE conversation_fts USING fts5 (
  title, content='conversation', content_rowid='number',
  tokenize='unicode61 remove_diacritics 2', prefix='2 3'
)
"""
TRIGGERS = (
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

STATEMENTS = statements(TABLES, TRIGGERS)


def upgrade() -> None:
    run(STATEMENTS)
