"""The months of the tables that grow for ever, on PostgreSQL: made ahead, dropped as a whole.

SQLite knows nothing of it."""

import re
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import locks
from hub.months import month_after, month_of

TABLES = {"audit": "at", "usage": "day"}  # and the column whose month decides
AHEAD = 2
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
# Whoever waits for a whole table keeps everybody else waiting: a backup may hold it for hours.
PATIENCE = text("SET LOCAL lock_timeout = '3s'")


async def hold_months(connection: AsyncConnection) -> None:
    """Before anything else of these tables is looked at by whoever makes or drops months: until
    the transaction ends nobody else does. Raises Unavailable `database-busy`."""
    if connection.dialect.name == "postgresql":
        await connection.execute(PATIENCE)
        await locks.hold(connection, locks.PARTITIONS)


async def make_partitions(connection: AsyncConnection, now: datetime) -> list[str]:
    """This month, the next ones and those of rows that came before their month did, as far as
    they are not there; says which were made. The rows are moved into them."""
    if connection.dialect.name != "postgresql":
        return []
    await hold_months(connection)
    made = []
    for table, column in TABLES.items():
        there = await _partitions(connection, table)
        ahead = {month_after(month_of(now), count) for count in range(AHEAD + 1)}
        for month in sorted(ahead | await _months_without(connection, table, column)):
            name = f"{table}_{month.replace('-', '_')}"
            if name not in there:
                await _make(connection, table, column, name, month)
                made.append(name)
    return made


async def drop_months(
    connection: AsyncConnection, table: str, before: str, *, but: str = ""
) -> list[str]:
    """Every month before that one, with its rows; says which were dropped. Rows of which `but`
    holds are kept. Raises Unavailable `database-busy` while somebody reads the table for long."""
    if connection.dialect.name != "postgresql":
        return []
    await hold_months(connection)
    dropped = []
    for name in sorted(await _partitions(connection, table)):
        month = name.removeprefix(f"{table}_").replace("_", "-")
        if not MONTH.fullmatch(month) or month >= before:
            continue
        await connection.execute(text(f"ALTER TABLE {table} DETACH PARTITION {name}"))
        if but:
            kept = f"INSERT INTO {table} SELECT * FROM {name} WHERE {but}"  # noqa: S608 - ours
            await connection.execute(text(kept))
        await connection.execute(text(f"DROP TABLE {name}"))
        dropped.append(name)
    return dropped


async def _partitions(connection: AsyncConnection, table: str) -> set[str]:
    found = await connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = CAST(:name AS regclass)"
        ),
        {"name": table},
    )
    return {str(row[0]) for row in found}


async def _months_without(connection: AsyncConnection, table: str, column: str) -> set[str]:
    """The months of rows that have no partition of their own."""
    query = f"SELECT DISTINCT substr({column}, 1, 7) FROM {table}_other"  # noqa: S608 - ours
    found = await connection.execute(text(query))
    return {str(row[0]) for row in found if MONTH.fullmatch(str(row[0]))}


async def _make(
    connection: AsyncConnection, table: str, column: str, name: str, month: str
) -> None:
    """`other` holds what has no month yet, and must not hold what gets one."""
    after = month_after(month)
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
