"""`orca-agent models`, as a person or a script uses it."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent import runfile
from agent.cli import app
from agent.commands.models import facts, rows
from agent.commands.pulling import rate
from agent.runfile import RunningAgent
from agent.shared.clock import rfc3339, system_clock
from tests.agent.program import fake_ollama, program, until
from tests.fakes.ollama import FakeOllama
from tests.serving import Served

NEW, MB = "qwen3:1.7b", 1 << 20
Orca = Callable[..., Awaitable[Result]]


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=[]) as fake:
        fake.add_model("hhao/coder:32b", size=20_000_000_000, capabilities=["completion", "tools"])
        fake.add_model("tiny", size=50_000_000, parameter_size="27M")
        fake.add_pullable(NEW, layers=[("ab" * 32, 40 * MB), ("cd" * 32, 500)], seconds=0.1)
        yield fake


@pytest.fixture
async def orca(served: Served) -> Orca:
    """Runs a command beside the agent that is served in this process."""
    folder = served.settings.data_dir
    started_at = rfc3339(system_clock())
    port = served.settings.port
    here = RunningAgent(served.url, port, os.getpid(), served.token, started_at, "1")
    runfile.write(folder, here)

    async def run(*arguments: str) -> Result:
        given = ["models", *arguments, "--data-dir", str(folder)]
        return await asyncio.to_thread(CliRunner().invoke, app, given)

    return run


async def test_models_are_listed_and_shown(orca: Orca) -> None:
    listed, shown = await orca("list"), await orca("show", "HHAO/coder:32b")
    as_json = await orca("list", "--json", "--backend", "local")
    elsewhere, unknown = await orca("list", "--backend", "far"), await orca("show", "nosuch")

    assert [re.split(r"  +", line) for line in listed.stdout.splitlines()] == [
        ["tiny:latest", "50.0 MB", "27M", "completion"],
        ["hhao/coder:32b", "20.0 GB", "4.0B", "completion, tools"],
    ]
    assert {"Model        hhao/coder:32b", "Context      40,960 tokens"} <= set(
        shown.stdout.splitlines()
    )
    assert [one["name"] for one in json.loads(as_json.stdout)] == ["tiny:latest", "hhao/coder:32b"]
    assert (elsewhere.stdout, elsewhere.stderr.split(".")[0]) == ("", "There is none")
    assert str(unknown.exception).startswith("There is no model called nosuch. Get it with")


async def test_a_model_is_pulled_loaded_unloaded_and_deleted(orca: Orca, fake: FakeOllama) -> None:
    pulled = await orca("pull", NEW)
    again = [json.loads(line) for line in (await orca("pull", NEW, "--json")).stdout.splitlines()]
    loaded = await orca("load", NEW, "--keep-alive", "1h")
    listed = await orca("list")
    unloaded = await orca("unload", NEW)
    unasked = await orca("rm", NEW)
    deleted = await orca("rm", NEW, "--yes")

    assert (pulled.exit_code, pulled.stdout) == (0, f"{NEW} is there.\n")
    assert pulled.stderr.splitlines()[-1] == "100 % of 41.9 MB"
    assert [one["event"] for one in again[:2]] == ["started", "progress"]
    assert again[-1] == {"event": "done", "data": {"result": {"model": NEW, "backend": "local"}}}
    assert re.fullmatch(rf"{NEW} is in memory until \d\d:\d\d \(2.7 GB\)\.\n", loaded.stdout)
    assert "in memory until" in listed.stdout
    assert (unloaded.stdout, deleted.stderr) == (
        f"{NEW} is out of memory.\n",
        f"{NEW} is deleted on local.\n",
    )
    assert (unasked.exit_code, unasked.stderr) == (
        2,
        f"Delete {NEW} (2.5 GB) on local? Nobody is here to ask: add `--yes`.\n",
    )
    assert [seen.body for seen in fake.requests if seen.path == "/api/delete"] == [{"model": NEW}]


async def test_what_fails_says_why_and_what_is_in_use_wants_force(
    orca: Orca, served: Served
) -> None:
    unknown = await orca("pull", "nosuch:1b")
    nowhere = await orca("pull", NEW, "--backend", "far")
    made = await served.client.post("/api/v1/conversations", json={"model": "tiny"})
    refused = await orca("rm", "tiny", "--yes")
    forced = await orca("rm", "tiny", "--force", "--yes")

    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "There is no model called nosuch:1b to be pulled. ollama.com/library has the names.\n",
    )
    assert str(nowhere.exception) == "There is no backend called far."
    assert made.status_code == 201
    in_use = "tiny:latest is in use: 1 conversation names it."
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"{in_use} To delete it all the same, say `--force`.\n",
    )
    assert (forced.exit_code, forced.stderr) == (0, "tiny:latest is deleted on local.\n")


def test_the_bar_says_how_fast_and_how_long() -> None:
    told = {"status": "downloading", "bytes_per_second": 12_300_000, "seconds_left": 125}

    assert rate(told) == "12.3 MB/s, 2:05 left"
    assert rate({**told, "seconds_left": 3725}) == "12.3 MB/s, 1:02:05 left"
    assert rate({**told, "seconds_left": None}) == "12.3 MB/s"
    assert rate({**told, "bytes_per_second": None}) == ""
    assert rate({"status": "verifying", "bytes_per_second": None}) == "verifying"


def test_the_server_is_named_where_there_are_several() -> None:
    one = {
        "name": "qwen3:4b",
        "backend": "local",
        "size_bytes": 2_500_000_000,
        "capabilities": ["completion"],
        "context_length": None,
        "loaded": True,
        "expires_at": "2318-01-01T00:00:00.000000Z",
        "digest": "",
        "family": "",
        "parameter_size": "4B",
        "quantization": "",
        "loaded_bytes": 4_000_000_000,
        "vram_bytes": 3_000_000_000,
    }

    memory = "in memory (4.0 GB, 75 % of it in the GPU)"
    assert rows([one, {**one, "backend": "far", "loaded": False}]) == [
        f"qwen3:4b  local  2.5 GB  4B  completion  {memory}",
        "qwen3:4b  far    2.5 GB  4B  completion",
    ]
    assert facts(one) == [
        ("Model", "qwen3:4b"),
        ("Server", "local"),
        ("Size", "2.5 GB"),
        ("Family", "4B"),
        ("Can do", "completion"),
        ("Memory", memory),
    ]


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.skipif(os.name != "posix", reason="a signal as Ctrl-C sends it")
def test_ctrl_c_stops_the_download_and_says_how_it_goes_on(tmp_path: Path) -> None:
    with fake_ollama() as ollama, program(tmp_path / "data", ollama_url=ollama.url) as one:
        layers = [["ab" * 32, 400 * MB]]
        ollama.behave(add_pullable={"name": NEW, "layers": layers, "seconds": 20})
        one.serve()
        until(lambda: json.loads(one.orca("status", "--json").stdout)["ollama"]["state"] == "up")
        pulling = one.begin("models", "pull", NEW)
        until(lambda: ollama.stats()["by_path"].get("/api/pull"))
        until(lambda: ollama.stats()["frames_sent"] > 10)
        pulling.send_signal(signal.SIGINT)
        _, told = pulling.communicate(timeout=30)
        until(lambda: ollama.stats()["closed_early"] == 1)
        with one.client() as agent:
            runs = list(agent.items("/runs", state="cancelled"))

    assert pulling.returncode == 130
    assert told.splitlines()[-1].startswith("Stopped. `")
    assert told.splitlines()[-1].endswith(f"models pull {NEW}` goes on from there.")
    assert [run["kind"] for run in runs] == ["pull"]
