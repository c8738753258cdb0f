"""The command line, as a person or a script uses it."""

import gc
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from PIL import Image
from typer.testing import CliRunner

from agent.cli import app
from tests.agent.program import OllamaProcess, Program, fake_ollama, program, until

# A signal lets fixtures end what a test started; the thread would leave it behind.
METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(60, method=METHOD)

NOT_RUNNING = "No agent runs. Start it with `make run` or `orca-agent serve`.\n"
COMMANDS = {
    "serve",
    "stop",
    "status",
    "url",
    "doctor",
    "logs",
    "chat",
    "export",
    "import",
    "inspect",
    "post-process",
    "report",
    "token",
}
ANSWER = "PETG strings because it is hot and sticky.\nDry it first."


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaProcess]:
    with fake_ollama() as one:
        yield one


@pytest.fixture(scope="module")
def shared(ollama: OllamaProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("cli") / "data"
    with program(folder, ollama_url=ollama.url, ORCA_AGENT_DEFAULT_MODEL="tiny") as one:
        one.serve()
        until(lambda: json.loads(one.orca("status", "--json").stdout)["status"] == "ready")
        yield one


@pytest.fixture
def running(shared: Program, ollama: OllamaProcess) -> Iterator[Program]:
    """An agent with a fake Ollama that answers one known text."""
    ollama.behave(text=ANSWER)
    yield shared
    ollama.behave(reset=True)


@pytest.fixture
def stopped(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


# --- without an agent ---------------------------------------------------------------------------


def test_help_names_every_command_and_gives_examples(stopped: Program) -> None:
    done = stopped.orca("--help")

    assert done.returncode == 0
    assert {name for name in COMMANDS if re.search(rf"│ {name}\s", done.stdout)} == COMMANDS
    assert 'orca-agent chat "Why does PETG string?"' in done.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS - {"token"}))
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])

    assert done.exit_code == 0
    assert "Example" in done.stdout
    assert f"orca-agent {command}" in done.stdout


def test_help_is_quick_because_it_loads_nothing_heavy(stopped: Program) -> None:
    heavy = {"httpx", "hypercorn", "pydantic", "quart", "sqlalchemy", "structlog", "orjson"}

    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agent", "--help"],
        env=stopped.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded & heavy == set()


def test_a_start_that_is_refused_leaves_garbage_to_be_collected() -> None:
    done = CliRunner().invoke(app, ["serve"], env={"ORCA_AGENT_PORT": "70000"})

    assert (done.exit_code, gc.isenabled()) == (2, True)


def test_version_is_one_line(stopped: Program) -> None:
    done = stopped.orca("--version")

    assert (done.returncode, done.stdout[:11]) == (0, "orca-agent ")


@pytest.mark.slow
def test_a_script_for_completion_is_made(stopped: Program) -> None:
    stopped.settings["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"

    done = stopped.orca("--show-completion", "bash")

    assert done.returncode == 0
    assert "complete -o default" in done.stdout
    assert "orca-agent" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["chat", "hello"],
        ["url"],
        ["export"],
        ["token", "list"],
        ["token", "rotate"],
    ],
    ids=" ".join,
)
@pytest.mark.slow
def test_commands_that_need_an_agent_say_how_to_start_it(
    stopped: Program, command: list[str]
) -> None:
    done = stopped.orca(*command)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", NOT_RUNNING)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="No signal stops a process there.")
