"""Whichever form of the migrations made a database, it ends at the same schema."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from hub.database import open_database, upgrade_file, upgrade_server
from hub.postgres import PostgresDatabase
from hub.settings import load
from tests.hub.postgres import Postgres

BEFORE = "0014"
# As 0007 once made them.
WAITING = """
    CREATE INDEX artefact_version_waiting ON artefact_version (check_state, created_at)
"""
WORDS = (
    "DROP INDEX message_words",
    """
    CREATE INDEX message_words ON message
      USING gin (to_tsvector('simple', left(content, 200000)))
    """,
)
OF_FILE = "SELECT name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
OF_SERVER = """
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
    ORDER BY indexname
"""

pytestmark = pytest.mark.slow


def test_a_file_of_an_older_form_ends_at_the_same_schema(tmp_path: Path) -> None:
    fresh, older = tmp_path / "fresh.db", tmp_path / "older.db"
    upgrade_file(fresh)
    upgrade_file(older)
    upgrade_file(older, BEFORE)
    engines = [create_engine(f"sqlite:///{file}") for file in (fresh, older)]
    with engines[1].begin() as connection:
        connection.execute(text(WAITING))
    upgrade_file(older)
    found = []
    for engine in engines:
        with engine.connect() as connection:
            found.append(connection.execute(text(OF_FILE)).all())
        engine.dispose()

    assert found[0] == found[1]


async def test_a_server_of_an_older_form_ends_at_the_same_schema(
    server: Postgres, tmp_path: Path
) -> None:
    found = []
    for is_older in (False, True):
        settings = load({"ORCA_HUB_DATABASE_URL": server.new_database()}, data_dir=tmp_path)
        async with open_database(settings) as database:
            assert isinstance(database, PostgresDatabase)
            if is_older:
                await upgrade_server(database, BEFORE)
                async with database.writing() as connection:
                    for statement in (WAITING, *WORDS):
                        await connection.execute(text(statement))
                await upgrade_server(database)
            async with database.reading() as connection:
                found.append((await connection.execute(text(OF_SERVER))).all())

    assert found[0] == found[1]
