"""What a reset takes, and what it leaves."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.keeping import resetting
from agent.keeping.staging import stage
from agent.keeping.watching import Watch
from agent.migrations import VERSIONS
from agent.shared.errors import NotFound, Unavailable
from tests.agent.keeping.old_versions import database_of_version
from tests.agent.keeping.states import NOW, OLD, backed_up, folder_with, state_of
from tests.agent.program import program

PRIVATE = b"zebrafinch"
WRITE = (
    "INSERT INTO message (id, conversation_id, role, content, thinking, images, status,"
    " created_at, sources, trimmed) VALUES (?, ?, 'user', ?, '', '[]', 'complete', '', '[]', 0)"
)
FIND = "SELECT count(*) FROM message_fts WHERE message_fts MATCH ?"
THEIRS = ("thesis.txt", "images/holiday.jpg", "logs/boat.log", "slicer/notes.md", "own/a")


def reset(folder: Path, *parts: resetting.Part) -> list[str]:
    return resetting.reset(folder, parts, version="1.0", now=NOW)


def put_theirs(folder: Path) -> None:
    for name in THEIRS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("theirs", "utf-8")


def left_in(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(found)


def wrote_and_deleted(folder: Path) -> None:
    """A message that stays, and one that does not."""
    with closing(sqlite3.connect(folder / "agent.db")) as opened, opened:
        (conversation,) = opened.execute("SELECT id FROM conversation").fetchone()
        opened.execute(WRITE, ("stays", conversation, "an ordinary benchy"))
        opened.execute(WRITE, ("goes", conversation, "why does my zebrafinch string"))
        opened.commit()
        opened.execute("DELETE FROM message WHERE id = 'goes'")


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("agent.db*"))


def test_everything_is_what_the_agent_made_and_nothing_else(tmp_path: Path) -> None:
    files = ("01990000-0000-7000-8000-000000000001",)
    folder = folder_with(tmp_path / "data", "old", files=files)
    for name in ("token", "secrets.json", "chat-history", ".token.12", "logs/agent.log.1"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("ours", "utf-8")
    put_theirs(folder)

    names = reset(folder, "all")

    assert names == ["images", "logs", "own", "slicer", "thesis.txt"]
    assert left_in(folder) == sorted(THEIRS)


def test_pictures_and_files_of_somebody_else_stay_at_every_reset(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    put_theirs(folder)

    reset(folder, "conversations", "files", "settings", "tokens")

    assert left_in(folder) == sorted(["agent.db", *THEIRS])


def test_a_folder_that_never_was_the_agents_is_refused(tmp_path: Path) -> None:
    put_theirs(tmp_path)
    mode = tmp_path.stat().st_mode

    with pytest.raises(NotFound) as refused:
        reset(tmp_path, "all")

    assert refused.value.code == "no-data-folder"
    assert (left_in(tmp_path), tmp_path.stat().st_mode) == (sorted(THEIRS), mode)


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "agent.db")) as opened:
        opened.execute("CREATE TABLE customer (name TEXT)")

    with pytest.raises(Unavailable) as refused:
        reset(tmp_path, "all")

    assert refused.value.code == "foreign-database"
    assert left_in(tmp_path) == ["agent.db"]


@pytest.mark.parametrize("part", ["conversations", "all"])
def test_a_restore_that_waits_does_not_undo_a_reset(tmp_path: Path, part: resetting.Part) -> None:
    backup = backed_up(folder_with(tmp_path / "other", "new"))
    folder = folder_with(tmp_path / "data", "old")
    stage(backup, folder, NOW, lambda _file: None, Watch())

    reset(folder, part)

    assert not list(folder.glob("restore-*"))
    if part == "all":
        assert left_in(folder) == []
    else:
        assert (state_of(folder).titles, state_of(folder).settings) == ((), "# new")


def test_no_word_of_a_conversation_stays_behind_a_reset(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    wrote_and_deleted(folder)
    before = PRIVATE in bytes_of(folder)

    reset(folder, "conversations")

    assert (before, PRIVATE in bytes_of(folder)) == (True, False)


def test_no_word_of_a_deleted_message_is_in_a_backup(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    wrote_and_deleted(folder)
    backup = backed_up(folder)
    there = folder_with(tmp_path / "there", "there")
    stage(backup, there, NOW, lambda _file: None, Watch())

    with closing(sqlite3.connect(there / "restore-ready" / "agent.db")) as opened:
        found = [opened.execute(FIND, (word,)).fetchone() for word in ("benchy", "zebrafinch")]
    assert found == [(1,), (0,)]
    assert PRIVATE not in bytes_of(there / "restore-ready")
    assert state_of(folder) == OLD


@pytest.mark.parametrize("version", VERSIONS)
def test_a_folder_of_an_earlier_version_can_be_reset(tmp_path: Path, version: str) -> None:
    database_of_version(tmp_path / "agent.db", version)

    reset(tmp_path, "conversations", "files", "settings", "tokens")

    with closing(sqlite3.connect(tmp_path / "agent.db")) as opened:
        assert opened.execute("SELECT count(*) FROM conversation").fetchone() == (0,)
        assert opened.execute("SELECT version_num FROM alembic_version").fetchone() == (version,)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_command_leaves_what_is_not_the_agents(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    put_theirs(folder)
    put_theirs(tmp_path / "foreign")
    with program(folder) as one:
        foreign = one.orca("reset", "--all", "--yes", "--data-dir", str(tmp_path / "foreign"))
        one.serve()
        one.end()
        done = one.orca("reset", "--all", "--yes", "--no-backup")

    assert (foreign.returncode, "is no data folder" in foreign.stderr) == (1, True)
    assert left_in(tmp_path / "foreign") == sorted(THEIRS)
    assert done.returncode == 0, done.stderr
    told = "left as it is: images, logs, own, slicer, thesis.txt."
    assert told in " ".join(done.stderr.split())
    assert [name for name in left_in(folder) if name != "agent.lock"] == sorted(THEIRS)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_command_resets_a_folder_of_the_first_version(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    database_of_version(folder / "agent.db", VERSIONS[0])
    with program(folder) as one:
        done = one.orca("reset", "--conversations", "--yes")

    assert done.returncode == 0, done.stderr
    assert len(list((folder / "backups").glob("*-before-reset.zip"))) == 1