def test_an_agent_that_hangs_is_told_from_none(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        agent = one.serve()
        os.kill(agent.pid, signal.SIGSTOP)
        try:
            status, told = one.orca("status"), one.orca("status", "--json")
            chat, stop = one.orca("chat", "Hello"), one.orca("stop")
        finally:
            os.kill(agent.pid, signal.SIGCONT)

    silent = f"The agent (process {agent.pid}) does not answer at {agent.url}. "
    assert (status.returncode, status.stdout.startswith(silent)) == (1, True)
    assert (told.returncode, json.loads(told.stdout)) == (1, {"status": "silent"})
    assert (chat.returncode, chat.stderr.startswith(silent)) == (1, True)
    assert (stop.returncode, "is still there" in stop.stderr) == (1, True)


def test_status_and_stop_know_that_there_is_no_agent(stopped: Program) -> None:
    status, told, stop = (
        stopped.orca("status"),
        stopped.orca("status", "--json"),
        stopped.orca("stop"),
    )

    assert (status.returncode, status.stdout) == (1, NOT_RUNNING)
    assert (told.returncode, json.loads(told.stdout)) == (1, {"status": "stopped"})
    assert (stop.returncode, stop.stdout) == (0, "No agent runs.\n")


@pytest.mark.parametrize(
    "command",
    [["nonsense"], ["serve", "--port", "x"], ["chat", "-c", "1", "--new", "hi"], ["chat"]],
    ids=" ".join,
)
def test_bad_usage_is_exit_code_two(stopped: Program, command: list[str]) -> None:
    done = stopped.orca(*command)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


@pytest.mark.slow
def test_logs_are_read_without_an_agent_and_followed(stopped: Program) -> None:
    file = stopped.data_dir / "logs" / "agent.log"
    assert stopped.orca("logs").returncode == 1
    file.parent.mkdir(parents=True)
    entry = '{"timestamp": "2026-01-02T03:04:05Z", "level": "%s", "event": "%s"}\n'
    file.write_text("".join(entry % ("info", f"event {n}") for n in range(5)) + "no json\n")

    last, whole = stopped.orca("logs", "-n", "2"), stopped.orca("logs", "--json", "-n", "1")
    grave = stopped.orca("logs", "--level", "warning")
    following = stopped.begin("logs", "-f", "-n", "1")
    assert following.stdout is not None
    assert following.stdout.readline() == "no json\n"
    with file.open("a") as out:
        out.write(entry % ("error", "\\u001b[31mnew"))
    shown = following.stdout.readline()
    file.rename(file.with_name("agent.log.1"))
    file.write_text(entry % ("info", "after the turn"))
    turned = following.stdout.readline()
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=30)

    assert last.stdout == "2026-01-02 03:04:05 info    event 4\nno json\n"
    assert whole.stdout == grave.stdout == "no json\n"
    assert shown == "2026-01-02 03:04:05 error   [31mnew\n"
    assert turned == "2026-01-02 03:04:05 info    after the turn\n"


# --- with an agent ------------------------------------------------------------------------------


@pytest.mark.slow
def test_status_shows_what_the_agent_is_connected_to(
    running: Program, ollama: OllamaProcess
) -> None:
    there = replace(running, settings={**running.settings, "TZ": "HERE-05:30"})
    done, told = there.orca("status"), there.orca("status", "--json")

    health = json.loads(told.stdout)
    since = datetime.fromisoformat(health["started_at"]) + timedelta(hours=5, minutes=30)
    assert f"Since    {since:%Y-%m-%d %H:%M}\n" in done.stdout
    assert (done.returncode, told.returncode) == (0, 0)
    assert (health["status"], health["ollama"]["state"]) == ("ready", "up")
    assert f"Ollama   up at {ollama.url}" in done.stdout
    assert "Model    tiny" in done.stdout


def test_the_link_of_url_signs_one_browser_in_once(running: Program) -> None:
    link = running.orca("url").stdout.strip()

    first, second = httpx.get(link), httpx.get(link)

    assert first.status_code == 303
    assert "HttpOnly" in first.headers["set-cookie"]
    assert second.status_code != 303


@pytest.mark.slow
def test_doctor_is_content_with_a_running_agent(running: Program) -> None:
    done = running.orca("doctor", "--json")

    states = {check["name"]: check["state"] for check in json.loads(done.stdout)}
    assert done.returncode == 0
    wanted = ("Python", "Data folder", "Database", "Token", "Agent", "Port", "Models")
    assert {name: states[name] for name in wanted} == dict.fromkeys(wanted, "good")


