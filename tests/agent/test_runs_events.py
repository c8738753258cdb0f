"""Following a run: many readers, any position, slow ones, and after a restart."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quart import Quart
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.migrations import migrate
from agent.runs import routes as run_routes
from agent.runs.live import LiveRun
from agent.runs.rules import Chunk, Ending, Ring, Run, RunState, after
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared import problems, wire
from agent.shared.clock import system_clock
from agent.shared.database import Database
from tests.agent.talking import Json, ask, body, opened, post, problem
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, http, running_agent, served_app
from tests.sse import events_of, follow, text_of

EVENTS = "/api/v1/runs/{}/events"


async def raw(client: httpx.AsyncClient, run_id: str, after_seq: int = 0) -> bytes:
    """The stream of a run behind an event, byte for byte, without the line about retrying."""
    headers = {"Last-Event-ID": str(after_seq)} if after_seq else {}
    async with client.stream("GET", EVENTS.format(run_id), headers=headers) as reply:
        data = b"".join([part async for part in reply.aiter_raw()])
    assert reply.headers["cache-control"] == "no-store"
    assert data.startswith(b"retry: 1000\n\n")
    return data.removeprefix(b"retry: 1000\n\n")


async def test_twenty_readers_each_get_every_event_once(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 60, pace=300)
    conversation = await opened(client)
    run_id = body(await post(client, conversation["id"]), 202)["run"]["id"]

    read = await asyncio.gather(*(follow(client, run_id) for _ in range(20)))

    assert all(events == read[0] for events in read)
    assert [event.seq for event in read[0]] == list(range(1, len(read[0]) + 1))
    assert text_of(read[0]) == "word " * 60


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_a_reader_can_go_on_from_every_position_now_later_and_after_a_restart(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(
        path="/api/chat", thinking="Hmm, id: 4\n\nid: 5\n", text="wörd 🦑 \n\n" * 12, pace=150
    )
    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        conversation = await opened(served.client)
        run_id = body(await post(served.client, conversation["id"]), 202)["run"]["id"]
        # Those who come and go while it is being written ...
        joined = [raw(served.client, run_id, seq) for seq in range(0, 28, 4)]
        live = dict(zip(range(0, 28, 4), await asyncio.gather(*joined), strict=True))
        whole = live[0]
        last = len(list(wire.decode(whole)))
        # ... when it has ended ...
        ended = [await raw(served.client, run_id, seq) for seq in range(last + 1)]
    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        # ... and when the agent was started anew.
        stored = [await raw(served.client, run_id, seq) for seq in range(last + 1)]

    expected = [_behind(whole, seq) for seq in range(last + 1)]
    assert last > 28
    assert live == {seq: expected[seq] for seq in live}
    assert ended == expected
    assert stored == expected
    assert expected[last] == b""


def _behind(whole: bytes, seq: int) -> bytes:
    blocks = whole.split(b"\n\nid: ")
    rest = [blocks[0].removeprefix(b"id: "), *blocks[1:]][seq:]
    return b"id: " + b"\n\nid: ".join(rest) if rest else b""


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 16, "1e3"])
async def test_a_position_that_is_no_number_is_refused(
    client: httpx.AsyncClient, value: str
) -> None:
    conversation = await opened(client)
    talk = await ask(client, conversation["id"])

    reply = await client.get(EVENTS.format(talk.run["id"]), headers={"Last-Event-ID": value})

    assert problem(reply) == (400, "bad-last-event-id")


async def test_a_run_goes_on_when_its_reader_leaves(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 50, pace=200)
    conversation = await opened(client)
    run_id = body(await post(client, conversation["id"]), 202)["run"]["id"]

    async with client.stream("GET", EVENTS.format(run_id)) as reply:
        stream = events_of(reply)
        first = [await anext(stream), await anext(stream), await anext(stream)]
    rest = await follow(client, run_id, after=first[-1].seq)

    assert [event.seq for event in first + rest] == list(range(1, len(first + rest) + 1))
    assert text_of(first + rest) == "word " * 50
    assert fake.departures == []


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_a_reader_that_stalls_slows_nobody_and_gets_everything_later(
    served: Served, fake: FakeOllama
) -> None:
    fake.full_speed(60_000)  # about four megabytes of events, the ring holds one
    conversation = await opened(served.client)
    run_id = body(await post(served.client, conversation["id"]), 202)["run"]["id"]

    with _connected(served, run_id) as stalled:
        quick = await follow(served.client, run_id)
        closing: Json = dict(quick[-1].data)
        answer = closing["message"]
        slow = await asyncio.to_thread(_read_all, stalled)

    assert quick[-1].name == "done"
    assert text_of(quick) == answer["content"]
    events = list(wire.decode(slow))
    assert [event.seq for event in events] == list(range(1, len(quick) + 1))
    assert text_of(events) == answer["content"]


def _connected(served: Served, run_id: str) -> socket.socket:
    """A reader with a small buffer that has asked, and reads nothing yet."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", served.settings.port))
    head = f"GET {EVENTS.format(run_id)} HTTP/1.0\r\nHost: 127.0.0.1:{served.settings.port}\r\n"
    reader.sendall(f"{head}Authorization: Bearer {served.token}\r\n\r\n".encode())
    return reader


