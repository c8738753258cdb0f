"""What a revision does: statements, run by Alembic on an old file and directly on a new one."""

from collections.abc import Sequence


def statements(tables: str, triggers: Sequence[str] = ()) -> tuple[str, ...]:
    """Those of a text, separated by a semicolon at the end of a line, then the triggers."""
    parts = (part.strip().removesuffix(";") for part in tables.split(";\n"))
    return (*filter(None, parts), *triggers)


def run(several: Sequence[str]) -> None:
    """On the file that Alembic has open."""
    from alembic import op  # slow import

    for statement in several:
        op.execute(statement)
