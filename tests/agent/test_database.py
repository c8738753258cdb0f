"""The database goes on whatever becomes of who writes into it."""

import asyncio
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from agent.shared.database import Database

ONE = text("INSERT INTO pair VALUES (:number) RETURNING number")
COUNTS = text("SELECT number, count(*) FROM pair GROUP BY number ORDER BY number")


async def write_two(database: Database, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(ONE, {"number": number})
        await connection.execute(ONE, {"number": number})


async def test_a_writer_who_is_cancelled_anywhere_leaves_nothing_and_hinders_nobody(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "pairs.db")
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE pair (number INTEGER)"))

    for turns in range(40):
        task = asyncio.get_running_loop().create_task(write_two(database, -turns))
        for _ in range(turns % 20):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await write_two(database, turns + 1)
    async with database.reading() as connection:
        counts = {row[0]: row[1] for row in await connection.execute(COUNTS)}
    await database.close()

    assert set(counts.values()) == {2}
    assert set(range(1, 41)) <= set(counts)
