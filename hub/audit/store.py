"""The table of the audit log. Nothing here changes or removes an entry, and the database lets
nobody do it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    RowMapping,
    String,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.audit.rules import FIRST, Entry, digest_of
from hub.tables import table

AUDIT = table(
    "audit",
    number=Column(BigInteger, primary_key=True),
    at=Column(String, primary_key=True),
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
# One row: the last entry's. Whoever appends holds it, and what is cut off at the end is missed.
HEAD = table(
    "audit_head",
    id=Column(Integer, primary_key=True),
    number=Column(BigInteger),
    digest=Column(String),
)
BEGIN = text(
    f"INSERT INTO audit_head (id, number, digest) VALUES (1, 0, '{FIRST}') "  # noqa: S608 - ours
    "ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is empty does not matter. `action` may end in a dot: `user.` finds
    all of users."""

    text: str = ""
    action: str = ""
    actor: str = ""
    actor_id: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""

    def where(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.text:
            columns = (AUDIT.c.actor, AUDIT.c.target, AUDIT.c.action, AUDIT.c.address)
            lowered = self.text.lower()
            found.append(or_(*(func.lower(c).contains(lowered, autoescape=True) for c in columns)))
        if self.action.endswith("."):
            found.append(AUDIT.c.action.startswith(self.action, autoescape=True))
        elif self.action:
            found.append(AUDIT.c.action == self.action)
        exact = {"actor": self.actor, "actor_id": self.actor_id, "outcome": self.outcome}
        found += [AUDIT.c[name] == value for name, value in exact.items() if value]
        if self.since:
            found.append(AUDIT.c.at >= self.since)
        if self.until:
            found.append(AUDIT.c.at < self.until)
        return found


ANYTHING = Wanted()


class Audits:
    """Every query on the log. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, **said: Any) -> Entry:  # Any: the fields of Entry but its number
        """At the end of a transaction: from here to its commit nobody else appends."""
        last = await self._last(is_held=True)
        if last is None:
            await self._connection.execute(BEGIN)
            last = await self._last(is_held=True)
        number, before = last or (0, FIRST)
        entry = Entry(number=number + 1, **said)
        digest = digest_of(entry, before)
        moved = update(HEAD).where(HEAD.c.id == 1).values(number=entry.number, digest=digest)
        await self._connection.execute(moved)
        values = {name: getattr(entry, name) for name in Entry.__slots__}
        await self._connection.execute(insert(AUDIT), [{**values, "digest": digest}])
        return entry

    async def last(self) -> tuple[int, str]:
        """The number and the digest of the last entry that was written."""
        return await self._last(is_held=False) or (0, FIRST)

    async def _last(self, *, is_held: bool) -> tuple[int, str] | None:
        query = select(HEAD.c.number, HEAD.c.digest).where(HEAD.c.id == 1)
        row = (
            await self._connection.execute(query.with_for_update() if is_held else query)
        ).first()
        return (int(row.number), str(row.digest)) if row else None

    async def found(
        self, wanted: Wanted = ANYTHING, *, before: int | None = None, limit: int = 50
    ) -> list[Entry]:
        """Newest first."""
        query = select(AUDIT).where(*wanted.where()).order_by(AUDIT.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(AUDIT.c.number < before)
        rows = await self._connection.execute(query)
        return [_entry(row)[0] for row in rows.mappings()]

    async def after(
        self, number: int, wanted: Wanted = ANYTHING, limit: int = 1000
    ) -> list[tuple[Entry, str]]:
        """Oldest first, with their digests, for the export and the check of the chain."""
        query = select(AUDIT).where(AUDIT.c.number > number, *wanted.where())
        rows = await self._connection.execute(query.order_by(AUDIT.c.number).limit(limit))
        return [_entry(row) for row in rows.mappings()]


def _entry(row: RowMapping) -> tuple[Entry, str]:
    return Entry(**{name: row[name] for name in Entry.__slots__}), row["digest"]
