"""The hub's schema: the same tables in code, on SQLite and on PostgreSQL, up and down."""

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from sqlalchemy import Connection, create_engine, inspect

import hub
from hub.commands.migrating import revisions
from hub.database import NEWEST, open_database, upgrade_file, upgrade_server
from hub.postgres import PostgresDatabase
from hub.settings import Settings, load
from hub.tables import METADATA
from tests.hub.postgres import Postgres

OTHERS = {"alembic_version"}


def tables_in_code() -> dict[str, list[str]]:
    for module in walk_packages(hub.__path__, "hub."):
        if module.name.endswith("store"):
            import_module(module.name)
    return {
        table.name: sorted(column.name for column in table.columns)
        for table in METADATA.sorted_tables
    }


def tables_there(connection: Connection) -> dict[str, list[str]]:
    """Partitions are parts of their tables, not tables, and SQLite's indexes of words are none."""
    seen = inspect(connection)
    names = {name for name in seen.get_table_names() if "_fts" not in name} - OTHERS
    return {name: sorted(c["name"] for c in seen.get_columns(name)) for name in names}


def test_the_file_has_the_tables_of_the_code_and_goes_back_to_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hub.db"
    engine = create_engine(f"sqlite:///{file}")
    upgrade_file(file)
    with engine.connect() as connection:
        up = tables_there(connection)
    upgrade_file(file, "base")
    with engine.connect() as connection:
        down = tables_there(connection)
    upgrade_file(file)
    with engine.connect() as connection:
        again = tables_there(connection)
    engine.dispose()

    assert (up, down, again) == (tables_in_code(), {}, up)


def test_the_newest_schema_is_known_without_a_look_at_all_of_them() -> None:
    assert revisions()[-1] == NEWEST


@pytest.mark.slow
async def test_the_server_has_the_tables_of_the_code_and_goes_back_to_nothing(
    server: Postgres, tmp_path: Path
) -> None:
    settings = _settings(tmp_path, server)
    async with open_database(settings) as database:
        assert isinstance(database, PostgresDatabase)
        async with database.reading() as connection:
            up = await connection.run_sync(tables_there)
        await upgrade_server(database, "base")
        async with database.reading() as connection:
            down = await connection.run_sync(tables_there)

    expected = tables_in_code()
    assert {name: columns for name, columns in up.items() if name in expected} == expected
    assert down == {}


def _settings(folder: Path, server: Postgres) -> Settings:
    return load({"ORCA_HUB_DATABASE_URL": server.new_database()}, data_dir=folder)
