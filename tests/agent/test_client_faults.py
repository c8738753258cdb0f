"""The clients where the network, or the agent, is not at its best."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

import orjson
import pytest

from agent.client import (
    AgentError,
    AsyncAgent,
    Busy,
    ClientProblem,
    ConnectionLost,
    NoAnswerInTime,
    NotRunning,
)
from tests.agent.both import KINDS, Kind, client_of
from tests.agent.program import fake_ollama, program

GONE, SILENT = 0, -1  # in place of a status
Scripted = tuple[int, Mapping[str, str], object]
QUEUE_FULL = {"type": "urn:orca:problem:queue-full", "detail": "Full.", "request_id": "r 1"}


@dataclass
class Script:
    """A server that says what it is told to, one answer a request."""

    answers: list[Scripted]
    port: int = 0
    heard: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self.tasks.add(task)
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                self.heard.append(head.partition("\r\n")[0])
                self.at.append(time.monotonic())
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
                status, headers, document = self.answers.pop(0)
                if status == SILENT:
                    await reader.read()
                if status in {GONE, SILENT}:
                    return
                body = orjson.dumps(document)
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def scripted(answers: Sequence[Scripted]) -> AsyncIterator[Script]:
    script = Script(list(answers))
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    async with server:
        yield script
    if script.tasks:
        await asyncio.wait(script.tasks, timeout=30)


@pytest.mark.parametrize("kind", KINDS)
async def test_who_is_told_to_come_back_later_does(kind: Kind) -> None:
    soon = {**QUEUE_FULL, "retry_after_s": 0.2}
    answers: list[Scripted] = [
        (503, {"Content-Type": "application/problem+json"}, soon),
        (429, {}, {}),
        (200, {}, {"items": [], "next_cursor": None}),
    ]

    async with (
        scripted(answers) as script,
        client_of(kind, f"http://127.0.0.1:{script.port}", "t") as agent,
    ):
        assert await agent.queues() == []

    first, second, _ = script.at
    assert 0.2 <= second - first < 5
    assert script.heard == ["GET /api/v1/queues HTTP/1.1"] * 3


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_waits_longer_than_there_is_patience(kind: Kind) -> None:
    answers: list[Scripted] = [(503, {"Retry-After": "30"}, QUEUE_FULL)]

    async with (
        scripted(answers) as script,
        client_of(kind, f"http://127.0.0.1:{script.port}", "t", retry_for=2) as agent,
    ):
        began_at = time.monotonic()
        with pytest.raises(Busy) as full:
            await agent.queues()

    assert time.monotonic() - began_at < 20  # the server speaks of thirty
    assert (full.value.code, full.value.status, full.value.retry_after) == ("queue-full", 503, 30)
    assert (full.value.request_id, full.value.detail) == ("r 1", "Full.")


async def test_an_answer_that_takes_too_long_is_not_waited_for() -> None:
    answers: list[Scripted] = [(GONE, {}, None), (SILENT, {}, None)]

    async with (
        scripted(answers) as script,
        AsyncAgent(f"http://127.0.0.1:{script.port}", "t") as agent,
    ):
        with pytest.raises(ConnectionLost):
            await agent.new_conversation()
        with pytest.raises(NoAnswerInTime):
            await agent.queues(timeout=0.1)

    assert len(script.heard) == 2


async def test_answers_of_something_else_are_told_as_they_are() -> None:
    page = (200, {"Content-Type": "text/html"}, "<html>")
    answers: list[Scripted] = [(502, {}, "no JSON object"), page, (200, {}, [])]

    async with (
        scripted(answers) as script,
        AsyncAgent(f"http://127.0.0.1:{script.port}", "t") as agent,
    ):
        with pytest.raises(ClientProblem) as gateway:
            await agent.queues()
        for _ in range(2):
            with pytest.raises(AgentError) as strange:
                await agent.queues()

    assert (gateway.value.status, gateway.value.code) == (502, "unknown")
    assert strange.value.code == "not-an-agent"


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("end", ["ended", "killed"])
async def test_a_reply_goes_on_over_a_restart_of_the_agent(tmp_path: Path, end: str) -> None:
    with (
        fake_ollama("--tokens", "100000", "--pace", "100") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url) as one,
    ):
        one.serve()
        async with AsyncAgent.local(tmp_path / "data") as agent:
            while (await agent.ready())["status"] != "ready":  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
            url = agent.url
            reply = await agent.ask("Go on.")
            seen = [(await anext(reply)).seq for _ in range(60)]
            if end == "killed" and one.process is not None:
                one.process.kill()
            one.end()
            one.serve()
            rest = [event.seq async for event in reply]
            kept = [message async for message in agent.messages(reply.conversation_id)][-1]

    numbers = [*seen, *rest]
    assert numbers == list(range(1, len(numbers) + 1))
    assert reply.heard.last is not None
    assert (reply.heard.last.name, kept["status"]) == ("interrupted", "interrupted")
    # A crash takes along what was not written down yet; nothing else is missing, or there twice.
    assert reply.heard.text.startswith(kept["content"])
    assert end == "killed" or reply.heard.text == kept["content"]
    assert agent.url != url


ENSURES = """
import sys
from pathlib import Path
from agent.client import Agent

with Agent.ensure_running(Path(sys.argv[1]), tell=print) as agent:
    print(agent.ready()["ollama"]["state"])
with Agent.ensure_running(Path(sys.argv[1]), tell=print) as agent:
    print(agent.ready()["status"])
"""


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_an_agent_is_started_where_none_runs_and_outlives_who_wanted_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "agent.py").write_text("raise SystemExit('the wrong agent')", "utf-8")
    (tmp_path / "script.py").write_text(ENSURES, "utf-8")
    with program(tmp_path / "data") as one:
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "script.py", str(tmp_path / "data")),
            cwd=tmp_path,
            env=one.environment,
            stdout=PIPE,
            stderr=PIPE,
        )
        out, errors = await done.communicate()
        async with AsyncAgent.local(tmp_path / "data") as agent:
            health = await agent.ready()
        stopped = one.orca("stop")

    told = out.decode().splitlines()
    assert (errors, done.returncode) == (b"", 0)
    assert told[0] == "No agent runs: starting one."
    assert told[1].startswith("The agent is ready after ")
    assert told[2:] == ["down", "degraded"]
    assert health["status"] == "degraded"
    assert stopped.stdout == "The agent has ended.\n"


async def test_an_agent_that_cannot_start_says_why(tmp_path: Path) -> None:
    words = "import sys; sys.exit('the port is not good')"
    (tmp_path / "file").write_text("")

    for folder, command, why in (
        (tmp_path / "data", [sys.executable, "-c", words], "the port is not good"),
        (tmp_path / "data", [str(tmp_path / "nothing")], "cannot be started"),
        (tmp_path / "file", [sys.executable, "-c", words], "cannot be started"),
    ):
        with pytest.raises(NotRunning) as failed:
            await AsyncAgent.ensure_running(folder, command=command)
        assert why in str(failed.value)
        assert failed.value.code == "did-not-start"
