"""Files of the slicer, and the jobs that a print host was given."""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = ""


def upgrade() -> None:
    for statement in filter(str.strip, TABLES.split(";")):
        op.execute(statement)
