"""The database goes on whatever becomes of who writes into it."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.shared.database import Database
from agent.shared.errors import Unavailable

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


async def test_a_writer_who_is_cancelled_again_while_it_is_undone_hinders_nobody(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "pairs.db")
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE pair (number INTEGER)"))

    for turns in range(48):
        task = asyncio.get_running_loop().create_task(write_two(database, -turns))
        for pause in (turns % 12, turns // 12 * 3):
            for _ in range(pause):
                await asyncio.sleep(0)
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await write_two(database, 1)
    async with database.reading() as connection:
        counts = {row[0]: row[1] for row in await connection.execute(COUNTS)}
    await database.close()

    assert counts[1] == 96
    assert set(counts.values()) <= {2, 96}


async def test_of_a_file_that_cannot_be_used_the_right_program_says_more(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"no database at all" * 100)
    database = Database(tmp_path / "hub.db", doctor="orca-hub doctor")

    with pytest.raises(Unavailable) as refused:
        await database.check()
    await database.close()

    assert refused.value.detail == (
        "The database file hub.db cannot be used. `orca-hub doctor` says more."
    )
