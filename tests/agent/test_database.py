"""The database goes on whatever becomes of who writes into it."""

import asyncio
import gc
import os
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.shared.database import Database
from agent.shared.errors import Unavailable
from agent.shared.sqlite import OneHopConnection

ONE = text("INSERT INTO pair VALUES (:number) RETURNING number")
SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000000) "
    "SELECT count(*) FROM n"
)
COUNTS = text("SELECT number, count(*) FROM pair GROUP BY number ORDER BY number")


async def write_two(database: Database, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(ONE, {"number": number})
        await connection.execute(ONE, {"number": number})


async def read(database: Database) -> None:
    async with database.reading() as connection:
        await connection.execute(text("SELECT count(*) FROM pair"))


@contextmanager
def lost_connections() -> Iterator[list[str]]:
    """What is said in the block of connections that nobody closed."""
    gc.collect()  # whatever there was before
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
        gc.collect()
        said += [str(one.message) for one in caught]


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


@pytest.mark.slow
@pytest.mark.parametrize("use", [read, lambda database: write_two(database, 1)])
async def test_who_is_cancelled_while_the_file_is_opened_leaves_no_connection(
    tmp_path: Path, use: Callable[[Database], Awaitable[None]]
) -> None:
    file = tmp_path / "pairs.db"
    first = Database(file)
    async with first.writing() as connection:
        await connection.execute(text("CREATE TABLE pair (number INTEGER)"))
    await first.close()

    with lost_connections() as lost:
        for turns in range(90):
            database = Database(file)  # each use of it opens a connection
            task = asyncio.get_running_loop().create_task(_using(use, database))
            for pause in (turns, turns % 5):
                for _ in range(pause):
                    await asyncio.sleep(0)
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await use(database)
            await database.close()

    assert lost == []


async def _using(use: Callable[[Database], Awaitable[None]], database: Database) -> None:
    await use(database)


@pytest.mark.slow
async def test_who_still_reads_when_it_is_closed_leaves_no_connection(tmp_path: Path) -> None:
    database = Database(tmp_path / "pairs.db")
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE pair (number INTEGER)"))

    with lost_connections() as lost:
        async with database.reading() as connection:
            await database.close()
            await connection.execute(text("SELECT count(*) FROM pair"))
        await read(database)
        await write_two(database, 1)
        del connection, database

    assert lost == []


def test_a_loop_that_closes_in_the_middle_of_a_statement_leaves_no_thread_behind(
    tmp_path: Path,
) -> None:
    before = set(threading.enumerate())

    async def cut_off() -> tuple[OneHopConnection, set[threading.Thread]]:
        connection = OneHopConnection(tmp_path / "pairs.db")
        await connection
        asking = asyncio.ensure_future(connection.execute_soon(SLOW, None, many=False))
        await asyncio.wait([asking], timeout=0.05)
        return connection, set(threading.enumerate()) - before

    connection, (thread,) = asyncio.run(cut_off())
    thread.join(20)

    assert (thread.is_alive(), connection.is_open) == (False, False)


async def test_of_a_file_that_cannot_be_used_the_right_program_says_more(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"no database at all" * 100)
    database = Database(tmp_path / "hub.db", doctor="orca-hub doctor")

    with pytest.raises(Unavailable) as refused:
        await database.check()
    await database.close()

    assert refused.value.detail == (
        "The database file hub.db cannot be used. `orca-hub doctor` says more."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads are not asked to step aside")
async def test_who_writes_takes_no_processor_from_the_loop(tmp_path: Path) -> None:
    database = Database(tmp_path / "pairs.db")
    before = {thread.native_id for thread in threading.enumerate()}
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE pair (number INTEGER)"))
    (writer,) = {thread.native_id for thread in threading.enumerate()} - before

    assert os.sched_getscheduler(writer or 0) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    await database.close()
