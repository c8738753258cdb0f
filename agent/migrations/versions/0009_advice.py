"""Advice that was given, and what came of it."""

from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = ""


def upgrade() -> None:
    for statement in filter(str.strip, TABLES.split(";")):
        op.execute(statement)
