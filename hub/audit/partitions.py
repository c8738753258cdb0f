"""The months of the tables that grow for ever, on PostgreSQL: made ahead, dropped as a whole.

SQLite knows nothing of it."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import locks

TABLES = {"audit": "at", "usage": "day"}  # and the column whose month decides
AHEAD = 2


async def make_partitions(connection: AsyncConnection, now: datetime) -> list[str]:
    """This month and the next ones of each table, as far as they are not there; says which were
    made. Rows that came before their month did are moved into it."""
    if connection.dialect.name != "postgresql":
        return []
    await locks.hold(connection, locks.PARTITIONS)
    made = []
    for table, column in TABLES.items():
        there = await _partitions(connection, table)
        for month in _months(now):
            name = f"{table}_{month.replace('-', '_')}"
            if name not in there:
                await _make(connection, table, column, name, month)
                made.append(name)
    return made


async def _partitions(connection: AsyncConnection, table: str) -> set[str]:
    found = await connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = CAST(:name AS regclass)"
        ),
        {"name": table},
    )
    return {str(row[0]) for row in found}


async def _make(
    connection: AsyncConnection, table: str, column: str, name: str, month: str
) -> None:
    """`other` holds what has no month yet, and must not hold what gets one."""
    after = _after(month)
    within = f"{column} >= '{month}' AND {column} < '{after}'"
    other = f"{table}_other"
    for statement in (
        f"ALTER TABLE {table} DETACH PARTITION {other}",
        f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{month}') TO ('{after}')",
        f"INSERT INTO {table} SELECT * FROM {other} WHERE {within}",  # noqa: S608 - names of ours
        f"DELETE FROM {other} WHERE {within}",  # noqa: S608 - as above
        f"ALTER TABLE {table} ATTACH PARTITION {other} DEFAULT",
    ):
        await connection.execute(text(statement))


def _months(now: datetime) -> list[str]:
    months = [now.strftime("%Y-%m")]
    for _ in range(AHEAD):
        months.append(_after(months[-1]))
    return months


def _after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"
