"""Full disks, odd folders and wrong clocks: a clear sentence, and nothing lost."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.keeping.applying import apply_pending, last_restore
from agent.keeping.folder import Backups
from agent.keeping.staging import DONE, READY, stage
from agent.keeping.watching import Watch
from tests.agent.keeping.states import NEW, NOW, OLD, backed_up, folder_with, state_of
from tests.agent.program import ROOT, program
from tests.agent.test_images import noise
from tests.clock import MovingClock
from tests.serving import running_agent

API = "/api/v1"


def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A data folder, and a backup of another state."""
    backup = backed_up(folder_with(tmp_path / "other", "new"))
    return folder_with(tmp_path / "data", "old"), backup


def _with_a_full_disk(folder: Path, work: str, *, limit_bytes: int) -> str:
    """What a process says that may write no file larger than that."""
    code = (
        "import resource, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from agent.keeping.applying import apply_pending\n"
        "from agent.keeping.staging import stage\n"
        "from agent.keeping.watching import Watch\n"
        "from agent.shared.errors import OrcaError\n"
        "from tests.agent.keeping.states import NOW, backed_up\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"folder, limit = Path({str(folder)!r}), {limit_bytes}\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        f"try:\n    {work}\n"
        "except OrcaError as err:\n    sys.stdout.write(err.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_backup_that_fills_the_disk_leaves_no_half_file(tmp_path: Path) -> None:
    folder, _ = folders(tmp_path)
    file = folder / "images" / "big"
    before = state_of(folder)

    said = [
        _with_a_full_disk(folder, "backed_up(folder)", limit_bytes=limit)
        for limit in (20_000, 200_000)
    ]

    assert set(said) == {"disk-full"}
    assert list((folder / "backups").iterdir()) == []
    assert (state_of(folder), file.exists()) == (before, False)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_restore_that_fills_the_disk_changes_nothing(tmp_path: Path) -> None:
    folder, backup = folders(tmp_path)
    staging = f"stage(Path({str(backup)!r}), folder, NOW, lambda _: None, Watch())"

    said = [_with_a_full_disk(folder, staging, limit_bytes=limit) for limit in (20_000, 200_000)]
    left = (folder / READY).exists()
    stage(backup, folder, NOW, lambda _file: None, Watch())
    # There is room for the new state, but not for the backup of the old one.
    applying = "sys.stdout.write(apply_pending(folder, version='1', now=NOW).problem)"
    told = _with_a_full_disk(folder, applying, limit_bytes=20_000)

    assert (set(said), left) == ({"disk-full"}, False)
    assert "full" in told
    assert state_of(folder) == OLD
    last = last_restore(folder)
    assert last is not None
    assert (last.problem, last.kept_as) == (told, None)
    assert not (folder / READY).exists()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_odd_folders_are_folders(tmp_path: Path) -> None:
    names = ("with space", "Müller & Söhne", "100 %25 #1 ?", "x" * 100, "日本")
    folder = tmp_path.joinpath(*names)
    assert len(str(folder)) > 200
    with program(folder) as one:
        one.serve()
        with one.client() as agent:
            agent.call("POST", "/conversations", json={"title": "kept"})
            run = agent.json("POST", "/backup", json={})
            events = [event.name for event in agent.events(str(run["id"]))]
        restored = one.orca("restore", "--latest", "--yes")
        with one.client() as agent:
            found = [str(item["title"]) for item in agent.items("/conversations")]
        one.end()
        offline = one.orca("restore", "--latest", "--yes")

    assert (events[-1], found) == ("done", ["kept"])
    assert (restored.returncode, offline.returncode) == (0, 0), restored.stderr + offline.stderr


@pytest.mark.slow
def test_a_staged_restore_whose_files_were_damaged_is_called_off(tmp_path: Path) -> None:
    folder, backup = folders(tmp_path)
    stage(backup, folder, NOW, lambda _file: None, Watch())
    (folder / READY / "agent.db").write_bytes(b"damaged")

    restored = apply_pending(folder, version="1.0", now=NOW)

    assert restored is not None
    assert (restored.problem is None, state_of(folder)) == (False, OLD)
    assert not (folder / READY).exists()


@pytest.mark.parametrize("good_bytes", [0, 100, 8192, 65536])
def test_a_damaged_database_is_kept_when_a_backup_takes_its_place(
    tmp_path: Path, good_bytes: int
) -> None:
    folder, backup = folders(tmp_path)
    for name in ("agent.db-wal", "agent.db-shm"):
        (folder / name).unlink(missing_ok=True)
    whole = (folder / "agent.db").read_bytes()
    broken = whole[:good_bytes] + b"\xde\xad" * ((len(whole) - good_bytes) // 2)
    (folder / "agent.db").write_bytes(broken)
    stage(backup, folder, NOW, lambda _file: None, Watch())

    restored = apply_pending(folder, version="1.0", now=NOW)

    assert restored is not None
    assert restored.kept_as == "damaged-20260131-090500.db"
    assert (folder / "backups" / restored.kept_as).read_bytes() == broken
    assert (state_of(folder).titles, state_of(folder).is_whole) == (NEW.titles, True)


def test_an_old_state_starts_no_old_print(tmp_path: Path) -> None:
    files = ("01990000-0000-7000-8000-000000000001", "01990000-0000-7000-8000-000000000002")
    made = folder_with(tmp_path / "other", "new", files=files)
    backup = backed_up(made)
    folder = folder_with(tmp_path / "data", "old", files=files[:1])
    stage(backup, folder, NOW, lambda _file: None, Watch())

    apply_pending(folder, version="1.0", now=NOW)

    with closing(sqlite3.connect(folder / "agent.db")) as opened:
        states = opened.execute("SELECT state FROM slicer_job").fetchall()
        whole = opened.execute("SELECT id, is_whole FROM slicer_file ORDER BY id").fetchall()
    assert states == [("interrupted",), ("interrupted",)]
    assert whole == [(files[0], 1), (files[1], 0)]  # the file of the second one is not here


async def test_automatic_backups_go_by_the_calendar_and_never_push_out_what_was_asked_for(
    tmp_path: Path,
) -> None:
    clock = MovingClock()
    async with running_agent(
        tmp_path / "data", clock=clock, backup_every_days=7, backup_keep=2
    ) as served:
        keep = served.agent.keep_backups
        empty = await keep()
        await served.client.post(f"{API}/conversations", json={"title": "kept"})
        await served.client.post(f"{API}/images", content=noise("PNG"))
        first, again = await keep(), await keep()
        for days in (8, 8, -4000, 8, 9000):  # the clock is set back once, and far ahead
            clock.passes(days=days)
            await keep()
        items = (await served.client.get(f"{API}/backups")).json()["items"]

    assert (empty, again) == (None, None)
    assert first is not None
    assert [one["is_automatic"] for one in items] == [True, True]
    assert {tuple(one["holds"]) for one in items} == {("database",)}
    serials = [one.manifest.serial for one in Backups(tmp_path / "data").all() if one.manifest]
    assert max(serials) - min(serials) == 1


def test_what_an_earlier_restore_left_is_in_nobodys_way(tmp_path: Path) -> None:
    folder, backup = folders(tmp_path)
    for name in (DONE, f"{DONE}-2"):
        (folder / name).write_text("cannot be removed as a folder")
    stage(backup, folder, NOW, lambda _file: None, Watch())

    restored = apply_pending(folder, version="1.0", now=NOW)

    assert restored is not None
    assert (restored.problem, state_of(folder)) == (None, NEW)
    assert not [path.name for path in folder.glob("restore-*") if path.is_dir()]


@pytest.mark.slow
def test_a_restore_that_has_begun_and_stops_is_told_as_such_and_gone_on_with(
    tmp_path: Path,
) -> None:
    folder, backup = folders(tmp_path)
    (folder / "agent.db-wal").unlink(missing_ok=True)
    (folder / "agent.toml").unlink()
    (folder / "agent.toml").mkdir()  # what is to take its place cannot
    with program(folder) as one:
        stopped = one.orca("restore", str(backup), "--yes")
        (folder / "agent.toml").rmdir()
        again = one.orca("restore", str(backup), "--yes")

    assert (stopped.returncode, again.returncode) == (1, 0), again.stderr
    assert "It is not finished" in stopped.stderr
    assert "Nothing was changed" not in stopped.stderr
    assert state_of(folder).titles == NEW.titles
