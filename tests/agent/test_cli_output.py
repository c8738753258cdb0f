"""Where the answers of commands go: to who reads no further, to a disk that is full."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agent.program import TERMINALS, Program
from tests.slicing.gcode import orca

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither such pipes nor files")
FULL = Path("/dev/full")
ENTRY = '{"timestamp": "2026-01-02T03:04:05Z", "level": "warning", "event": "it began"}\n'
LOST = "The answer cannot be written: No space left on device.\n"


@pytest.fixture
def stopped(tmp_path: Path) -> Program:
    log = tmp_path / "data" / "logs" / "agent.log"
    log.parent.mkdir(parents=True)
    log.write_text(ENTRY)
    return Program(tmp_path / "data")


def into(stdout: int, one: Program, *command: str) -> tuple[int, str]:
    """Exit code, and what is said beside the answer that goes there."""
    done = subprocess.run(
        [one.python, "-m", "agent", *command],
        env=one.environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr


def on_terminal(one: Program, *command: str) -> str:
    """What a person sees."""
    screen, shown = os.openpty()
    with os.fdopen(shown, "wb") as out:
        begun = subprocess.Popen(
            [one.python, "-m", "agent", *command],
            env=one.environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    seen = b""
    with suppress(OSError), os.fdopen(screen, "rb", buffering=0) as terminal:  # its end is an error
        while part := terminal.read(4096):
            seen += part
    begun.wait(30)
    return seen.decode()


ANSWERS = [["logs"], ["logs", "--json"], ["doctor"], ["status", "--json"], ["--version"]]


@pytest.mark.parametrize("command", ANSWERS, ids=" ".join)
def test_nothing_is_said_to_who_reads_no_further(stopped: Program, command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    told = into(writing, stopped, *command)

    os.close(writing)
    assert told == (1, "")


@pytest.mark.skipif(not FULL.exists(), reason="there is no full disk here")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", [*ANSWERS, ["--help"]], ids=" ".join)
def test_an_answer_that_cannot_be_written_is_told_of_in_a_sentence(
    stopped: Program, command: list[str], unbuffered: str
) -> None:
    stopped.settings["PYTHONUNBUFFERED"] = unbuffered

    with FULL.open("wb") as full:
        told = into(full.fileno(), stopped, *command)

    assert told == (1, LOST)


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize("command", [["doctor"], ["chat"]], ids=" ".join)
def test_a_stream_that_was_closed_before_is_no_fault(
    stopped: Program, command: list[str], closed: str
) -> None:
    """As a program that starts others in the background may have it."""
    usual = stopped.orca(*command)

    words = [stopped.python, "-m", "agent", *command]
    told = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *words],
        env=stopped.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )

    first_line = "" if "1>&-" in closed else usual.stdout.partition("\n")[0]
    assert told.returncode == usual.returncode, told.stderr
    assert told.stdout.partition("\n")[0] == first_line
    assert told.stderr == ("" if "2>&-" in closed else usual.stderr)


@TERMINALS
@pytest.mark.parametrize("command", ["doctor", "logs", "inspect"])
def test_colours_are_for_terminals_that_want_them(
    stopped: Program, tmp_path: Path, command: str, settings: dict[str, str], *, is_coloured: bool
) -> None:
    file = tmp_path / "tower.gcode"
    file.write_text(orca(), "utf-8")
    stopped.settings |= settings

    said = on_terminal(stopped, command, *([str(file)] if command == "inspect" else []))

    words = {"doctor": "Python", "logs": "it began", "inspect": "tower.gcode"}
    assert words[command] in said
    assert ("\x1b[" in said) is is_coloured
