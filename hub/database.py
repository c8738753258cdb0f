"""The hub's database: a file, or a PostgreSQL server, brought to the schema of this version."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from sqlalchemy import Connection, create_engine, event, text

from agent.shared.database import Database
from agent.shared.databases import Databases
from agent.shared.errors import Conflict
from hub import locks
from hub.postgres import PostgresDatabase
from hub.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config


MIGRATING_S = 120.0
NEWEST = "0017"  # schema; Alembic is asked only where the database has another one

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Databases]:
    """Migrated and ready. Of several replicas that start at once one migrates, the others wait.

    Raises Unavailable if it cannot be reached and Conflict if a newer version wrote it."""
    if url := settings.async_database_url:
        server = PostgresDatabase(
            url, pool_size=settings.database_pool, overflow=settings.database_overflow
        )
        try:
            if await _stored_in(server) != NEWEST:
                await _upgrade_patiently(url)
            yield server
        finally:
            await server.close()
    else:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(upgrade_file, settings.sqlite_file)
        file = Database(settings.sqlite_file, doctor="orca-hub doctor")
        try:
            yield file
        finally:
            await file.close()


async def _stored_in(server: PostgresDatabase) -> str | None:
    """The schema of a server's database; None where there is nothing yet."""
    async with server.reading() as connection:
        is_there = text("SELECT to_regclass('alembic_version') IS NOT NULL")
        if not await connection.scalar(is_there):
            return None
        stored: str | None = await connection.scalar(
            text("SELECT version_num FROM alembic_version")
        )
        return stored


def _stored_in_file(file: Path) -> str | None:
    """The schema of a file; None where that cannot be said so easily."""
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None
    return None


async def _upgrade_patiently(url: str) -> None:
    """Another replica may take minutes for it, during which this one waits."""
    server = PostgresDatabase(url, pool_size=1, overflow=0, patience_s=MIGRATING_S)
    try:
        await upgrade_server(server)
    finally:
        await server.close()


async def upgrade_server(server: PostgresDatabase, revision: str = "head") -> None:
    """Under a lock of the server's, so that replicas do not do it twice."""
    async with server.writing() as connection:
        await locks.hold(connection, locks.MIGRATION)
        await connection.run_sync(_migrate, revision)


def upgrade_file(file: Path, revision: str = "head") -> None:
    """Blocks. Under a lock beside the file, unless there is nothing to do."""
    if revision == "head" and _stored_in_file(file) == NEWEST:
        return
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def leave_transactions_alone(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver would begin none for CREATE, and a crash would leave half a schema.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with FileLock(file.with_suffix(".migrating"), timeout=MIGRATING_S, mode=0o600):
        file.touch(mode=0o600)
        try:
            with engine.begin() as connection:
                _migrate(connection, revision)
        finally:
            engine.dispose()


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command  # slow import
    from alembic.runtime.migration import MigrationContext  # slow import
    from alembic.script import ScriptDirectory  # slow import

    config = _config(connection)
    now = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if now is not None and now not in known:
        raise Conflict(
            "newer-database",
            f"The database was written by a newer version of the hub (schema {now}, this one knows "
            f"{scripts.get_current_head()}). Update this replica.",
        )
    if revision == "head":
        command.upgrade(config, revision)
    else:
        command.downgrade(config, revision)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # slow import

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
