"""Ollama's process and the profiles through the real agent, by HTTP and by the commands."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from agent.shared.wire import decode_block
from tests.agent.ollama_program import QUICK, a_free_port, listening, lives
from tests.agent.program import program, until
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_binary import OllamaProgram
from tests.serving import Served, running_agent

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="the test double is started by a shell script"),
    pytest.mark.timeout(60, method="signal" if os.name == "posix" else "thread"),
]
Json = dict[str, Any]  # Any: JSON values


async def runtime_of(served: Served, state: str) -> Json:
    """The runtime once Ollama is in this state. Raises TimeoutError."""
    async with asyncio.timeout(30):
        while True:
            answer: Json = (await served.client.get("/api/v1/runtime")).json()
            if answer["ollama"]["state"] == state:
                return answer
            await asyncio.sleep(0.02)


async def lines_of(served: Served, **headers: str) -> AsyncGenerator[tuple[int, str], None]:
    async with served.client.stream("GET", "/api/v1/runtime/logs", headers=headers) as answer:
        assert answer.status_code == 200
        block = b""
        async for piece in answer.aiter_bytes():
            *whole, block = (block + piece).split(b"\n\n")
            for event in filter(None, map(decode_block, whole)):
                yield event.seq, str(event.data["line"])


async def number_of(word: str, lines: AsyncGenerator[tuple[int, str], None]) -> int:
    """The number of the first line with this word."""
    async for number, line in lines:
        if word in line:
            return number
    raise AssertionError(f"no line has {word}")


async def test_the_agent_starts_ollama_talks_to_it_and_takes_it_along_when_it_ends(
    tmp_path: Path,
) -> None:
    ollama = OllamaProgram(tmp_path / "bin")
    async with running_agent(
        tmp_path / "data",
        ollama_url=f"http://127.0.0.1:{a_free_port()}",
        manage_ollama="auto",
        ollama_binary=ollama.path,
        ollama_parallel=3,
        pace=QUICK,
    ) as served:
        runtime = await runtime_of(served, "running")
        async with asyncio.timeout(30):
            backend = await served.agent.backend.until(lambda state: state.is_up)
        pid = runtime["ollama"]["pid"]
        heard = listening(pid)
        async with aclosing(lines_of(served)) as lines:
            number = await number_of("Listening", lines)
        resumed = await anext(lines_of(served, **{"Last-Event-ID": str(number - 1)}))
        restarted = (await served.client.post("/api/v1/runtime/restart")).json()
        stopped = (await served.client.post("/api/v1/runtime/stop")).json()
        started = (await served.client.post("/api/v1/runtime/start")).json()
        refused = await served.stranger.post("/api/v1/runtime/stop")
        open_to_the_end = lines_of(served)
        await anext(open_to_the_end)

    assert (backend.url, heard) == (runtime["ollama"]["url"], ["127.0.0.1"])
    assert [one["name"] for one in runtime["backends"]] == ["local"]
    assert runtime["ollama"]["environment"] == {
        "OLLAMA_HOST": f"127.0.0.1:{runtime['ollama']['port']}",
        "OLLAMA_CONTEXT_LENGTH": runtime["ollama"]["environment"]["OLLAMA_CONTEXT_LENGTH"],
        "OLLAMA_NUM_PARALLEL": "3",
        "OLLAMA_MAX_LOADED_MODELS": runtime["ollama"]["environment"]["OLLAMA_MAX_LOADED_MODELS"],
        "OLLAMA_KEEP_ALIVE": "5m",
    }
    assert resumed[0] == number
    told = [one["ollama"]["state"] for one in (restarted, stopped, started)]
    assert (told, refused.status_code) == (["running", "stopped", "running"], 401)
    assert [lives(one.pid) for one in ollama.starts()] == [False] * 3


async def test_defect_2_through_the_api_a_foreign_ollama_is_refused_to_be_stopped(
    tmp_path: Path,
) -> None:
    ollama = OllamaProgram(tmp_path / "bin")
    async with (
        FakeOllama() as foreign,
        running_agent(
            tmp_path / "data",
            ollama_url=foreign.url,
            manage_ollama="auto",
            ollama_binary=ollama.path,
            pace=QUICK,
        ) as served,
    ):
        runtime = await runtime_of(served, "external")
        stopping = await served.client.post("/api/v1/runtime/stop")
        logs = await served.client.get("/api/v1/runtime/logs")
        after = await runtime_of(served, "external")

    assert (runtime["ollama"]["owner"], runtime["ollama"]["is_managed"]) == ("user", False)
    assert (stopping.status_code, stopping.json()["type"]) == (
        409,
        "urn:orca:problem:not-our-ollama",
    )
    assert (logs.status_code, logs.json()["type"]) == (404, "urn:orca:problem:no-ollama-log")
    assert (after["ollama"]["pid"], ollama.starts()) == (os.getpid(), [])


async def test_the_profiles_are_told_and_a_wrong_own_file_is_a_problem_document(
    tmp_path: Path,
) -> None:
    async with running_agent(tmp_path, text_model="mistral", profile="large") as served:
        told = (await served.client.get("/api/v1/model-profiles")).json()
        (tmp_path / "profiles.yaml").write_text("profiles:\n- name: a\n  modles: {}\n", "utf-8")
        wrong = await served.client.get("/api/v1/model-profiles")
        models = await served.client.get("/api/v1/models")

    assert (told["profile"], told["models"]["text"], told["set_by"]) == (
        "large",
        ["mistral", "qwen3:32b", "qwen3:30b"],
        {"text": "--text-model", "profile": "--profile"},
    )
    assert told["models"]["vision"][0] == "llama3.2-vision:11b-instruct-q8_0"
    assert told["machine"]["memory_bytes"] > 0
    assert told["items"][0]["name"] == "minimal"
    assert (wrong.status_code, wrong.json()["type"], wrong.json()["detail"]) == (
        422,
        "urn:orca:problem:bad-profiles",
        "profiles.yaml, line 3: `modles` is no key of a profile; write `models` in its place.",
    )
    assert models.status_code == 200


async def test_what_the_profile_recommends_answers_where_it_is_installed(tmp_path: Path) -> None:
    async with FakeOllama(models=[]) as fake:
        for name in ("qwen3:14b", "qwen3:8b", "llama3.1:8b"):
            fake.add_model(name, family=name.split(":")[0], size=1_000_000_000)
        async with running_agent(tmp_path, ollama_url=fake.url, text_model="llama3.1:8b") as served:
            await served.agent.backend.until(lambda state: state.is_up)
            await served.client.get("/api/v1/model-profiles")
            listed = (await served.client.get("/api/v1/models")).json()

    assert listed["default_model"] == "llama3.1:8b"


async def test_defect_8_no_look_at_a_server_that_is_silent_holds_up_the_loop(
    tmp_path: Path,
) -> None:
    async with FakeOllama() as silent:
        silent.misbehave(delay=30)
        async with running_agent(
            tmp_path / "data", ollama_url=silent.url, manage_ollama="auto", pace=QUICK
        ) as served:
            # As long as it is silent: a loop that is held up answers nothing before its end.
            async with asyncio.timeout(25):
                for _ in range(20):
                    answer = await served.client.get("/api/v1/health/live")
                    assert answer.status_code == 200
            told = (await served.client.get("/api/v1/runtime")).json()["backends"][0]

    assert told["state"] in {"unknown", "down"}  # as it was heard, never made up


# --- as processes -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_child_of_an_agent_that_was_killed_is_known_again_and_ended_with_the_next(
    tmp_path: Path,
) -> None:
    ollama = OllamaProgram(tmp_path / "bin", runner=1)
    settings = {
        "ORCA_AGENT_MANAGE_OLLAMA": "auto",
        "ORCA_AGENT_OLLAMA_BINARY": str(ollama.path),
    }
    url = f"http://127.0.0.1:{a_free_port()}"
    with program(tmp_path / "data", ollama_url=url, **settings) as one:

        def state() -> Json:
            told: Json = json.loads(one.orca("runtime", "status", "--json").stdout)["ollama"]
            return told

        killed = one.serve()
        until(lambda: state()["state"] == "running")
        first = state()
        os.kill(killed.pid, signal.SIGKILL)
        until(lambda: not lives(killed.pid))
        one.end()
        outlived = lives(first["pid"])
        one.serve()
        until(lambda: state()["state"] == "running")
        second = state()
        shown = one.orca("runtime", "status").stdout
        written = one.orca("runtime", "logs", "-n", "200").stdout
        one.end()

    start = ollama.starts()
    assert (outlived, second["pid"], second["restarts"]) == (True, first["pid"], 0)
    assert (len(start), lives(start[0].pid), lives(start[0].runner or 0)) == (1, False, False)
    assert "Ollama    runs, started by the agent" in shown
    assert "Listening on 127.0.0.1" in written
    assert not (tmp_path / "data" / "ollama.json").exists()


@pytest.mark.slow
def test_the_commands_recommend_and_say_what_cannot_be_done(tmp_path: Path) -> None:
    with program(tmp_path / "data", ORCA_AGENT_PROFILE="standard") as one:
        alone = one.orca("models", "recommend")
        as_json = json.loads(one.orca("models", "recommend", "--json").stdout)
        one.serve()
        beside = one.orca("models", "recommend")
        stop = one.orca("runtime", "stop")
        logs = one.orca("runtime", "logs")
        (tmp_path / "data" / "profiles.yaml").write_text("profile: 1\n", "utf-8")
        wrong = one.orca("models", "recommend")

    assert "Profile standard was chosen by ORCA_AGENT_PROFILE." in alone.stdout
    assert "text      qwen3:4b                           about 2.5 GB" in alone.stdout
    assert (as_json["profile"], as_json["models"]["text"]) == ("standard", ["qwen3:4b"])
    assert "models pull qwen3:4b`." in beside.stdout
    assert (stop.returncode, stop.stderr) == (
        1,
        "The agent starts no Ollama: ORCA_AGENT_MANAGE_OLLAMA is never.\n",
    )
    assert (logs.returncode, "never started an Ollama" in logs.stderr) == (1, True)
    assert wrong.stderr == (
        "profiles.yaml, line 1: `profile` is no key of the file; write `profiles` in its place.\n"
    )