def _read_all(reader: socket.socket) -> bytes:
    reader.settimeout(8)
    data = b""
    while part := reader.recv(1 << 16):
        data += part
    return data.partition(b"\r\n\r\n")[2].removeprefix(b"retry: 1000\n\n")


async def test_runs_are_listed_newest_first_and_by_state(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    done = [(await ask(client, conversation["id"])).run["id"] for _ in range(3)]
    fake.misbehave(path="/api/chat", stall_after=1)  # so that nothing happens between two looks
    alive = body(await post(client, conversation["id"]), 202)["run"]["id"]
    async with client.stream("GET", EVENTS.format(alive)) as reply:
        async for event in events_of(reply):
            if event.name == "token":
                break

    newest = body(await client.get("/api/v1/runs", params={"limit": 3}))
    older = body(
        await client.get("/api/v1/runs", params={"limit": 3, "cursor": newest["next_cursor"]})
    )
    running: Json = body(await client.get("/api/v1/runs", params={"state": "running"}))
    ended = body(await client.get("/api/v1/runs", params={"state": "done"}))

    assert [run["id"] for run in newest["items"]] == [alive, done[2], done[1]]
    assert [run["id"] for run in older["items"]] == [done[0]]
    assert [run["id"] for run in running["items"]] == [alive]
    assert (
        running["items"][0] == newest["items"][0] == body(await client.get(f"/api/v1/runs/{alive}"))
    )
    assert running["items"][0]["last_seq"] >= 2  # it started, and said a word
    assert [run["id"] for run in ended["items"]] == done[::-1]


# --- a run of our own making --------------------------------------------------------------------


class Waiting:
    """A job that says what it is told to, when it is told to."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()

    async def work(self, live: LiveRun) -> object:
        live.mark_started()
        live.emit("progress", {"status": "waiting"})
        await self.may_go_on.wait()
        return "result"

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        return {"result": ending.result}


@asynccontextmanager
async def _own_runs(
    folder: Path, keep_alive_s: float
) -> AsyncIterator[tuple[RunService, Database, httpx.AsyncClient]]:
    await asyncio.to_thread(migrate, folder / "agent.db", now=system_clock())
    database = Database(folder / "agent.db")
    runs = RunService(database, system_clock, keep_alive_s=keep_alive_s)
    app = Quart("runs")
    problems.install(app)
    app.register_blueprint(run_routes.routes(runs))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        app.get("/api/v1/health/live")(_live)
        async with (
            served_app(app, listener) as server,
            http(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            yield runs, database, client
            await server.close(runs.close)
    await database.close()


async def _live() -> str:
    return "alive"


async def test_a_silent_run_is_kept_open_by_comments(tmp_path: Path) -> None:
    async with _own_runs(tmp_path, 0.05) as (runs, database, client):
        job, run = Waiting(), Run("r1", "pull", RunState.QUEUED, "2026-01-31T09:05:00.000000Z")
        async with database.writing() as connection:
            await Runs(connection).add(run)
        runs.launch(run, job)

        seen = b""
        async with client.stream("GET", EVENTS.format("r1")) as reply:
            async for part in reply.aiter_raw():
                seen += part
                if seen.count(b": \n\n") == 3:
                    job.may_go_on.set()

    assert [(event.seq, event.name) for event in wire.decode(seen)] == [
        (1, "progress"),
        (2, "done"),
    ]
    assert list(wire.decode(seen))[-1].data == {"result": "result"}
    assert seen.count(b": \n\n") == 3


# --- pure decisions -----------------------------------------------------------------------------

sizes = st.lists(st.integers(1, 5), min_size=1, max_size=12)


@given(sizes, st.integers(0, 70), st.integers(0, 300))
@settings(max_examples=200, database=None)
def test_a_ring_gives_everything_behind_a_position_or_says_that_it_cannot(
    counts: list[int], seq: int, limit_bytes: int
) -> None:
    ring, whole, first = Ring(limit_bytes), [], 1
    for count in counts:
        numbers = range(first, first + count)
        blocks = [wire.encode_text(number, b"token", f"\n\nid: {number}\n") for number in numbers]
        whole += blocks
        ring.add(Chunk(first, first + count - 1, b"".join(blocks)))
        ring.mark_saved(first)
        first += count

    found = ring.since(seq)

    assert found is None or found == b"".join(whole[seq:])
    assert found is not None or seq < ring.saved_seq
    unsaved = ring.unsaved()
    if unsaved:
        assert after(unsaved, ring.saved_seq) == b"".join(whole[ring.saved_seq :])
