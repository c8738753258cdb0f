"""Which messages need which picture, and when a picture was last asked for.

The shrunk copies themselves lie in a file of their own, see agent/images/cache.py."""

from agent.migrations.steps import run, statements

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE image_use (
  sha256 TEXT NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (sha256, message)
) WITHOUT ROWID;
CREATE INDEX image_use_of_message ON image_use (message);
INSERT OR IGNORE INTO image_use
  SELECT one.value, message.number FROM message, json_each(message.images) one
  WHERE message.images <> '[]';

ALTER TABLE image ADD COLUMN touched_at TEXT NOT NULL DEFAULT '';
UPDATE image SET touched_at = created_at;
CREATE INDEX ix_image_touched_at ON image (touched_at)
"""
TRIGGERS = (
    """
    CREATE TRIGGER message_shows AFTER INSERT ON message WHEN new.images <> '[]' BEGIN
      INSERT OR IGNORE INTO image_use SELECT value, new.number FROM json_each(new.images);
    END
    """,
    """
    CREATE TRIGGER message_showed AFTER DELETE ON message WHEN old.images <> '[]' BEGIN
      DELETE FROM image_use WHERE message = old.number;
    END
    """,
)

STATEMENTS = statements(TABLES, TRIGGERS)


def upgrade() -> None:
    run(STATEMENTS)
