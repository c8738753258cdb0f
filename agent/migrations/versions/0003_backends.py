"""Model servers that were added."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = ""


def upgrade() -> None:
    for statement in filter(str.strip, TABLES.split(";")):
        op.execute(statement)
