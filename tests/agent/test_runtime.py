"""Ollama's process: started, watched, stopped; and nobody else's ever touched."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.runtime.log_file import LogFile
from agent.runtime.probe import look
from agent.runtime.rules import Sight
from agent.shared import wire
from agent.shared.errors import Conflict, NotFound, Unavailable
from agent.shared.wire import ServerSentEvent
from tests.agent.ollama_program import (
    QUICK,
    Around,
    a_free_port,
    forgotten,
    heard,
    listening,
    lives,
    until,
    watching,
)
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_binary import OllamaProgram

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="the test double is started by a shell script"),
    pytest.mark.timeout(30),
]


async def test_defects_3_and_4_a_child_on_loopback_with_real_variables_alone(
    tmp_path: Path,
) -> None:
    program = OllamaProgram(tmp_path / "bin")
    around = {"OLLAMA_HOST": "0.0.0.0", "OLLAMA_METAL": "1", "OLLAMA_MODELS": "/m", "SECRET": "s"}
    async with watching(tmp_path / "data", program, environment=around) as runtime:
        await until(runtime, "running")
        state, heard = runtime.state, listening(runtime.state.pid or 0)
    told = program.starts()[0].environment

    assert (state.owner, state.is_managed, state.version is not None) == ("agent", True, True)
    assert heard == ["127.0.0.1"]
    assert told == {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "data"),
        "OLLAMA_MODELS": "/m",
        "OLLAMA_HOST": f"127.0.0.1:{state.port}",
        "OLLAMA_CONTEXT_LENGTH": "8192",
        "OLLAMA_NUM_PARALLEL": "1",
        "OLLAMA_MAX_LOADED_MODELS": "1",
        "OLLAMA_KEEP_ALIVE": "5m",
    }
    assert not lives(state.pid or 0)
    assert forgotten(tmp_path / "data")


async def test_defect_2_a_server_of_somebody_else_is_used_and_never_stopped(
    tmp_path: Path,
) -> None:
    program = OllamaProgram(tmp_path / "bin")
    async with FakeOllama() as foreign, watching(tmp_path, program, url=foreign.url) as runtime:
        await until(runtime, "external")
        with pytest.raises(Conflict) as stopping:
            await runtime.stop()
        with pytest.raises(Conflict):
            await runtime.restart()
        state = await runtime.start()
        await runtime.close()

        assert (state.state, state.owner, state.pid) == ("external", "user", os.getpid())
        assert stopping.value.code == "not-our-ollama"
        assert str(os.getpid()) in stopping.value.detail
        assert (await look("127.0.0.1", foreign.port, 1)).sight is Sight.OLLAMA
    assert program.starts() == []


async def test_a_crash_is_followed_by_a_start_and_too_many_by_a_loud_end(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin", crash_after=0, crash_times=1, runner=1)
    async with watching(tmp_path / "data", program) as runtime:
        await until(runtime, "running", restarts=1)
        left_behind = program.starts()[0].runner or 0
        crashed = runtime.state
        program.behave(exit_code=3)
        os.kill(crashed.pid or 0, signal.SIGKILL)
        await until(runtime, "failed")
        failed, warnings = runtime.state, await runtime.warnings()
        program.behave()
        again = await runtime.start()

    assert not lives(left_behind)
    assert crashed.restarts == 1
    assert failed.detail == (
        "Ollama did not stay: it ended with exit code 3, saying: Error: could not do it. "
        "That was 3 times in a row: the agent gives up. `orca-agent runtime start` tries anew, "
        "`orca-agent runtime logs` says more."
    )
    assert warnings == [failed.detail]
    assert (again.state, len(program.starts())) == ("running", 4)


async def greet_as_ssh(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()
    writer.close()


async def test_a_stranger_on_the_port_is_gone_around(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin")
    async with await asyncio.start_server(greet_as_ssh, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        async with watching(tmp_path, program, url=f"http://127.0.0.1:{port}") as runtime:
            await until(runtime, "running")
            state, warnings = runtime.state, await runtime.warnings()

    assert state.port != port
    assert runtime.url == f"http://127.0.0.1:{state.port}"
    assert warnings[0].startswith(f"Port {port} is taken by another program")
    assert warnings[0].endswith(
        f"For the time being the agent's own Ollama uses port {state.port}."
    )


async def test_stop_start_and_restart_do_what_they_say(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin")
    async with watching(tmp_path / "data", program) as runtime:
        await until(runtime, "running")
        first = runtime.state.pid
        stopped = await runtime.stop()
        again = await runtime.start()
        anew = await runtime.restart()

    assert (stopped.state, stopped.pid, stopped.detail) == (
        "stopped",
        None,
        "It was stopped, and stays so until it is started.",
    )
    assert [one.state for one in (again, anew)] == ["running", "running"]
    assert len({first, again.pid, anew.pid}) == 3
    assert [lives(one.pid) for one in program.starts()] == [False, False, False]


async def test_without_the_program_it_says_where_to_get_it(tmp_path: Path) -> None:
    async with watching(tmp_path, None) as runtime:
        with pytest.raises(NotFound) as caught:
            await runtime.start()
        state = await heard(runtime, lambda state: state.detail != "Not looked at yet.")

    assert (state.pid, caught.value.code, state.detail) == (
        None,
        "no-ollama-binary",
        f"There is no program at {tmp_path / 'none'} (the setting ollama_binary).",
    )


async def test_nothing_is_started_where_it_is_forbidden_or_elsewhere(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin")
    async with (
        watching(tmp_path / "a", program, manages=False) as never,
        watching(tmp_path / "b", program, url="http://10.60.4.77:11434") as elsewhere,
    ):
        with pytest.raises(Conflict) as forbidden:
            await never.start()
        with pytest.raises(Conflict) as far:
            await elsewhere.start()
        states = [one.state.state for one in (never, elsewhere)]

    assert (states, program.starts()) == (["off", "off"], [])
    assert [forbidden.value.code, far.value.code] == ["ollama-not-managed", "ollama-elsewhere"]


async def test_what_the_child_writes_is_followed_and_numbered(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin")
    async with watching(tmp_path / "data", program) as runtime:
        seen: list[str] = []
        numbers: list[int] = []
        await until(runtime, "running")
        async with aclosing(runtime.log_file.follow(None, 100)) as payloads:
            async for payload in payloads:
                for event in wire.decode(payload):
                    numbers.append(event.seq)
                    seen.append(str(event.data["line"]))
                if any("Listening" in line for line in seen):
                    break
        behind = await first_events(runtime.log_file.follow(numbers[-2], 0))
        file = (tmp_path / "data" / "logs" / "ollama.log").read_text("utf-8")

    assert seen[0] == f"orca-agent: starting {program.path} on port {runtime.state.port}"
    assert seen == file.splitlines()
    assert numbers == list(range(1, len(seen) + 1))
    assert [e.data["line"] for e in behind] == seen[-1:]


async def first_events(payloads: AsyncGenerator[bytes, None]) -> list[ServerSentEvent]:
    """What a reader gets at once."""
    async with aclosing(payloads):
        return list(wire.decode(await anext(payloads)))


# --- slow ones ----------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_stranger_that_says_nothing_is_known_by_its_process(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with watching(tmp_path, program, url=f"http://127.0.0.1:{port}") as runtime:
            state = await until(runtime, "running")

    assert state.port not in {port, None}


@pytest.mark.slow
async def test_a_port_that_is_lost_while_the_child_is_away_leads_to_another_and_all_are_told(
    tmp_path: Path,
) -> None:
    program = OllamaProgram(tmp_path / "bin")
    moves: list[str] = []
    pace = replace(QUICK, first_wait_s=0.3)
    async with watching(tmp_path, program, pace=pace, moved=moves.append) as runtime:
        before = await until(runtime, "running")
        os.kill(before.pid or 0, signal.SIGKILL)
        await until(runtime, "waiting")
        async with await asyncio.start_server(greet_as_ssh, "127.0.0.1", before.port):
            after = await until(runtime, "running")

    assert after.port != before.port
    assert moves == [f"http://127.0.0.1:{after.port}"]
    assert runtime.url == moves[0]


@pytest.mark.slow
async def test_a_child_that_hangs_is_killed_and_started_anew(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin", hang_after=0.3, hang_times=1)
    async with watching(tmp_path / "data", program) as runtime:
        await until(runtime, "running", restarts=1)
        starts = program.starts()

        assert not lives(starts[0].pid)
        assert lives(starts[1].pid)


@pytest.mark.slow
async def test_one_that_ignores_the_request_to_end_is_killed_with_all_below_it(
    tmp_path: Path,
) -> None:
    program = OllamaProgram(tmp_path / "bin", ignore_term=1, runner=1)
    async with watching(tmp_path / "data", program) as runtime:
        await until(runtime, "running")
    start = program.starts()[0]

    assert [lives(start.pid), lives(start.runner or 0)] == [False, False]


@pytest.mark.slow
async def test_a_child_that_grew_is_started_anew_once_nobody_waits_for_it(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin", grow_mb=200)
    around = Around()
    around.idle, around.loaded = False, 1
    async with watching(
        tmp_path / "data", program, around=around, limit_bytes=150_000_000
    ) as runtime:
        await until(runtime, "running")
        busy = await heard(runtime, lambda state: bool(state.rss_bytes))
        program.behave()
        around.idle = True
        await until(runtime, "running", restarts=1)
        after = runtime.state

    assert (busy.rss_bytes or 0) > 200_000_000
    assert (busy.recycled, after.recycled, busy.pid != after.pid) == (0, 1, True)


@pytest.mark.slow
async def test_a_stall_that_was_reported_leads_to_a_new_start_once_idle(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin")
    async with watching(tmp_path / "data", program) as runtime:
        await until(runtime, "running")
        runtime.stalled()
        await until(runtime, "running", restarts=1)

    assert len(program.starts()) == 2


@pytest.mark.slow
async def test_a_start_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin", slow_start=60)
    pace = replace(QUICK, start_within_s=0.5, give_up_after=2)
    async with watching(tmp_path / "data", program, pace=pace) as runtime:
        await until(runtime, "failed")
        with pytest.raises(Unavailable) as caught:
            await runtime.start()

    assert (caught.value.code, caught.value.detail) == (
        "ollama-start-failed",
        "Ollama did not answer for 0.5 s, and was ended.",
    )


@pytest.mark.slow
async def test_a_server_that_comes_up_meanwhile_is_used_and_ours_is_not_started(
    tmp_path: Path,
) -> None:
    program = OllamaProgram(tmp_path / "bin", exit_code=1)
    port = a_free_port()
    pace = replace(QUICK, give_up_after=100)
    url = f"http://127.0.0.1:{port}"
    async with watching(tmp_path, program, url=url, pace=pace) as runtime:
        await until(runtime, "waiting")
        foreign = FakeOllama()
        await foreign.start(port)
        await until(runtime, "external")
        await foreign.stop()
        program.behave()
        await until(runtime, "running")

        assert runtime.state.port == port


@pytest.mark.slow
async def test_the_log_does_not_grow_for_ever_and_no_reader_loses_its_place(
    tmp_path: Path,
) -> None:
    log = LogFile(tmp_path / "ollama.log", rotate_bytes=5_000)
    for number in range(3):
        descriptor = log.open_for_child()
        os.write(descriptor, b"".join(b"line %d.%03d\n" % (number, n) for n in range(500)))
        os.close(descriptor)
        await log.catch_up()
    behind = await first_events(log.follow(None, 2))

    assert [e.data["line"] for e in behind] == ["line 2.498", "line 2.499"]
    assert behind[-1].seq == 1500
    there = {file.name: file.stat().st_size > 0 for file in (log.file, *older(log.file))}
    assert there == {"ollama.log": False, "ollama.log.1": True, "ollama.log.2": True}
    assert not log.file.with_name("ollama.log.3").exists()


def older(file: Path) -> list[Path]:
    return [file.with_name(f"{file.name}.{number}") for number in (1, 2)]
