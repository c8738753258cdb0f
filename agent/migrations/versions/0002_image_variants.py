"""Shrunk copies of pictures."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = ""


def upgrade() -> None:
    for statement in filter(str.strip, TABLES.split(";")):
        op.execute(statement)
