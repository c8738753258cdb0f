"""`orca-agent doctor` as a program, where no agent runs."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.agent.program import Program


@pytest.fixture
def stopped(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


@pytest.mark.slow
def test_doctor_finds_out_what_is_wrong_and_says_what_to_do(stopped: Program) -> None:
    stopped.data_dir.mkdir(mode=0o700)
    (stopped.data_dir / "agent.db").write_text("this is no database, and has never been one")
    (stopped.data_dir / "token").write_text("x" * 43)
    (stopped.data_dir / "token").chmod(0o644)

    done, told = stopped.orca("doctor"), stopped.orca("doctor", "--json")

    checks = {check["name"]: check for check in json.loads(told.stdout)}
    wrong = {name for name, check in checks.items() if check["state"] == "wrong"}
    assert (done.returncode, told.returncode) == (1, 1)
    assert wrong == {"Database", "Token"}
    assert "backups" not in checks["Database"]["fix"]
    assert checks["Ollama"]["state"] == "warning"
    assert checks["Ollama"]["fix"].startswith("Start Ollama, or install it from ollama.com first;")
    assert [c["name"] for c in checks.values() if c["state"] != "good" and not c["fix"]] == []
    assert "✗ Database" in done.stdout
    assert "→ Run `chmod 600" in done.stdout


@pytest.mark.slow
def test_doctor_checks_the_rest_though_a_setting_is_wrong(stopped: Program) -> None:
    stopped.settings["ORCA_AGENT_STALL_SECONDS"] = "0"

    done, told = stopped.orca("doctor"), stopped.orca("doctor", "--json")

    checks = {check["name"]: check for check in json.loads(told.stdout)}
    assert (done.returncode, done.stderr) == (1, "")
    assert "✗ Settings     ORCA_AGENT_STALL_SECONDS must be" in done.stdout
    assert [name for name, check in checks.items() if check["state"] == "wrong"] == ["Settings"]
    assert {"Database", "Port", "Ollama", "Models", "Disk"} <= set(checks)


@pytest.mark.parametrize("version", ["9999", "what"])
@pytest.mark.slow
def test_doctor_says_that_a_newer_schema_is_not_for_this_version(
    stopped: Program, version: str
) -> None:
    stopped.data_dir.mkdir(mode=0o700)
    with closing(sqlite3.connect(stopped.data_dir / "agent.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES (?)", (version,))
        database.commit()

    done = stopped.orca("doctor")

    assert done.returncode == 1
    assert f"✗ Database     written by a newer version (schema {version}, " in done.stdout
    assert "→ Update the program" in done.stdout


@pytest.mark.slow
def test_doctor_says_that_a_data_folder_cannot_be_made(stopped: Program) -> None:
    stopped.data_dir.write_text("a file")

    done = stopped.orca("doctor", "--data-dir", str(stopped.data_dir / "in" / "it"))

    assert done.returncode == 1
    assert "✗ Data folder" in done.stdout
    assert "cannot be made: " in done.stdout
