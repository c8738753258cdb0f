"""Printers, and how prints ended."""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = ""


def upgrade() -> None:
    for statement in filter(str.strip, TABLES.split(";")):
        op.execute(statement)
