"""Which version comes after which."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from agent.updates.rules import is_newer
from tests.house.tree import ROOT

IN_ORDER = ["0.9.9", "0.10.0a1", "0.10.0a2", "0.10.0b1", "0.10.0rc1", "0.10.0", "0.10.1", "1.0.0"]


@pytest.mark.parametrize(("older", "newer"), list(pairwise(IN_ORDER)))
def test_versions_follow_one_another(older: str, newer: str) -> None:
    assert (is_newer(newer, older), is_newer(older, newer), is_newer(newer, newer)) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize(("offered", "current"), [("1.0", "0.1.0"), ("1.0.0", "unknown")])
def test_what_is_no_version_is_never_newer(offered: str, current: str) -> None:
    assert not is_newer(offered, current)


def test_an_installation_from_a_working_copy_is_as_new_as_its_number() -> None:
    assert is_newer("0.2.0", "0.1.0.dev3+local")


@pytest.mark.slow
def test_an_older_version_is_not_announced(tmp_path: Path) -> None:
    def release(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "packaging/release.py"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    keys, where = str(tmp_path / "keys"), str(tmp_path / "repository")
    made = release("keys", keys)
    first = release("publish", where, "--keys", keys, "--version", "1.2.0")
    older = release("publish", where, "--keys", keys, "--version", "1.1.0")
    again = release("refresh", where, "--keys", keys)

    assert [one.returncode for one in (made, first, older, again)] == [0, 0, 1, 0]
    assert "1.2.0 is announced already" in older.stderr
