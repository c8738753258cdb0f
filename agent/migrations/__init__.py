"""Brings the database to the schema of this version, with a copy of the file made before."""

import sqlite3
from contextlib import closing
from datetime import datetime
from importlib import import_module
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError

from agent.migrations.looking import explained, schema_in

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
KEPT_BACKUPS = 5
ALEMBIC_TABLE = (  # as Alembic makes it
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def migrate(file: Path, *, now: datetime) -> bool:
    """Blocking. Says whether anything had to be done.

    Raises Conflict if a newer version of the program wrote the file, Unavailable if it is broken
    or another program's, and NoSpace. It is left as it is then."""
    try:
        version = schema_in(file, VERSIONS[-1])
        if version == VERSIONS[-1]:
            return False
        if version is not None:
            back_up(file, file.parent / "backups", label=f"schema-{version}", now=now)
            _upgrade(file)
        else:
            _create(file)
    except (sqlite3.Error, DatabaseError) as err:
        cause = err.orig if isinstance(err, DatabaseError) else err
        raise explained(cause or err, file) from err
    return True


def back_up(file: Path, folder: Path, *, label: str, now: datetime) -> Path:
    """A consistent copy, made while the file may be in use; only the latest few are kept."""
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"{file.stem}-{label}-{now:%Y%m%dT%H%M%S}.db"
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.Error:
        copy.unlink(missing_ok=True)  # half a copy would take the place of a whole one
        raise
    copy.chmod(0o600)
    ours = folder.glob(f"{file.stem}-*.db")
    for old in sorted(ours, key=lambda path: path.stat().st_mtime)[:-KEPT_BACKUPS]:
        old.unlink()
    return copy


def _create(file: Path) -> None:
    """Every revision on a new file, without Alembic: a tenth of a second of the first start."""
    folder = Path(__file__).parent / "versions"
    names = sorted(path.stem for path in folder.glob("0*.py"))
    file.touch(mode=0o600)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for name in names:
            for statement in import_module(f"{__name__}.versions.{name}").STATEMENTS:
                connection.execute(statement)
        connection.execute(ALEMBIC_TABLE)
        connection.execute("INSERT INTO alembic_version VALUES (?)", (VERSIONS[-1],))
        connection.execute("COMMIT")


def _upgrade(file: Path) -> None:
    from alembic import command  # slow import
    from alembic.config import Config  # slow import

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    file.touch(mode=0o600)
    engine = create_engine(URL.create("sqlite", database=str(file)))

    @event.listens_for(engine, "connect")
    def leave_transactions_alone(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver would begin none for CREATE, and a crash would leave half a schema.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
