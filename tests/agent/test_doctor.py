"""`orca-agent doctor` on surroundings that are not as they should be."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.migrations import VERSIONS
from tests.agent.program import Program, fake_ollama, program, until
from tests.fakes.keyrings.kept import VARIABLE

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(60, method=METHOD)
Rows = dict[str, dict[str, str]]
DOCTOR = (sys.executable, "-m", "agent", "doctor", "--json")
SMALL = 'mount -t tmpfs -o size=1m none "$0" && chmod 700 "$0" && exec "$@"'
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


def can_mount() -> bool:
    """Whether a process of this user may have mounts of its own."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    return tried.returncode == 0


@pytest.fixture
def stopped(tmp_path: Path) -> Program:
    one = Program(tmp_path / "data")
    one.data_dir.mkdir(mode=0o700)
    return one


def rows(told: str) -> Rows:
    return {row["name"]: row for row in json.loads(told)}


def in_mounts(how: str, one: Program) -> "subprocess.CompletedProcess[str]":
    """Runs doctor where `how`, a line of shell, has prepared the data folder."""
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", how, str(one.data_dir), *DOCTOR],
        env=one.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def doctor(one: Program) -> Rows:
    return rows(one.orca("doctor", "--json").stdout)


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="nobody may mount here")
@pytest.mark.parametrize("is_clean", [True, False])
def test_a_sound_database_in_a_folder_that_cannot_be_written_is_not_called_broken(
    stopped: Program,
    is_clean: bool,  # noqa: FBT001 - a case
) -> None:
    file = stopped.data_dir / "agent.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES (?)", (VERSIONS[-1],))
        database.commit()
        if not is_clean:  # as a crash leaves it
            for ending in ("", "-wal"):
                shutil.copy(f"{file}{ending}", f"{file}{ending}.left")
    if not is_clean:
        for ending in ("", "-wal"):
            Path(f"{file}{ending}.left").rename(f"{file}{ending}")

    told = in_mounts(READ_ONLY, stopped)

    found = rows(told.stdout)
    assert [name for name, row in found.items() if row["state"] == "wrong"] == ["Data folder"]
    assert found["Database"]["state"] == ("good" if is_clean else "warning")
    assert "away" not in found["Database"]["fix"]


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="nobody may mount here")
def test_a_full_disk_is_wrong(stopped: Program) -> None:
    found = rows(in_mounts(SMALL, stopped).stdout)

    assert found["Disk"]["state"] == "wrong"
    assert found["Disk"]["text"].startswith("it is full (")


@pytest.mark.parametrize(
    ("keyring", "state", "text"),
    [
        (
            "keyring.backends.fail.Keyring",
            "good",
            "none is kept yet; the first goes into: file secrets.json, readable by you alone",
        ),
        (
            "tests.fakes.keyrings.kept.Locked",
            "warning",
            "the keyring of this computer gives and takes none (locked)",
        ),
        ("tests.fakes.keyrings.kept.Kept", "good", "keyring: kept"),
    ],
)
@pytest.mark.slow
def test_where_keys_are_kept_is_told(
    stopped: Program, tmp_path: Path, keyring: str, state: str, text: str
) -> None:
    stopped.settings |= {"PYTHON_KEYRING_BACKEND": keyring, VARIABLE: str(tmp_path / "ring.json")}

    found = doctor(stopped)["Keys"]

    assert (found["state"], found["text"]) == (state, text)


@pytest.mark.parametrize(
    ("mode", "state", "text"),
    [
        (0o600, "good", "file secrets.json, readable by you alone; this computer has no keyring"),
        (0o644, "wrong", "those in the data folder cannot be read"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows says nothing of others in the mode")
def test_a_file_with_keys_is_looked_at(stopped: Program, mode: int, state: str, text: str) -> None:
    file = stopped.data_dir / "secrets.json"
    file.write_text('{"backend/one": "sk-0123456789"}')
    file.chmod(mode)

    found = doctor(stopped)["Keys"]

    assert (found["state"], found["text"]) == (state, text)
    assert ("could be read by other users" in found["fix"]) is (state == "wrong")


def test_settings_that_cannot_work_are_told(stopped: Program) -> None:
    (stopped.data_dir / "agent.toml").write_text(
        'profile = "turbo"\nollama_binary = "/nowhere/ollama"\nslicer_data_dirs = "/nowhere"\n'
        'otlp_endpoint = "abc"\n'
    )

    told = stopped.orca("doctor", "--json")

    texts = [row["text"] for row in json.loads(told.stdout) if row["name"] == "Settings"]
    assert texts == [
        "there is no profile called turbo",
        "ollama_binary: there is no program at /nowhere/ollama",
        "slicer_data_dirs: there is no folder /nowhere",
        "otlp_endpoint is no address",
    ]


@pytest.mark.slow
def test_a_default_model_that_is_not_there_is_told_while_another_answers(tmp_path: Path) -> None:
    with (
        fake_ollama() as server,
        program(
            tmp_path / "data", ollama_url=server.url, ORCA_AGENT_DEFAULT_MODEL="nonexistent:9b"
        ) as one,
    ):
        one.serve()
        with one.client() as agent:
            until(lambda: agent.ready().get("default_model"), 60)
        told = json.loads(one.orca("doctor", "--json").stdout)
        status = one.orca("status").stdout
        _, begun, _ = one.end()

    texts = [row["text"] for row in told if row["state"] == "warning" and row["name"] == "Models"]
    assert [text.split(";")[0] for text in texts] == [
        "the default, nonexistent:9b, is not installed"
    ]
    for said in (status, begun):
        assert "nonexistent:9b, the default model of the settings, is not installed" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("environment", "ORCA_AGENT_PROFILE"),
        ("agent.toml", "profile in agent.toml"),
        ("managed.toml", "profile in managed.toml"),
    ],
)
def test_a_recommendation_names_where_its_profile_was_set(
    stopped: Program, source: str, where: str
) -> None:
    managed = stopped.data_dir.parent / "managed.toml"
    if source == "environment":
        stopped.settings["ORCA_AGENT_PROFILE"] = "turbo"
    elif source == "agent.toml":
        (stopped.data_dir / "agent.toml").write_text('profile = "turbo"\n')
    else:
        managed.write_text('profile = "turbo"\n')
        stopped.settings["ORCA_AGENT_MANAGED_FILE"] = str(managed)

    told = stopped.orca("models", "recommend")

    assert f"There is no profile called turbo ({where})." in told.stderr
