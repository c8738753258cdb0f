"""The examples of the documents are programs: each runs against the real agent."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.agent.program import Program, fake_ollama, program, until

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs/pages").glob("*.md")))
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r'title="([\w.]+)"')
MODEL = "qwen3:4b"
WAITS_FOR_A_PERSON = "pair.py"
SAYS = {
    "health.py": "ready up qwen3:4b\n",
    "ask.py": "user queued\n",
    "stop.py": "cancelled stopped\n",
    "branches.py": "True\n5 messages; 3 answers\n",
    "format.py": "True\n",
    "batch.py": "3 of 3\nPLA done\nPETG done\nABS done\n",
    "picture.py": "image/png 1 1\ndone qwen3:4b\n",
    "with_openai.py": "True\nassistant stop\nTrue\n",
    "with_ollama.py": "True\nstop True\n404 404 page not found\n",
    "tokens.py": "['chat']\nThis needs a token with the scope admin.\n",
}
CONTAINS = {
    "shipped.py": "PETG",
    "with_curl.sh": '"object":"chat.completion"',
    "generate.py": "done True",
    "follow.py": "completion_tokens",
    "lists.py": " - ",
    "backup.py": "'created': 0, 'updated': 0, 'unchanged': 1, 'messages_added': 0",
    "problems.py": "422 invalid-fields titel",
    "test_example.py": "1 passed",
    "stream.sh": "event: done",
    "resume.sh": "event: done",
    "ticket.sh": "/ui/ticket/",
}


def _fences() -> list[tuple[Path, str, str, str]]:
    """Document, language, file name or nothing, and code of every block."""
    return [
        (file, language, title[1] if (title := TITLE.search(about)) else "", code)
        for file in DOCUMENTS
        for language, about, code in FENCE.findall(file.read_text("utf-8"))
    ]


EXAMPLES = {name: code for _, _, name, code in _fences() if name}
MODULES = {"orca.py", "orca.sh"}  # others use them; by themselves they do nothing
RUN = sorted(set(EXAMPLES) - MODULES - {WAITS_FOR_A_PERSON})


@dataclass(frozen=True, slots=True)
class Workplace:
    """A folder that holds every example, and an agent that runs."""

    folder: Path
    program: Program
    url: str

    def command(self, name: str, *arguments: str) -> dict[str, Any]:  # Any: Popen's own
        words = [sys.executable, name, *arguments]
        if name.endswith(".sh"):
            words = ["sh", "-eu", name, *arguments]
        elif name.startswith("test_"):
            config = ("-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider")
            slow = ("-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:xdist")
            words = [sys.executable, "-m", "pytest", *config, *slow, name, *arguments]
        return {
            "args": words,
            "cwd": self.folder,
            "env": self.program.environment,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "encoding": "utf-8",
        }


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    folder = tmp_path_factory.mktemp("examples")
    for name, code in EXAMPLES.items():
        (folder / name).write_text(code, "utf-8")
    data = folder / "data"
    with (
        fake_ollama("--model", f"{MODEL}=vision", "--pace", "400") as ollama,
        program(data, ollama_url=ollama.url) as one,
    ):
        agent = one.serve()
        with one.client() as client:
            until(lambda: client.ready()["status"] == "ready")
            kept = client.new_conversation()
            sent = client.send(kept["id"], "Why does my PETG string?")
            assert [event.name for event in client.events(sent["run"]["id"])][-1] == "done"
        yield Workplace(folder, one, agent.url)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", RUN)
def test_an_example_does_what_the_document_says(name: str, workplace: Workplace) -> None:
    if name.endswith(".sh") and not (shutil.which("curl") and shutil.which("sh")):
        pytest.skip("there is no curl here")

    done = subprocess.run(**workplace.command(name), timeout=30, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    if name in SAYS:
        assert done.stdout == SAYS[name]
    else:
        assert CONTAINS[name] in done.stdout


@pytest.mark.timeout(60)
def test_the_example_of_pairing_gets_in_once_it_is_confirmed(workplace: Workplace) -> None:
    with subprocess.Popen(**workplace.command(WAITS_FOR_A_PERSON, workplace.url)) as asking:
        assert asking.stdout is not None
        code = asking.stdout.readline().rpartition(":")[2].strip()

        confirmed = workplace.program.orca("token", "pair", code)

        out, errors = asking.communicate(timeout=20)
    assert (confirmed.returncode, out, errors) == (0, "confirmed True\n", "")


def test_every_python_block_is_an_example_that_runs() -> None:
    nameless = [
        f"{file.name}: {code.splitlines()[0]}"
        for file, language, name, code in _fences()
        if language == "python" and not name
    ]

    assert nameless == []


def test_every_example_has_something_that_it_must_say() -> None:
    assert set(RUN) == set(SAYS) | set(CONTAINS)


def test_no_two_examples_have_one_name() -> None:
    names = [name for _, _, name, _ in _fences() if name]

    assert sorted(names) == sorted(set(names))
