"""`orca-agent chat` as a conversation on a terminal, and beside text that is piped in."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.agent.program import TERMINALS, Program, fake_ollama, program, until

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
    os.write(keyboard, "".join(f"{line}\n" for line in lines).encode())
    told = watched(there, typed)
    os.close(keyboard)
    os.close(typed)
    return told


def watched(there: Program, stdin: int, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, and what a person sees on a terminal that is stderr alone."""
    screen, shown = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "agent", "chat", *arguments],
        env=there.environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=shown,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    said = b""
    while select.select([screen], [], [], 0)[0]:
        said += os.read(screen, 4096)
    os.close(screen)
    os.close(shown)
    return done.returncode, done.stdout, said.decode()


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


def test_ctrl_c_at_the_prompt_ends_the_conversation_well(running: Program) -> None:
    keyboard, typed = os.openpty()
    begun = subprocess.Popen(
        [sys.executable, "-m", "agent", "chat"],
        env=running.environment,
        stdin=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    prompt = begun.stdout.read(2) if begun.stdout else b""
    # Python looks for signals before it reads and when one wakes it, not in between.
    until(lambda: psutil.Process(begun.pid).status() == psutil.STATUS_SLEEPING)
    begun.send_signal(signal.SIGINT)
    rest, _ = begun.communicate(timeout=30)
    os.close(keyboard)
    os.close(typed)

    assert (prompt, rest, begun.returncode) == (b"> ", b"\n", 0)


@pytest.mark.slow
def test_without_a_model_server_a_model_is_taken_and_said_to_be_unseen(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        one.serve()
        code, _, said = talk(one, "/model nonsense", "/quit")

    assert code == 0
    assert "model: nonsense (not looked up: no model is connected now)" in said


@TERMINALS
def test_what_is_beside_the_answer_is_dim_where_colours_are_wanted(
    running: Program, settings: dict[str, str], *, is_coloured: bool
) -> None:
    there = replace(running, settings={**running.settings, **settings})

    code, out, said = talk(there, "/model tiny", "Why?", "/quit")

    assert (code, out.count(ANSWER), "model: tiny" in said) == (0, 1, True)
    assert ("\x1b[2m" in said) is is_coloured


UNREAD = "What is piped in is not read: put a - where it belongs."


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("waiting", [b"", b"data\n"], ids=["empty", "with something in it"])
def test_a_question_does_not_wait_for_a_pipe_that_stays_open(
    running: Program, pipe: tuple[int, int], waiting: bytes
) -> None:
    reading, writing = pipe
    os.write(writing, waiting)

    code, out, said = watched(running, reading, "Summarise this")

    assert (code, out) == (0, f"{ANSWER}\n")
    assert (UNREAD in said) is bool(waiting)


def test_a_question_in_a_loop_leaves_the_loops_own_input_to_it(
    running: Program, tmp_path: Path
) -> None:
    (tmp_path / "questions").write_text("one\ntwo\n")

    with (tmp_path / "questions").open("rb", buffering=0) as questions:
        loud, quiet = (
            watched(running, questions.fileno(), *how, "Summarise this") for how in ([], ["-q"])
        )
        left = questions.read()

    assert left == b"one\ntwo\n"
    assert (loud[0], UNREAD in loud[2]) == (0, True)
    assert (quiet[0], quiet[2]) == (0, "")


def test_a_dash_takes_what_is_piped_in_without_a_word(running: Program, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("hot and sticky\n")

    with (tmp_path / "notes").open("rb") as notes:
        code, _, said = watched(running, notes.fileno(), "Summarise this:", "-")

    with running.client() as agent:
        latest = max(agent.items("/conversations"), key=lambda one: one["updated_at"])
    assert (code, UNREAD in said) == (0, False)
    assert latest["title"].startswith("Summarise this: hot and sticky")
