"""Runs that are under way while they are written down, and those that nobody could write down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.migrations import migrate
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared import wire
from agent.shared.clock import system_clock
from agent.shared.database import Database
from agent.shared.errors import NotFound
from tests.agent.talking import opened
from tests.fakes.ollama import FakeOllama
from tests.raw import get
from tests.serving import Served

pytestmark = pytest.mark.slow
RUN = Run("r1", "pull", RunState.QUEUED, "2026-01-31T09:05:00.000000Z")


class Working:
    """Says when it begins, works until it may go on, and notes how it ends."""

    def __init__(self) -> None:
        self.has_begun, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.ended: list[RunState] = []
        self.left = asyncio.Event()

    async def work(self, live: LiveRun) -> object:
        live.mark_started()
        live.emit("progress", {"status": "working"})
        self.has_begun.set()
        try:
            await self.may_go_on.wait()
        finally:
            self.left.set()
        return "result"

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        self.ended.append(ending.state)
        return {"result": ending.result}


@asynccontextmanager
async def own_runs(folder: Path) -> AsyncIterator[tuple[RunService, Database]]:
    await asyncio.to_thread(migrate, folder / "agent.db", now=system_clock())
    database = Database(folder / "agent.db")
    runs = RunService(database, system_clock)
    try:
        yield runs, database
    finally:
        await runs.close()
        await database.close()


async def told(runs: RunService) -> list[str]:
    parts = [part async for part in runs.events(RUN.id)]
    return [event.name for event in wire.decode(b"".join(parts))]


async def test_a_run_works_while_it_is_written_down_and_ends_when_it_is(tmp_path: Path) -> None:
    async with own_runs(tmp_path) as (runs, database):
        job = Working()
        job.may_go_on.set()
        async with runs.launching() as launching, database.writing() as connection:
            await Runs(connection).add(RUN)
            launching.launch(RUN, job)
            await job.left.wait()  # it has done all that there is to do
            with pytest.raises(NotFound):
                await runs.get(RUN.id)
            assert (len(runs), job.ended) == (0, [])

        assert await told(runs) == ["progress", "done"]
        assert job.ended == [RunState.DONE]


async def test_of_a_run_that_could_not_be_written_down_nothing_is_left(tmp_path: Path) -> None:
    async with own_runs(tmp_path) as (runs, database):
        job = Working()

        async def ask() -> None:
            async with runs.launching() as launching, database.writing() as connection:
                await Runs(connection).add(RUN)
                launching.launch(RUN, job)
                await job.has_begun.wait()
                raise OSError("disk")

        with pytest.raises(OSError, match="disk"):
            await ask()
        await job.left.wait()

        assert job.ended == []
        with pytest.raises(NotFound):
            await runs.get(RUN.id)
        assert await runs.latest(None, None, 10) == []


async def test_a_run_goes_on_whose_asker_left_when_it_was_written_down(tmp_path: Path) -> None:
    async with own_runs(tmp_path) as (runs, database):
        job, is_written = Working(), asyncio.Event()

        async def ask() -> None:
            async with runs.launching() as launching:
                async with database.writing() as connection:
                    await Runs(connection).add(RUN)
                    launching.launch(RUN, job)
                is_written.set()
                await asyncio.Event().wait()

        asker = asyncio.ensure_future(ask())
        await is_written.wait()
        asker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asker
        job.may_go_on.set()

        assert await told(runs) == ["progress", "done"]


@pytest.mark.timeout(60)
async def test_who_leaves_while_a_question_is_kept_leaves_no_answer_without_an_end(
    served: Served, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 3)
    conversations = [str((await opened(served.client))["id"]) for _ in range(40)]
    for number, conversation in enumerate(conversations):
        await _leave(served, conversation, after_ms=number * 0.25)

    statuses = [await _status(served.client, one) for one in conversations]

    assert {one for one in statuses if one} == {"complete"}


async def _leave(served: Served, conversation: str, *, after_ms: float) -> None:
    body = b'{"content":"Why?"}'
    request = get(
        f"/api/v1/conversations/{conversation}/messages",
        f"Host: 127.0.0.1:{served.settings.port}",
        f"Authorization: {served.client.headers['authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        method="POST",
    )
    _, writer = await asyncio.open_connection("127.0.0.1", served.settings.port)
    writer.write(request + body)
    await asyncio.sleep(after_ms / 1000)  # the moment is the point
    writer.transport.abort()


async def _status(client: httpx.AsyncClient, conversation: str) -> str:
    """Of the answer, once it has ended; empty if the question was never kept."""
    while True:
        listed = await client.get(f"/api/v1/conversations/{conversation}/messages")
        found = [one["status"] for one in listed.json()["items"] if one["role"] == "assistant"]
        if "streaming" not in found:
            return "".join(found)
        await asyncio.sleep(0.02)
