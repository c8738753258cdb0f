"""Connections to PostgreSQL that something on the way has forgotten: nobody says so, and nothing
comes back. New ones get through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from hub.limits.lanes import Lanes
from hub.postgres import PostgresDatabase
from hub.settings import load
from tests.hub.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@dataclass(slots=True)
class Wire:
    """Passes bytes on to a server, until what goes through it is forgotten."""

    target: int
    port: int = 0
    _open: list[asyncio.Event] = field(default_factory=list)

    def forget(self) -> None:
        """From now on nothing passes through those that are open; they stay open."""
        for one in self._open:
            one.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        forgotten = asyncio.Event()
        self._open.append(forgotten)
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        ways = (self._pass(reader, back, forgotten), self._pass(there, writer, forgotten))
        try:
            await asyncio.gather(*ways)
        finally:
            for one in (writer, back):
                one.transport.abort()

    @staticmethod
    async def _pass(
        source: asyncio.StreamReader, sink: asyncio.StreamWriter, forgotten: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(1 << 16):
                if not forgotten.is_set():
                    sink.write(data)
        sink.close()


@asynccontextmanager
async def wired(server: Postgres) -> AsyncIterator[tuple[Wire, PostgresDatabase]]:
    """A database behind a wire. Each of its connections is asked before it is used again."""
    wire = Wire(server.port)
    listening = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = listening.sockets[0].getsockname()[1]
    url = server.new_database().replace(f":{server.port}/", f":{wire.port}/")
    address = load({"ORCA_HUB_DATABASE_URL": url}).async_database_url or ""
    database = PostgresDatabase(address, pool_size=3, idle_s=0.0)
    try:
        yield wire, database
    finally:
        await database.close()
        listening.close()


async def test_a_kept_connection_that_was_forgotten_is_replaced_and_nobody_is_refused(
    server: Postgres,
) -> None:
    async with wired(server) as (wire, database):
        async with database.reading() as one, database.writing() as other:
            await one.execute(text("SELECT 1"))
            await other.execute(text("SELECT 1"))
        wire.forget()

        async with asyncio.timeout(15), database.reading() as connection:
            read = (await connection.execute(text("SELECT 2"))).scalar_one()
        async with asyncio.timeout(15), database.writing() as connection:
            written = (await connection.execute(text("SELECT 3"))).scalar_one()

    assert (read, written) == (2, 3)


async def test_a_forgotten_lane_is_replaced_before_a_statement_is_sent_into_it(
    server: Postgres,
) -> None:
    async with wired(server) as (wire, database):
        lanes = Lanes(database)
        first = await lanes.fetch("SELECT 1 AS number")
        wire.forget()
        async with asyncio.timeout(15):
            second = await lanes.fetch("SELECT 2 AS number")
            third = await lanes.fetch("SELECT 3 AS number")
        await lanes.close()

    assert [rows[0]["number"] for rows in (first, second, third)] == [1, 2, 3]
