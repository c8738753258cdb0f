"""`orca-agent chat` as a conversation on a terminal."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.program import Program, fake_ollama, program, until

pytestmark = [
    pytest.mark.timeout(60, method="signal" if os.name == "posix" else "thread"),
    pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals for this"),
]

ANSWER = "Dry it first."


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("talk") / "data"
    with (
        fake_ollama() as ollama,
        program(folder, ollama_url=ollama.url, ORCA_AGENT_DEFAULT_MODEL="tiny") as one,
    ):
        ollama.behave(text=ANSWER)
        one.serve()
        until(lambda: json.loads(one.orca("status", "--json").stdout)["status"] == "ready")
        yield one


def talk(there: Program, *lines: str) -> tuple[int, str, str]:
    """Exit code, answers, and what is said beside them, where a person types these lines."""
    keyboard, typed = os.openpty()
    screen, shown = os.openpty()
    begun = subprocess.Popen(
        [sys.executable, "-m", "agent", "chat"],
        env=there.environment,
        stdin=typed,
        stdout=subprocess.PIPE,
        stderr=shown,
        encoding="utf-8",
    )
    os.close(typed)
    os.write(keyboard, "".join(f"{line}\n" for line in lines).encode())
    out, _ = begun.communicate(timeout=30)
    said = b""
    while select.select([screen], [], [], 0)[0]:
        said += os.read(screen, 4096)
    for end in (keyboard, screen, shown):
        os.close(end)
    return begun.returncode, out, said.decode()


def test_a_model_that_is_not_there_is_refused_at_once_and_changes_nothing(
    running: Program,
) -> None:
    code, out, said = talk(running, "/model tiny", "/model nonsense", "hello", "/model", "/quit")

    assert (code, out.count(ANSWER)) == (0, 1)
    assert "model: tiny" in said
    assert "There is no model called nonsense." in said
    assert "There are: " in said
    assert "tiny:latest. The model stays tiny." in said
    assert "model: the default" in said


@pytest.mark.slow
def test_without_a_model_server_a_model_is_taken_and_said_to_be_unseen(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        one.serve()
        code, _, said = talk(one, "/model nonsense", "/quit")

    assert code == 0
    assert "model: nonsense (not looked up: no model is connected now)" in said
