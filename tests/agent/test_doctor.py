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
from tests.agent.program import Program

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(60, method=METHOD)
Rows = dict[str, dict[str, str]]
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


def doctor(one: Program) -> Rows:
    return rows(one.orca("doctor", "--json").stdout)


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="nobody may mount here")
@pytest.mark.parametrize("is_clean", [True, False])
def test_a_sound_database_in_a_folder_that_cannot_be_written_is_not_called_broken(
    stopped: Program, is_clean: bool
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

    told = subprocess.run(
        ["unshare", "-rm", "sh", "-c", READ_ONLY, str(stopped.data_dir)]
        + [sys.executable, "-m", "agent", "doctor", "--json"],
        env=stopped.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )

    found = rows(told.stdout)
    assert [name for name, row in found.items() if row["state"] == "wrong"] == ["Data folder"]
    assert found["Database"]["state"] == ("good" if is_clean else "warning")
    assert "away" not in found["Database"]["fix"]
