"""The examples of the documents are programs: each runs against the real agent."""

import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.client import Agent
from tests.agent.program import OllamaProcess, Program, fake_ollama, program, until

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs/pages").glob("*.md")))
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r'title="([\w.]+)"')
MODEL = "qwen3:4b"
EMBEDDING = {"name": "nomic-embed-text", "capabilities": ["embedding"]}
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
    "first.py": "PETG",
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
COOKBOOK = {name for file, _, name, _ in _fences() if file.name == "cookbook.md"}
RUN = sorted(set(EXAMPLES) - MODULES - {WAITS_FOR_A_PERSON} - COOKBOOK)
LONG_ANSWER = {"path": "/api/chat", "text": "word " * 4000, "pace": 200}  # 20 s
WHILE_IT_RUNS: dict[str, dict[str, object]] = {"stop.py": LONG_ANSWER}
CALL = {"name": "bed_temperature", "arguments": {"printer": "voron"}}
COOKED: dict[str, tuple[dict[str, object], str]] = {
    "terminal.py": ({}, r"You asked: \*\*Why does PETG string\?.+You asked: \*\*And PLA\?"),
    "go_on.py": ({}, r"^You asked: .+ before the real one\. .+\n$"),
    "enough.py": (LONG_ANSWER, r"^stopped\n$"),
    "what_went_wrong.py": ({}, r"^qwen3:4b: .+I looked at 1 picture\..+I looked at 1 picture\."),
    "settings_as_json.py": ({}, r"^PLA \d+\n$"),
    "tools.py": ({"path": "/api/chat", "times": 1, "tool_call": CALL}, r"^3 .*101\.5"),
    "folder.py": ({}, r"^(\d\.png done\n){3}3 of 3\n$"),
    "search.py": ({}, r"^Silk PLA wants 230"),
    "hosts.py": ({}, r"^local up \d+\nworkshop up \d+\n$"),
    "notebook.py": ({}, r"^What is a brim\? True\nWhat is a raft\? True\nWhat is a skirt\? True"),
    "errors.py": ({}, r"^ask for another model: model-not-found\n$"),
    "brings_its_agent.py": ({}, r"^ready qwen3:4b\n$"),
    "get_model.py": (
        {"add_pullable": {"name": "qwen3:1.7b", "seconds": 0.2}},
        r"100% qwen3:1\.7b\nqwen3:1\.7b is in memory: True\n$",
    ),
}


@dataclass(frozen=True, slots=True)
class Workplace:
    """A folder that holds every example, and an agent that runs."""

    folder: Path
    program: Program
    url: str
    ollama: OllamaProcess

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
        fake_ollama("--model", f"{MODEL}=vision,tools", "--pace", "400") as ollama,
        program(data, ollama_url=ollama.url) as one,
    ):
        ollama.behave(add_model=EMBEDDING)
        agent = one.serve()
        with one.client() as client:
            until(lambda: client.ready()["status"] == "ready")
            kept = client.new_conversation()
            sent = client.send(kept["id"], "Why does my PETG string?")
            assert [event.name for event in client.events(sent["run"]["id"])][-1] == "done"
        yield Workplace(folder, one, agent.url, ollama)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", RUN)
@pytest.mark.slow
def test_an_example_does_what_the_document_says(name: str, workplace: Workplace) -> None:
    if name.endswith(".sh") and not (shutil.which("curl") and shutil.which("sh")):
        pytest.skip("there is no curl here")

    workplace.ollama.behave(**WHILE_IT_RUNS.get(name, {}))
    try:
        done = subprocess.run(**workplace.command(name), timeout=30, check=False)
    finally:
        workplace.ollama.behave(reset=True)

    assert (done.returncode, done.stderr) == (0, "")
    if name in SAYS:
        assert done.stdout == SAYS[name]
    else:
        assert CONTAINS[name] in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(COOKED))
def test_a_recipe_does_what_it_is_for(
    name: str,
    workplace: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    behaviour, pattern = COOKED[name]
    monkeypatch.chdir(workplace.folder)
    monkeypatch.setenv("ORCA_AGENT_DATA_DIR", str(workplace.program.data_dir))
    _take_pictures(workplace.folder)
    if name == "hosts.py":
        # What stands in the document is nobody's here; one of the two is known already.
        port = workplace.ollama.url.rpartition(":")[2]
        code = EXAMPLES[name].replace("10.60.4.77:11434", f"localhost:{port}")
        (workplace.folder / name).write_text(code.replace("10.60.4.78:11434", f"127.0.0.1:{port}"))
    if behaviour:
        workplace.ollama.behave(**behaviour)
    try:
        runpy.run_path(name, run_name="__main__")
    finally:
        workplace.ollama.behave(reset=True)
        _clean_up(workplace, name)

    said = capsys.readouterr()
    assert re.search(pattern, said.out, re.DOTALL), said.out
    assert said.err == ""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_recipes_are_typed(workplace: Workplace) -> None:
    strict = (sys.executable, "-m", "mypy", "--strict", "--no-incremental")

    done = subprocess.run(
        [*strict, *sorted(COOKBOOK)],
        cwd=workplace.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_cookbook_names_every_method() -> None:
    text = (ROOT / "docs/pages/cookbook.md").read_text("utf-8")

    missing = {name for name in dir(Agent) if not name.startswith("_") and f"`{name}`" not in text}

    assert missing == set()


@pytest.mark.slow
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
    assert set(COOKED) == COOKBOOK


def test_no_two_examples_have_one_name() -> None:
    names = [name for _, _, name, _ in _fences() if name]

    assert sorted(names) == sorted(set(names))


def _take_pictures(folder: Path) -> None:
    (folder / "prints").mkdir(exist_ok=True)
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"prints/{number}.png")
    Image.new("RGB", (8, 8), "red").save(folder / "print.png")


def _clean_up(workplace: Workplace, name: str) -> None:
    """Whatever comes next finds one server, and the model that it expects."""
    with workplace.program.client() as agent:
        if name == "get_model.py":
            agent.delete_model("qwen3:1.7b")
        for backend in agent.backends() if name == "hosts.py" else ():
            if backend["name"] != "local":
                agent.delete_backend(backend["id"])
