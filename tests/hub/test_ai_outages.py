"""A database that goes away in the middle of runs, or of which nobody heard that it committed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.shared import wire
from agent.shared.clock import rfc3339, system_clock
from agent.shared.databases import Databases
from agent.shared.errors import OrcaError, Unavailable
from hub.ai.following import Following
from hub.ai.news import News
from hub.ai.replicas import LONGEST_LOOK_S, SILENT_S, Replica, Watch
from hub.ai.rules import OwnedRun
from hub.ai.run_store import TeamRuns
from hub.database import open_database
from hub.identity.service import NewAccount
from hub.settings import load
from hub.users.store import Accounts, account_row
from tests.fakes.ollama import FakeOllama
from tests.hub.asking import Json, fakes, text_of
from tests.hub.postgres import Postgres
from tests.hub.serving import PASSWORD, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def database(tmp_path: Path) -> AsyncIterator[Databases]:
    async with open_database(load({}, data_dir=tmp_path)) as one:
        yield one


@dataclass(slots=True)
class Hands:
    """A clock that is turned by hand."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def a_replica(database: Databases, name: str, hands: Hands) -> Replica:
    return Replica(database, system_clock, name, is_alone=False, monotonic=hands)


async def add(database: Databases, run_id: str, replica: str) -> OwnedRun:
    run = Run(run_id, "chat", RunState.QUEUED, rfc3339(system_clock()))
    owned = OwnedRun(run, "bob")
    async with database.writing() as connection:
        await Accounts(connection).add_named(account_row("bob", "bob", run.created_at))
        assert await TeamRuns(connection).add_owned(owned, replica, key=None, request_hash="")
    return owned


async def test_a_replica_has_not_died_because_nobody_could_look(database: Databases) -> None:
    hands = Hands()
    one, other = a_replica(database, "one", hands), a_replica(database, "other", hands)
    await one.join()
    await other.join()
    await add(database, "of-other", "other")
    for _ in range(2):
        await one.beat()
        await other.beat()
        hands.now += 2
    hands.now += 10 * SILENT_S  # the database is away
    after_the_outage = await one.beat()
    found: list[OwnedRun] = []
    while not found:  # and now the other one has really died
        hands.now += LONGEST_LOOK_S
        found = await one.beat()

    assert after_the_outage == []
    assert [one.run.id for one in found] == ["of-other"]


async def test_a_run_on_which_nobody_works_is_ended(database: Databases) -> None:
    lost: list[str] = []

    async def recover(runs: Sequence[OwnedRun]) -> None:
        lost.extend(one.run.id for one in runs)

    async def cancel(_: str) -> None:
        raise AssertionError("nothing is unwanted")

    replica = a_replica(database, "third", Hands())
    await replica.join()
    for run_id in ("here", "unheard"):
        await add(database, run_id, "third")
    watch = Watch(
        replica,
        database,
        count=lambda: 1,
        is_here=lambda run_id: run_id == "here",
        recover=recover,
        cancel=cancel,
        unwanted=News(None).unwanted,
    )
    await watch.beat()

    assert lost == ["unheard"]


class Mistaken:
    """A job that cannot be concluded."""

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("it is not run")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        raise KeyError(run.id)


async def test_a_run_that_cannot_be_concluded_keeps_no_other_from_ending(
    database: Databases,
) -> None:
    runs = RunService(database, system_clock)
    cut = [(await add(database, name, "gone")).run for name in ("bad", "worse")]

    def mistaken(run: Run, events: list[wire.ServerSentEvent]) -> Mistaken:
        return Mistaken()

    await runs.recover({"chat": mistaken}, cut)
    ended = [(await runs.get(one.id)).state for one in cut]
    await runs.close()

    assert ended == [RunState.INTERRUPTED, RunState.INTERRUPTED]


@dataclass(slots=True)
class Deaf:
    """A database of which one does not hear that it has committed."""

    database: Databases
    is_deaf: bool = False

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self.database.reading()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        async with self.database.writing() as connection:
            yield connection
        if self.is_deaf:
            self.is_deaf = False
            raise Unavailable("database-away", "The connection broke.")

    async def check(self) -> None:
        await self.database.check()

    async def close(self) -> None:
        await self.database.close()


@dataclass(slots=True)
class Talking:
    """Says one word whenever it may."""

    may: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def work(self, live: LiveRun) -> object:
        while word := await self.may.get():
            live.emit_texts([("token", word)])
        return None

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        return {"result": "".join(live.content) if live else ""}


@pytest.mark.slow
async def test_events_are_kept_once_if_nobody_heard_that_they_were(
    server: Postgres, tmp_path: Path
) -> None:
    settings = load({"ORCA_HUB_DATABASE_URL": server.new_database()}, data_dir=tmp_path)
    async with open_database(settings) as there:
        deaf, job = Deaf(there), Talking()
        runs = RunService(deaf, system_clock)
        live = runs.launch((await add(there, "r1", "me")).run, job)
        job.may.put_nowait("one ")
        await live.wait_for_more(0)
        deaf.is_deaf = True
        with pytest.raises(OrcaError):
            await runs.save()
        job.may.put_nowait("two ")
        await live.wait_for_more(1)
        await runs.save()
        for word in ("three", ""):
            job.may.put_nowait(word)
        while not live.has_ended:
            await live.wait_for_more(live.ring.last_seq)
        payload = b"".join([part async for part in runs.events("r1")])
        await runs.close()

    events = list(wire.decode(payload))
    assert [one.seq for one in events] == [1, 2, 3, 4]
    assert events[-1].data == {"result": "one two three"} == {"result": text_of(events)}


