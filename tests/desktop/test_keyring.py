"""A real keyring in a session of its own: open, locked, gone, and none at all."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.client.sync import Agent
from tests.agent.program import Program, fake_ollama, program, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
NEEDED = ("dbus-daemon", "gnome-keyring-daemon", "gdbus", "secret-tool")
PASSWORD, KEY = "open sesame", "sk-canary-0123456789"  # of nobody
IN_FILE = "file secrets.json, readable by you alone"
IN_KEYRING = "keyring: SecretService"
LACKING = [name for name in NEEDED if not shutil.which(name)]

if LACKING and os.environ.get("CI") != "true":
    pytest.skip(f"not here: {', '.join(LACKING)}", allow_module_level=True)


@dataclass
class Session:
    """What a desktop has for its user: a bus, and a keyring on it."""

    home: Path
    stack: ExitStack
    environment: dict[str, str] = field(default_factory=dict)
    keyring: "subprocess.Popen[bytes] | None" = None

    def open_bus(self) -> None:
        (self.home / "run").mkdir(parents=True, mode=0o700)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "XDG_DATA_HOME": str(self.home / "share"),
        }
        bus = subprocess.Popen(
            ("dbus-daemon", "--session", "--nofork", "--print-address"),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self.stack.callback(_end, bus)
        if bus.stdout:
            with bus.stdout as told:
                self.environment["DBUS_SESSION_BUS_ADDRESS"] = told.readline().strip()

    def start_keyring(self, *, is_open: bool) -> None:
        """Open with the user's password, or locked until somebody says it."""
        words = ("gnome-keyring-daemon", "--foreground", "--components=secrets")
        self.keyring = subprocess.Popen(
            (*words, "--unlock") if is_open else words,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(_end, self.keyring)
        if self.keyring.stdin:
            self.keyring.stdin.write(PASSWORD.encode() if is_open else b"")
            self.keyring.stdin.close()
        wait = ("gdbus", "wait", "--session", "--timeout", "20", "org.freedesktop.secrets")
        subprocess.run(wait, env=self.environment, check=True, capture_output=True)

    def end_keyring(self) -> None:
        if self.keyring:
            _end(self.keyring)


def _end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
    process.wait(20)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with ExitStack() as stack:
        yield Session(tmp_path / "home", stack)


@contextmanager
def agent_of(session: Session, data_dir: Path) -> Iterator[Program]:
    """The agent as a desktop starts it: which keyring there is, it finds out by itself."""
    given = {
        name: value for name, value in session.environment.items() if name not in {"PATH", "HOME"}
    }
    found = "keyring.backends.chainer.ChainerBackend"
    with program(data_dir, **given, PYTHON_KEYRING_BACKEND=found) as one:
        one.serve()
        yield one


def add_server(agent: Agent, url: str) -> str:
    """Where the key of a new model server lies now."""
    made = agent.add_backend("rack", url, provider="openai", key=KEY, force=True)
    return str(dict(made)["key_place"])


def rack_of(agent: Agent) -> dict[str, object]:
    return next(dict(each) for each in agent.backends() if each["name"] == "rack")


def in_keyring(session: Session) -> str:
    """What a person finds who asks the keyring for all that is the agent's."""
    return subprocess.run(
        ("secret-tool", "search", "--all", "service", "orca-agent"),
        env=session.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    ).stdout


def secrets_in(data_dir: Path) -> dict[str, str]:
    file = data_dir / "secrets.json"
    found: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found


def test_a_key_goes_into_an_open_keyring_survives_a_restart_and_leaves_with_its_server(
    session: Session, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    session.open_bus()
    session.start_keyring(is_open=True)
    with fake_ollama() as server:
        with agent_of(session, data_dir) as one, one.client() as agent:
            place = add_server(agent, server.url)
            told = agent.json("GET", "/settings")["secrets_in"]
        with agent_of(session, data_dir) as one, one.client() as agent:
            kept = rack_of(agent)
            agent.check_backend(str(kept["id"]))
            before = in_keyring(session)
            agent.delete_backend(str(kept["id"]))

    assert (place, kept["key_place"], told) == (IN_KEYRING, IN_KEYRING, IN_KEYRING)
    assert secrets_in(data_dir) == {}
    assert (KEY in before, KEY in in_keyring(session)) == (True, False)
    assert all(KEY not in file.read_text("utf-8") for file in (data_dir / "logs").glob("*.log"))


def test_without_a_keyring_that_opens_keys_lie_in_a_private_file_and_it_says_so(
    session: Session, tmp_path: Path
) -> None:
    places = []
    with fake_ollama() as server:
        with agent_of(session, tmp_path / "none") as one, one.client() as agent:
            places.append(add_server(agent, server.url))
        session.open_bus()
        session.start_keyring(is_open=False)
        with agent_of(session, tmp_path / "locked") as one, one.client() as agent:
            places.append(add_server(agent, server.url))
        session.end_keyring()
        with agent_of(session, tmp_path / "gone") as one, one.client() as agent:
            places.append(add_server(agent, server.url))
    held = [list(secrets_in(tmp_path / name).values()) for name in ("none", "locked", "gone")]

    assert (places[0], places[1]) == (IN_FILE, f"{IN_FILE} (keyring: locked)")
    assert places[2].startswith(IN_FILE)
    assert held == [[KEY], [KEY], [KEY]]
    assert (tmp_path / "locked" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_keyring_that_was_locked_since_is_told_and_the_agent_goes_on(
    session: Session, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    session.open_bus()
    session.start_keyring(is_open=True)
    with fake_ollama() as server:
        with agent_of(session, data_dir) as one, one.client() as agent:
            add_server(agent, server.url)
        session.end_keyring()
        session.start_keyring(is_open=False)
        with agent_of(session, data_dir) as one, one.client() as agent:
            until(lambda: "Unlock it" in str(rack_of(agent)["detail"]))
            status, rack = agent.ready()["status"], rack_of(agent)

    assert status in {"ready", "degraded"}
    assert (rack["state"], rack["key_place"], KEY in str(rack)) == ("unknown", IN_KEYRING, False)
