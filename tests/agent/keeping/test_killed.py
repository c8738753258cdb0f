"""Killed at every touch of the disk, the next start has the old state or the new one, whole."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.agent.keeping.killing import prepare
from tests.agent.keeping.states import NEW, OLD, backed_up, folder_with
from tests.agent.program import ROOT

Told = list[dict[str, Any]]  # Any: JSON values
OLD_JSON, NEW_JSON = (json.loads(json.dumps(asdict(state))) for state in (OLD, NEW))


def folders(tmp_path: Path) -> Path:
    """One with the old state, and a backup of the new one in it."""
    backup = backed_up(folder_with(tmp_path / "other", "new"))
    folder = folder_with(tmp_path / "data", "old")
    (folder / "backups").mkdir()
    backup.rename(folder / "new.zip")
    return folder


def killed(work: str, folder: Path, *, step: int) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "tests.agent.keeping.killing", work, folder, "1", str(step)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(told: Told) -> list[str]:
    """Which state each kill led to; a half one is told as it is."""
    names = []
    for one in told:
        assert one["left"] == [], one
        assert all(one["backups"]), one
        is_old, is_new = one["state"] == OLD_JSON, one["state"] == NEW_JSON
        names.append("old" if is_old else "new" if is_new else f"half: {one}")
    return names


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_restore_that_is_killed_while_it_is_put_in_place_is_finished(tmp_path: Path) -> None:
    folder = folders(tmp_path)
    prepare(folder)

    told = killed("apply", folder, step=2)

    assert set(check(told)) == {"new"}
    assert len(told) > 15
    assert all(one["backups"] for one in told)  # the old state is kept in each


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_restore_that_is_killed_while_it_is_unpacked_leaves_the_old_state(tmp_path: Path) -> None:
    told = killed("prepare", folders(tmp_path), step=3)

    found = check(told)
    first_new = found.index("new")
    assert set(found[:first_new]) == {"old"}
    assert set(found[first_new:]) == {"new"}  # it was whole, and is put in place
    assert len(told) > 8


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_backup_that_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    told = killed("backup", folders(tmp_path), step=2)

    assert set(check(told)) == {"old"}
    kept = [len(one["backups"]) for one in told]
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (0, 1)