@pytest.mark.slow
def test_doctor_tells_what_the_running_agent_uses_and_not_this_shell(
    running: Program, ollama: OllamaProcess
) -> None:
    elsewhere = Program(running.data_dir, settings={"ORCA_AGENT_PORT": "1"})

    done = elsewhere.orca("doctor", "--json")

    checks = {check["name"]: check for check in json.loads(done.stdout)}
    agent = json.loads((running.data_dir / "agent.json").read_text())
    assert checks["Port"] == {
        "name": "Port",
        "state": "good",
        "text": str(agent["port"]),
        "fix": "",
    }
    assert checks["Ollama"]["text"].endswith(f" at {ollama.url}")


def test_an_answer_goes_to_stdout_and_all_else_to_stderr(running: Program) -> None:
    done = running.orca("chat", "Why", "does PETG string?")

    assert (done.returncode, done.stdout) == (0, f"{ANSWER}\n")
    assert "tiny" in done.stderr


@pytest.mark.slow
def test_text_that_is_piped_in_is_the_question(running: Program) -> None:
    piped = running.orca("chat", "-q", stdin="Why does it string?\n")
    joined = running.orca("chat", "-q", "Explain:", "-", stdin="stringing")
    exported = json.loads(running.orca("export").stdout)

    questions = {
        message["content"]
        for one in exported["conversations"]
        for message in one["messages"]
        if message["role"] == "user"
    }
    assert (piped.stdout, piped.stderr) == (f"{ANSWER}\n", "")
    assert joined.returncode == 0
    assert {"Why does it string?", "Explain: stringing"} <= questions


def test_an_answer_is_shown_while_it_is_written(running: Program, ollama: OllamaProcess) -> None:
    ollama.behave(text="word " * 100, pace=20)

    begun = running.begin("chat", "go on")
    assert begun.stdout is not None
    first = begun.stdout.read(5)
    still_answering = ollama.stats()["answering"]
    begun.send_signal(signal.SIGINT)
    begun.communicate(timeout=30)

    assert (first, still_answering) == ("word ", 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_stops_the_model_and_not_only_the_command(
    running: Program, ollama: OllamaProcess
) -> None:
    before = ollama.stats()["closed_early"]
    ollama.behave(text="word " * 2000, pace=20)
    begun = running.begin("chat", "go on for ever")
    assert begun.stdout is not None
    begun.stdout.read(10)

    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=30)

    until(lambda: ollama.stats()["closed_early"] == before + 1)
    assert begun.returncode == 130
    assert "Stopped." in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("thoughts", "sentence"),
    [("", "The model said nothing."), ("Hm.", "The model thought, and said nothing.")],
)
def test_a_model_that_says_nothing_is_told_of_on_stderr(
    running: Program, ollama: OllamaProcess, thoughts: str, sentence: str
) -> None:
    ollama.behave(text="", thinking=thoughts)

    told = [running.orca("chat", *quiet, "Why?") for quiet in ([], ["-q"])]

    assert [(one.returncode, one.stdout) for one in told] == [(0, ""), (0, "")]
    assert all(f"{sentence} Ask again" in one.stderr for one in told)


def test_a_models_text_cannot_steer_the_terminal(running: Program, ollama: OllamaProcess) -> None:
    ollama.behave(text="a\x1b]0;title\x07b\x1b[2Jc\u202ed\r\n")

    done = running.orca("chat", "-q", "x")

    assert done.stdout == "a]0;titleb[2Jcd\n"


@pytest.mark.slow
def test_last_goes_on_with_the_latest_conversation(running: Program) -> None:
    running.orca("chat", "first question")
    running.orca("chat", "-c", "last", "second question")

    exported = json.loads(running.orca("export").stdout)["conversations"]
    texts = [[m["content"] for m in one["messages"] if m["role"] == "user"] for one in exported]
    assert ["first question", "second question"] in texts