@dataclass(slots=True)
class Gone(Deaf):
    """A database that is there for so many looks."""

    looks: int = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self.looks -= 1
        if self.looks < 0:
            raise Unavailable("database-away", "The database does not answer.")
        async with self.database.reading() as connection:
            yield connection


@pytest.mark.slow
@pytest.mark.parametrize("looks", [0, 1, 3])
async def test_a_stream_whose_database_goes_away_ends_so_that_one_can_read_on(
    database: Databases, looks: int
) -> None:
    await add(database, f"followed-{looks}", "elsewhere")
    gone = Gone(database, looks=looks)
    runs = RunService(gone, system_clock)
    following = Following(gone, runs, News(None))

    read = [part async for part in following.events(f"followed-{looks}")]
    await runs.close()

    assert (read, gone.looks) == ([], -1)


class Reader:
    """Follows a run, and comes back behind what it saw when the stream breaks."""

    def __init__(self, client: httpx.AsyncClient, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self.events: list[wire.ServerSentEvent] = []

    async def read(self) -> None:
        ends = {"done", "error", "cancelled", "interrupted"}
        while not (self.events and self.events[-1].name in ends):
            seen = self.events[-1].seq if self.events else 0
            sent = {"Accept": "text/event-stream", "Last-Event-ID": str(seen)}
            path, told = f"/runs/{self._run_id}/events", b""
            try:
                async with self._client.stream("GET", path, headers=sent) as answer:
                    if answer.status_code == 200:
                        async for part in answer.aiter_raw():
                            told += part
            except httpx.TransportError:
                pass
            whole = told[: told.rfind(b"\n\n") + 2] if b"\n\n" in told else b""
            self.events += wire.decode(whole)
            await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_run_goes_on_while_the_database_is_away(
    server: Postgres, tmp_path: Path, mode: str
) -> None:
    async with fakes() as (near, _):
        environment = {
            "ORCA_HUB_DATABASE_URL": server.new_database(),
            "ORCA_HUB_OLLAMA_URLS": near.url,
        }
        async with running_hub(tmp_path, environment=environment) as served:
            await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
            ada = await served.signed_in("ada")
            quota = {"subject_kind": "everybody", "period": "month", "requests": 100}
            assert (await ada.post("/quotas", json=quota)).status_code == 201
            run_ids = await _begun(ada, near, ["word " * 150, "word " * 20])
            readers = [Reader(ada, one) for one in run_ids]
            reading = [asyncio.ensure_future(one.read()) for one in readers]
            await _until_running(ada, run_ids)
            await asyncio.to_thread(server.stop, mode)
            try:
                refused = await ada.post("/conversations", json={})
            finally:
                await asyncio.to_thread(server.start)
            await asyncio.gather(*reading)
            runs = [(await ada.get(f"/runs/{one}")).json() for one in run_ids]
            used = await _settled(ada, len(run_ids))
            messages = [await _answer_of(ada, one) for one in runs]
            near.behave_well()

    assert refused.status_code == 503
    assert [one["state"] for one in runs] == ["done", "done"]
    for reader in readers:
        assert [one.seq for one in reader.events] == list(range(1, len(reader.events) + 1))
    assert [text_of(one.events) for one in readers] == ["word " * 150, "word " * 20]
    assert [(one["status"], one["content"]) for one in messages] == [
        ("complete", "word " * 150),
        ("complete", "word " * 20),
    ]
    assert used == (2, 98)


async def _begun(client: httpx.AsyncClient, near: FakeOllama, texts: Sequence[str]) -> list[str]:
    run_ids = []
    for text in texts:
        near.misbehave(path="/api/chat", text=text, pace=40, times=1)
        opened = (await client.post("/conversations", json={})).json()
        asked: Json = {"content": "hi", "model": "qwen3:4b"}
        answer = await client.post(f"/conversations/{opened['id']}/messages", json=asked)
        assert answer.status_code == 202, answer.text
        run_ids.append(answer.json()["run"]["id"])
        await _until_running(client, run_ids)
    return run_ids


async def _until_running(client: httpx.AsyncClient, run_ids: Sequence[str]) -> None:
    async with asyncio.timeout(20):
        for one in run_ids:
            while True:
                if (await client.get(f"/runs/{one}")).json()["last_seq"] >= 4:
                    break
                await asyncio.sleep(0.02)


async def _settled(client: httpx.AsyncClient, wanted: int) -> tuple[int, int]:
    """How many requests were counted, and how many the quota has left, once all are settled."""
    async with asyncio.timeout(30):
        while True:
            total = (await client.get("/usage")).json()["total"]["requests"]
            left = (await client.get("/quotas/me")).json()["items"][0]["left"]["requests"]
            if total >= wanted:
                return total, left
            await asyncio.sleep(0.2)


async def _answer_of(client: httpx.AsyncClient, run: Json) -> Json:
    path = f"/conversations/{run['conversation_id']}/messages"
    items = (await client.get(path)).json()["items"]
    return next(one for one in items if one["id"] == run["message_id"])
