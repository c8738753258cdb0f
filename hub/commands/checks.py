"""What can be wrong with a hub and what it stands on, each with its remedy."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, create_engine, text

from agent.shared.clock import system_clock
from agent.shared.errors import OrcaError
from agent.shared.findings import Check, State, good, warning, wrong
from agent.shared.private_file import Distrusted, read_private
from hub.audit.service import AuditService
from hub.audit.upkeep import sentence
from hub.commands.migrating import revisions
from hub.health import Part
from hub.postgres import PostgresDatabase
from hub.redis import SharedRedis
from hub.sealing import FILE_NAME, KEY_CHARACTERS
from hub.serve import is_loopback
from hub.settings import BadSettings, Settings, load
from hub.users.service import UserService

LITTLE_DISK_BYTES, NO_DISK_BYTES = 2_000_000_000, 100_000_000
SOME_SKEW, MUCH_SKEW = timedelta(seconds=2), timedelta(seconds=30)
PATIENCE_S = 15.0
OWN_PARTS = {"database", "redis", "jobs", "loops"}  # looked at here, or of a hub that runs


async def examine() -> AsyncIterator[Check]:
    """One after the other, what others need first. Changes nothing."""
    try:
        settings = load()
    except BadSettings as err:
        yield wrong("settings", str(err), "Correct it; `orca-hub serve` does not start with it.")
        return
    yield good("settings", f"The hub is at {settings.origin}.")
    for check in (_address, _folder, _disk, _secret_key):
        yield check(settings)
    is_whole = True
    async for one in _database(settings):
        is_whole = is_whole and one.state is State.GOOD
        yield one
    if settings.redis_url is None:
        yield good("redis", "It is not set: one hub alone needs none.")
    else:
        async for one in _redis(SharedRedis(settings.redis_url.get_secret_value())):
            yield one
    if not settings.oidc_issuer:
        yield good("oidc", "It is not set: people sign in with accounts of the hub.")
    if is_whole:  # or it would be brought up to date, and nothing here changes anything
        async for one in _parts(settings):
            yield one


def _address(settings: Settings) -> Check:
    if not settings.proxies and not is_loopback(settings.host):
        return wrong(
            "address",
            f"Passwords would cross the network in plain text at {settings.host}.",
            "Put a proxy with TLS before the hub and set ORCA_HUB_PROXIES=1.",
        )
    if settings.proxies and not settings.is_secure:
        return warning(
            "address",
            "A proxy is declared, and the public address is not https.",
            "Set ORCA_HUB_PUBLIC_URL to the https address that people use.",
        )
    if not settings.is_secure and not is_loopback(urlsplit(settings.origin).hostname or ""):
        return warning(
            "address",
            f"Passwords would cross the network in plain text at {settings.origin}, and agents do "
            "not sign in there.",
            "Put a proxy with TLS before the hub, and set ORCA_HUB_PUBLIC_URL to its https "
            "address and ORCA_HUB_PROXIES=1.",
        )
    return good("address", f"It listens on {settings.host}, port {settings.port}.")


def _folder(settings: Settings) -> Check:
    folder = settings.data_dir
    if not folder.is_dir():
        return good("folder", f"{folder} is made at the first start.")
    if not os.access(folder, os.W_OK):
        return wrong("folder", f"{folder} cannot be written.", "Give it to the hub's user.")
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        return warning(
            "folder", f"Other users of this computer can look into {folder}.", f"chmod 700 {folder}"
        )
    return good("folder", f"{folder} is the hub's alone.")


def _disk(settings: Settings) -> Check:
    there = next(one for one in (settings.data_dir, *settings.data_dir.parents) if one.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.1f} GB are free on the disk of {settings.data_dir}."
    if free < NO_DISK_BYTES:
        return wrong("disk", said, "Free some space: nothing can be saved any more.")
    if free < LITTLE_DISK_BYTES:
        return warning("disk", said, "Free some space soon.")
    return good("disk", said)


def _secret_key(settings: Settings) -> Check:
    if settings.secret_key is not None:
        return good("secret key", "It is set.")
    if settings.database_url is not None:
        return warning(
            "secret key",
            "It is not set: this replica makes its own, and no other can read what it seals.",
            "Set ORCA_HUB_SECRET_KEY_FILE, the same for every replica.",
        )
    try:
        kept = read_private(settings.data_dir / FILE_NAME, limit_bytes=KEY_CHARACTERS)
    except (OSError, Distrusted) as err:
        return wrong("secret key", f"{FILE_NAME} cannot be used: {err}.", "chmod 600 it.")
    if kept:
        return good("secret key", "It is in the data folder. Keep a copy with your backups.")
    return good("secret key", "It is made at the start.")


async def _database(settings: Settings) -> AsyncIterator[Check]:
    url = settings.async_database_url
    if url is None:
        yield await asyncio.to_thread(_file, settings.sqlite_file)
        return
    server = PostgresDatabase(url, pool_size=1, overflow=0)
    try:
        async with asyncio.timeout(PATIENCE_S), server.reading() as connection:
            version = await connection.scalar(text("SHOW server_version"))
            now = await connection.scalar(text("SELECT extract(epoch FROM now())::float8"))
            yield good("database", f"PostgreSQL {version} answers.")
            yield await connection.run_sync(_schema)
            yield _skew("the database", float(now or 0))
    except (OrcaError, TimeoutError) as err:
        said = err.detail if isinstance(err, OrcaError) else "It does not answer in time."
        fix = "Look at ORCA_HUB_DATABASE_URL, and whether the server runs and lets the hub in."
        yield wrong("database", said, fix)
    finally:
        await server.close()


def _file(file: Path) -> Check:
    if not file.is_file():
        return good("database", "SQLite; the file is made at the first start.")
    engine = create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    try:
        with engine.connect() as connection:
            found = connection.execute(text("PRAGMA quick_check")).scalar()
            if found != "ok":
                fix = "Stop the hub, and put a backup of the file in its place."
                return wrong("database", f"The file {file} is damaged: {found}.", fix)
            return _schema(connection)
    finally:
        engine.dispose()


def _schema(connection: Connection) -> Check:
    from alembic.runtime.migration import MigrationContext  # slow import

    now, known = MigrationContext.configure(connection).get_current_revision(), revisions()
    if now == known[-1]:
        return good("schema", f"It is that of this version ({now}).")
    if now is None:
        return warning("schema", "The database is empty.", "`orca-hub serve` makes the tables.")
    if now in known:
        fix = "`orca-hub serve` brings it up to date, or `orca-hub migrate` before."
        return warning("schema", f"It is older ({now}) than this version's ({known[-1]}).", fix)
    fix = "Update this hub, or go back with the newer one: `orca-hub migrate --down`."
    return wrong("schema", f"A newer version wrote the database (schema {now}).", fix)


def _skew(where: str, at_s: float) -> Check:
    apart = timedelta(seconds=abs(system_clock().timestamp() - at_s))
    said = f"The clocks of this computer and of {where} are {apart.total_seconds():.1f} s apart."
    if apart > MUCH_SKEW:
        return wrong("time", said, "Set both by NTP: sessions and one-time codes depend on it.")
    if apart > SOME_SKEW:
        return warning("time", said, "Set both by NTP.")
    return good("time", said)


async def _redis(redis: SharedRedis) -> AsyncIterator[Check]:
    try:
        with redis.asking() as client:
            async with asyncio.timeout(PATIENCE_S):
                server = await client.info("server")
                memory = await client.info("memory")
        yield good("redis", f"Redis {server['redis_version']} answers.")
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            fix = "Set maxmemory-policy to noeviction, or give the hub a Redis of its own."
            said = f"It throws away what it holds when it is full ({policy})."
            yield warning("redis", said, fix)
    except (OrcaError, TimeoutError) as err:
        said = err.detail if isinstance(err, OrcaError) else "It does not answer in time."
        yield wrong("redis", said, "Look at ORCA_HUB_REDIS_URL, and whether the server runs.")
    finally:
        await redis.close()


async def _part(part: Part) -> Check:
    try:
        async with asyncio.timeout(PATIENCE_S):
            if part.examine is not None:
                return good(part.name, await part.examine())
            await part.check()
    except (OrcaError, TimeoutError) as err:
        said = err.detail if isinstance(err, OrcaError) else "No answer in time."
        fix = part.fix or f"Look at the settings of {part.name}; the hub works without it."
        return (wrong if part.is_needed or part.is_wrong else warning)(part.name, said, fix)
    return good(part.name, "It answers.")


async def _people(users: UserService) -> Check:
    if await users.found("", None, 1):
        return good("people", "There are accounts.")
    fix = "Open the link that `orca-hub serve` prints: it makes the first Administrator."
    return warning("people", "There is no account yet.", fix)


async def _audit(audit: AuditService) -> Check:
    """Reads all of it."""
    chain = await audit.check()
    if chain.broken_at is None:
        return good("audit log", sentence(chain))
    fix = "Compare it with your exports and backups, and look who can write the database."
    return wrong("audit log", sentence(chain), fix)


async def _parts(settings: Settings) -> AsyncIterator[Check]:
    """What the areas stand on: providers of models, and of identities."""
    from hub.app import open_hub  # slow import

    if settings.database_url is None and not settings.sqlite_file.is_file():
        return
    try:
        async with open_hub(settings, kind="command") as hub:
            for part in hub.parts:
                if part.name in OWN_PARTS:
                    continue
                yield await _part(part)
            yield await _people(hub.users)
            yield await _audit(hub.core.audit)
    except OrcaError as err:
        yield wrong("start", err.detail, "See above; `orca-hub serve` says the same.")