@pytest.mark.slow
def test_what_cannot_be_is_said_in_a_sentence(running: Program, tmp_path: Path) -> None:
    no_model = running.orca("chat", "-m", "nothing-here", "x")
    no_picture = running.orca("chat", "-i", str(tmp_path / "none.png"), "x")
    (tmp_path / "bad.png").write_text("this is no picture")
    bad_picture = running.orca("chat", "-i", str(tmp_path / "bad.png"), "x")
    no_conversation = running.orca("chat", "-c", "nowhere", "x")

    assert (no_model.returncode, "nothing-here" in no_model.stderr) == (1, True)
    assert (no_picture.returncode, "cannot be read" in no_picture.stderr) == (2, True)
    assert (bad_picture.returncode, bad_picture.stdout) == (1, "")
    assert (no_conversation.returncode, no_conversation.stdout) == (1, "")
    for done in (no_model, no_picture, bad_picture, no_conversation):
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals for this")
def test_without_a_question_it_is_a_conversation(running: Program) -> None:
    code, out, err = running.converse(b"hello\n/new\n/model tiny\nagain\n/nonsense\n/quit\n")

    assert code == 0
    assert out.count(ANSWER) == 2
    assert err.count("/new begins another conversation") == 2


@pytest.mark.slow
def test_without_a_model_the_guide_answers_and_says_so(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        one.serve()
        done = one.orca("chat", "Why does PETG string?")

    assert done.returncode == 0
    assert done.stdout.strip()
    assert "no model is connected" in done.stderr


@pytest.mark.slow
def test_without_a_model_what_only_a_model_can_use_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "print.png"
    Image.new("RGB", (8, 8), "red").save(picture)
    with program(tmp_path / "data") as one:
        one.serve()
        named = one.orca("chat", "-q", "-m", "qwen3:4b", "Why does PETG string?")
        shown = one.orca("chat", "-q", "-i", str(picture), "Why does PETG string?")
        status = one.orca("status")

    no_model = "No model is connected: the guide answers;"
    assert named.stderr == f"{no_model} qwen3:4b is not used.\n"
    assert shown.stderr == f"{no_model} the picture is not used.\n"
    assert "Agent    the guide answers, no model, version " in status.stdout


@pytest.mark.slow
def test_an_answer_outlives_a_restart_of_the_agent(tmp_path: Path) -> None:
    with (
        fake_ollama("--tokens", "100000", "--pace", "50") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url) as one,
    ):
        one.serve()
        begun = one.begin("chat", "go on")
        assert begun.stdout is not None
        begun.stdout.read(20)
        assert one.process is not None
        one.process.kill()
        one.process.communicate()
        one.serve()
        _, err = begun.communicate(timeout=30)

    assert begun.returncode == 1
    assert "What there is of it is kept." in err


@pytest.mark.slow
def test_what_is_exported_can_be_imported_without_doubling(
    running: Program, tmp_path: Path
) -> None:
    running.orca("chat", "a question to keep")
    file = tmp_path / "all.json"

    exported, again = running.orca("export", str(file)), running.orca("export", str(file))
    here = running.orca("import", str(file))
    count = len(json.loads(file.read_text())["conversations"])
    with program(tmp_path / "other") as other:
        other.serve()
        there, twice = (
            other.orca("import", str(file)),
            other.orca("import", "-", stdin=file.read_text()),
        )

    assert (exported.returncode, exported.stdout) == (0, "")
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    assert here.stdout == f"0 new, 0 updated, {count} unchanged; 0 messages added.\n"
    assert there.stdout.startswith(f"{count} new, 0 updated, 0 unchanged; ")
    assert twice.stdout == f"0 new, 0 updated, {count} unchanged; 0 messages added.\n"
    if os.name == "posix":
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_markdown_is_for_people(running: Program) -> None:
    running.orca("chat", "a question in Markdown")

    done = running.orca("export", "--format", "md")

    assert done.returncode == 0
    assert "a question in Markdown" in done.stdout
    assert ANSWER.splitlines()[0] in done.stdout


