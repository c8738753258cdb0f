"""What the command line takes and prints where something around it is not UTF-8."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.program import OllamaProcess, Program, fake_ollama, program, until

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(60, method=METHOD)

ANSWER = "Dry it first 🐙 at 65 °C."


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaProcess]:
    with fake_ollama() as one:
        one.behave(text=ANSWER)
        yield one


@pytest.fixture(scope="module")
def running(ollama: OllamaProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("encodings") / "data"
    with program(folder, ollama_url=ollama.url, ORCA_AGENT_DEFAULT_MODEL="tiny") as one:
        one.serve()
        until(lambda: json.loads(one.orca("status", "--json").stdout)["status"] == "ready")
        yield one


def ran(
    there: Program, *arguments: str, stdin: bytes = b"", **environment: str
) -> "subprocess.CompletedProcess[bytes]":
    """A command to its end, with nothing read into what it takes and gives."""
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        input=stdin,
        env={**there.environment, **environment},
        capture_output=True,
        timeout=30,
        check=False,
    )


# --- what goes out ------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_what_an_encoding_lacks_is_replaced_in_an_answer(running: Program, encoding: str) -> None:
    done = ran(running, "chat", "-q", "hi", PYTHONIOENCODING=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines() == [ANSWER.encode(encoding, "replace")]


@pytest.mark.slow
@pytest.mark.parametrize("command", [["doctor"], ["models", "list"], ["status"], ["--help"]])
def test_what_an_encoding_lacks_ends_no_command(running: Program, command: list[str]) -> None:
    done = ran(running, *command, PYTHONIOENCODING="cp1252")

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.slow
def test_doctor_tells_good_from_wrong_in_every_encoding(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    alone = Program(tmp_path_factory.mktemp("alone") / "data")

    told = ran(alone, "doctor", PYTHONIOENCODING="ascii").stdout.decode("ascii")

    assert {line[0] for line in told.splitlines() if line[0] != " "} == {"+", "!"}
    assert " -> " in told


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_an_export_is_utf_8_in_every_encoding_and_can_be_imported(
    running: Program, encoding: str
) -> None:
    ran(running, "chat", "-q", "Which temperature? 🌡")

    exported = ran(running, "export", PYTHONIOENCODING=encoding)
    markdown = ran(running, "export", "-", "--format", "md", PYTHONIOENCODING=encoding)
    again = ran(running, "import", "-", stdin=exported.stdout, PYTHONIOENCODING=encoding)

    assert (exported.returncode, markdown.returncode) == (0, 0)
    assert "Which temperature? 🌡" in markdown.stdout.decode()
    assert ANSWER in exported.stdout.decode()
    assert again.stdout.startswith(b"0 new, 0 updated, ")


@pytest.mark.slow
def test_json_for_programs_is_utf_8_in_every_encoding(running: Program) -> None:
    made = ran(running, "token", "new", "Büro 🐙", PYTHONIOENCODING="ascii")

    listed = ran(running, "token", "list", "--json", PYTHONIOENCODING="ascii")

    assert made.returncode == 0
    assert "Büro 🐙" in {one["name"] for one in json.loads(listed.stdout.decode())}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_an_export_that_a_shell_wrote_in_its_own_way_is_read(
    running: Program, encoding: str
) -> None:
    exported = ran(running, "export").stdout.decode()

    done = ran(running, "import", "-", stdin=exported.encode(encoding))

    assert (done.returncode, done.stderr) == (0, b"")


def test_half_a_character_in_an_export_is_refused_in_a_sentence(running: Program) -> None:
    half = b'{"format": "orca-agents.conversation", "version": 1, "title": "\\ud800"}'

    done = ran(running, "import", "-", stdin=half)

    assert (done.returncode, done.stdout) == (1, b"")
    assert len(done.stderr.splitlines()) == 1


# --- what comes in ------------------------------------------------------------------------------

not_on_windows = pytest.mark.skipif(os.name == "nt", reason="Arguments are Unicode there.")
COFFEE = "caf\udce9"  # as an argument in Latin-1 arrives
SET_IT = "is not UTF-8. Set the terminal to UTF-8, or whatever starts this command.\n"


def conversations(there: Program) -> list[str]:
    with there.client() as agent:
        return [str(one["id"]) for one in agent.items("/conversations")]


@not_on_windows
@pytest.mark.parametrize(
    ("command", "what"),
    [
        (["chat", "hi", COFFEE], "TEXT"),
        (["chat", "-m", COFFEE, "hi"], "--model"),
        (["chat", "--system", COFFEE, "hi"], "--system"),
        (["token", "new", COFFEE], "NAME"),
        (["models", "show", COFFEE], "MODEL"),
        (["backends", "add", "local2", f"http://{COFFEE}"], "URL"),
        (["export", "-c", COFFEE], "--conversation"),
    ],
    ids=lambda value: " ".join(value[:2]).encode("ascii", "replace").decode(),
)
def test_an_argument_that_is_no_text_is_refused_before_anything_is_made(
    running: Program, command: list[str], what: str
) -> None:
    before = conversations(running)

    done = ran(running, *command)

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"{what} {SET_IT}"
    assert conversations(running) == before


@pytest.mark.parametrize("words", [[], ["Explain:", "-"]], ids=["alone", "behind words"])
def test_piped_text_in_another_encoding_is_refused_before_anything_is_made(
    running: Program, words: list[str]
) -> None:
    before = conversations(running)

    done = ran(running, "chat", *words, stdin=b"caf\xe9 strings\n")

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        "What is piped in is not UTF-8. Convert it first, such as with `iconv`.\n"
    )
    assert conversations(running) == before


@pytest.mark.slow
def test_piped_text_is_read_in_the_encoding_of_the_console(running: Program) -> None:
    done = ran(running, "chat", stdin=b"caf\xe9 strings\n", PYTHONIOENCODING="latin-1")

    assert done.returncode == 0
    assert "café strings" in ran(running, "export").stdout.decode()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["piped", "named"])
def test_a_key_that_is_no_text_is_refused(running: Program, way: str) -> None:
    how = ["--key-stdin"] if way == "piped" else ["--key-env", "A_KEY"]

    done = ran(
        running, "backends", "add", "far", "http://x", *how, stdin=b"k\xe9y\n", A_KEY="k\udce9y"
    )

    assert (done.returncode, done.stdout) == (2, b"")
    assert len(done.stderr.splitlines()) == 1


@not_on_windows
@pytest.mark.slow
def test_the_name_of_a_file_may_be_any_bytes(running: Program, tmp_path: Path) -> None:
    file = tmp_path / f"{COFFEE}.json"
    ran(running, "chat", "-q", "hi")

    exported, imported = ran(running, "export", str(file)), ran(running, "import", str(file))
    inspected = ran(running, "inspect", str(file))

    assert (exported.returncode, imported.returncode) == (0, 0)
    assert json.loads(file.read_bytes())["conversations"]
    assert b"Traceback" not in inspected.stderr


@not_on_windows
def test_a_line_that_is_no_text_does_not_end_a_conversation(running: Program) -> None:
    code, out, err = running.converse(b"caf\xe9\nhello\n/quit\n")

    assert (code, out.count(ANSWER)) == (0, 1)
    assert f"What was typed {SET_IT}" in err
