"""A data folder, and a backup, of every earlier version of the schema."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.keeping.applying import apply_pending
from agent.keeping.staging import stage
from agent.keeping.watching import Watch
from agent.migrations import VERSIONS
from tests.agent.keeping.old_versions import backup_of_version, database_of_version
from tests.agent.keeping.states import NOW, folder_with, state_of
from tests.serving import running_agent


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_folder_of_every_earlier_version_opens_with_all_that_is_in_it(
    tmp_path: Path,
) -> None:
    found = {}
    for version in VERSIONS:
        (tmp_path / version).mkdir()
        database_of_version(tmp_path / version / "agent.db", version)
        async with running_agent(tmp_path / version) as served:
            said = (await served.client.get("/api/v1/conversations/c/messages")).json()
            hits = (await served.client.get("/api/v1/conversations", params={"q": "why"})).json()
        found[version] = [
            (one["content"], hit["title"])
            for one, hit in zip(said["items"], hits["items"], strict=True)
        ]

    assert found == {version: [("Why?", f"of {version}")] for version in VERSIONS}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_backup_of_every_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    found, schemas = [], set()
    for version in VERSIONS:
        folder = folder_with(tmp_path / f"data-{version}", "old")
        backup = backup_of_version(tmp_path / version, version)
        stage(backup, folder, NOW, lambda _file: None, Watch())
        apply_pending(folder, version="1.0", now=NOW)
        state = state_of(folder)
        found.append((state.titles, state.tokens, state.is_whole))
        with closing(sqlite3.connect(folder / "agent.db")) as opened:
            schemas.add(opened.execute("SELECT version_num FROM alembic_version").fetchone()[0])

    assert found == [((f"of {version}",), ("old",), True) for version in VERSIONS]
    assert schemas == {VERSIONS[-1]}


@pytest.mark.slow
def test_a_copy_of_an_old_database_by_itself_can_be_restored(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    copy = database_of_version(tmp_path / "agent-schema-0003.db", "0003")

    stage(copy, folder, NOW, lambda _file: None, Watch())
    apply_pending(folder, version="1.0", now=NOW)

    assert state_of(folder).titles == ("of 0003",)