@pytest.mark.parametrize("text", ["", "{", "[]", '{"conversations": [{"nothing": 1}]}'])
def test_a_file_that_is_no_export_is_refused(running: Program, text: str) -> None:
    done = running.orca("import", "-", stdin=text)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "This is no export of Orca Agents.\n"


def test_what_is_refused_leaves_no_conversation_behind(running: Program) -> None:
    with running.client() as agent:
        before = [one["id"] for one in agent.items("/conversations")]
        done = running.orca("chat", "-m", "nothing-here", "x")
        after = [one["id"] for one in agent.items("/conversations")]

    assert done.returncode == 1
    assert after == before


@pytest.mark.slow
def test_a_token_is_made_listed_and_revoked(running: Program) -> None:
    url = json.loads((running.data_dir / "agent.json").read_text())["url"]

    made = running.orca("token", "new", "notebook", "--scopes", "chat,models")
    token = made.stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    before = httpx.get(f"{url}/api/v1/conversations", headers=headers).status_code
    twice = running.orca("token", "new", "notebook")
    listed = running.orca("token", "list")
    revoked = running.orca("token", "revoke", "notebook")
    after = httpx.get(f"{url}/api/v1/conversations", headers=headers).status_code
    unknown = running.orca("token", "revoke", "notebook")

    assert made.returncode == revoked.returncode == 0
    assert (before, after) == (200, 401)
    assert (twice.returncode, twice.stdout) == (1, "")
    assert "There is a token called notebook already" in twice.stderr
    assert re.search(r"  program  used .+  notebook: chat,models$", listed.stdout, re.MULTILINE)
    assert token not in listed.stdout
    assert unknown.returncode == 1


@pytest.mark.slow
def test_a_list_without_tokens_says_so(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        one.serve()
        listed, told = one.orca("token", "list"), one.orca("token", "list", "--json")

    assert (listed.returncode, listed.stdout, told.stdout) == (0, "", "[]\n")
    assert listed.stderr.startswith("There is none.")


@pytest.mark.slow
def test_the_main_token_is_replaced_on_demand(running: Program) -> None:
    url = json.loads((running.data_dir / "agent.json").read_text())["url"]
    old = running.orca("token", "show").stdout.strip()

    rotated = running.orca("token", "rotate")
    new = running.orca("token", "show").stdout.strip()

    codes = [
        httpx.get(f"{url}/api/v1/models", headers={"Authorization": f"Bearer {t}"}).status_code
        for t in (old, new)
    ]
    assert rotated.returncode == 0
    assert codes == [401, 200]
    assert json.loads((running.data_dir / "agent.json").read_text())["token"] == new


@pytest.mark.slow
def test_a_page_that_shows_a_code_is_let_in(running: Program) -> None:
    url = json.loads((running.data_dir / "agent.json").read_text())["url"]
    asked = httpx.post(f"{url}/api/v1/pairing", json={"name": "Device tab"}).json()
    wrong = "000000" if asked["code"] != "000000" else "111111"

    refused = running.orca("token", "pair", wrong)
    paired = running.orca("token", "pair", asked["code"])
    none = running.orca("token", "pair", asked["code"])

    secret = {"id": asked["id"], "secret": asked["secret"]}
    state = httpx.post(f"{url}/api/v1/pairing", json=secret).json()["state"]
    assert (refused.returncode, paired.returncode, none.returncode) == (1, 0, 1)
    assert paired.stderr == "Device tab is in.\n"
    assert state == "confirmed"


@pytest.mark.slow
def test_stop_ends_the_agent(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        one.serve()
        done = one.orca("stop")
        assert one.process is not None
        code = one.process.wait(5)

    assert (done.returncode, done.stdout) == (0, "The agent has ended.\n")
    assert code == 0 or os.name == "nt"
