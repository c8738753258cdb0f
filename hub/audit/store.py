"""The table of the audit log. Nothing here changes or removes an entry."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    RowMapping,
    String,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import locks
from hub.audit.rules import FIRST, Entry, digest_of
from hub.tables import table

AUDIT = table(
    "audit",
    number=Column(BigInteger, primary_key=True),
    at=Column(String),
    actor_id=Column(String),
    actor=Column(String),
    action=Column(String),
    target=Column(String),
    address=Column(String),
    outcome=Column(String),
    detail=Column(JSON),
    request_id=Column(String),
    digest=Column(String),
)


class Audits:
    """Every query on the log. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, **said: Any) -> Entry:  # Any: the fields of Entry but its number
        """At the end of a transaction: from here to its commit nobody else appends."""
        await locks.hold(self._connection, locks.AUDIT)
        last = (
            await self._connection.execute(
                select(AUDIT.c.number, AUDIT.c.digest).order_by(AUDIT.c.number.desc()).limit(1)
            )
        ).first()
        entry = Entry(number=(last.number if last else 0) + 1, **said)
        digest = digest_of(entry, last.digest if last else FIRST)
        values = {name: getattr(entry, name) for name in Entry.__slots__}
        await self._connection.execute(insert(AUDIT), [{**values, "digest": digest}])
        return entry

    async def found(
        self,
        *,
        text: str = "",
        action: str = "",
        actor_id: str = "",
        before: int | None = None,
        limit: int = 50,
    ) -> list[tuple[Entry, str]]:
        """Newest first, with their digests."""
        query = select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
        if text:
            like = f"%{_escaped(text.lower())}%"
            columns = (AUDIT.c.actor, AUDIT.c.target, AUDIT.c.action, AUDIT.c.address)
            query = query.where(or_(*(func.lower(c).like(like, escape="\\") for c in columns)))
        if action:
            query = query.where(AUDIT.c.action == action)
        if actor_id:
            query = query.where(AUDIT.c.actor_id == actor_id)
        if before is not None:
            query = query.where(AUDIT.c.number < before)
        rows = await self._connection.execute(query)
        return [_entry(row) for row in rows.mappings()]

    async def after(self, number: int, limit: int = 1000) -> list[tuple[Entry, str]]:
        """Oldest first, for the export and the check of the chain."""
        query = select(AUDIT).where(AUDIT.c.number > number).order_by(AUDIT.c.number).limit(limit)
        rows = await self._connection.execute(query)
        return [_entry(row) for row in rows.mappings()]


def _entry(row: RowMapping) -> tuple[Entry, str]:
    return Entry(**{name: row[name] for name in Entry.__slots__}), row["digest"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
