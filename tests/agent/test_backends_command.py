"""`orca-agent backends`, as a person or a script uses it."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agent.program import NOBODY, OllamaProcess, Program, fake_ollama, program, until

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(60, method=METHOD)
KEY = "sk-canary-0123456789"
Json = dict[str, Any]  # Any: JSON values


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaProcess]:
    with fake_ollama() as one:
        yield one


@pytest.fixture(scope="module")
def running(ollama: OllamaProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("backends") / "data"
    with program(folder, VLLM_KEY=KEY) as one:
        one.serve()
        until(lambda: one.orca("status", "--json").returncode == 0)
        yield one


@pytest.mark.slow
def test_a_server_is_added_tested_listed_and_removed(
    running: Program, ollama: OllamaProcess
) -> None:
    command = ("backends", "add", "far", ollama.url, "--provider", "openai", "--key-stdin")
    made = running.orca(
        *command, "--sees", "tin*", "--stall-seconds", "9", "--json", stdin=f"{KEY}\n"
    )
    tested = running.orca("backends", "test", "far")
    listed = running.orca("backends", "list")
    removed = running.orca("backends", "remove", "far", "--yes")

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["has_key"]
    assert tested.returncode == 0
    assert f"far  up, openai, {ollama.url}/v1" in tested.stdout
    assert "tiny:latest: completion, tools, vision" in tested.stdout
    assert "Key: file secrets.json, readable by you alone" in listed.stdout
    assert listed.stdout.startswith("local  down, ollama, ")
    assert removed.returncode == 0
    shown = (made, tested, listed, removed)
    assert [done.args for done in shown if KEY in done.stdout + done.stderr] == []


@pytest.mark.slow
def test_mistakes_are_answered_with_a_sentence(running: Program) -> None:
    down = running.orca("backends", "add", "gone", NOBODY + "/x")
    both = running.orca("backends", "add", "x", NOBODY, "--key-stdin", "--key-env", "VLLM_KEY")
    unknown = running.orca("backends", "remove", "nosuch")

    assert (down.returncode, down.stderr.strip().endswith("it is added all the same.")) == (1, True)
    assert (both.returncode, both.stderr) == (
        2,
        "Say where the key is once: --key-stdin, --key-env or --ask-key.\n",
    )
    assert unknown.returncode == 1
    assert "There is no backend called nosuch." in unknown.stderr


@pytest.mark.slow
def test_a_server_that_is_down_is_added_by_force_with_a_key_of_the_environment(
    running: Program,
) -> None:
    forced = running.orca("backends", "add", "gone", NOBODY + "/x", "--force", "--key-env=VLLM_KEY")
    twice = running.orca("backends", "add", "gone", NOBODY + "/x", "--force")
    tested = running.orca("backends", "test", "gone")
    empty = running.orca("backends", "add", "x", NOBODY, "--key-env", "NO_SUCH_KEY")
    running.orca("backends", "remove", "gone")

    assert (forced.returncode, forced.stdout.startswith("gone  down, ollama")) == (0, True)
    assert (twice.returncode, twice.stderr) == (1, "There is a backend called gone already.\n")
    assert tested.returncode == 1
    assert (empty.returncode, empty.stderr) == (
        2,
        "The environment has no NO_SUCH_KEY, or it is empty.\n",
    )
