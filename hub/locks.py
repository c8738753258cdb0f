"""Locks that hold in the whole database until the transaction ends."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Numbers that no other program of the same server takes for its advisory locks.
MIGRATION, JOBS = 0x0CA_0B01, 0x0CA_0B03
PEOPLE = 0x0CA_0B04  # whoever changes who is an Administrator; taken before the head of the audit
PARTITIONS, USAGE = 0x0CA_0B05, 0x0CA_0B06


async def hold(connection: AsyncConnection, lock: int) -> None:
    """Waits for it. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})
