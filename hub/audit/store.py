"""The table of the audit log. Nothing here changes an entry, and the database lets nobody do it;
entries at the beginning are removed as far as they were cut off, and that is kept."""

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
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.audit.rules import FIRST, Cut, Entry, digest_of
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
# The last entry of each part that was cut off at the beginning. What is here may be removed.
CUT = table(
    "audit_cut",
    number=Column(BigInteger, primary_key=True),
    at=Column(String),
    digest=Column(String),
    cut_at=Column(String),
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

    async def hold(self) -> None:
        """From here to the end of the transaction nobody else appends or cuts."""
        await self._last(is_held=True)

    async def last_before(self, moment: str) -> tuple[Entry, str] | None:
        """The last one of those at the beginning that are all older, with its digest. Clocks of
        replicas differ: what is older and stands behind something newer stays with it."""
        newer = select(func.min(AUDIT.c.number)).where(AUDIT.c.at >= moment).scalar_subquery()
        query = select(AUDIT).where(AUDIT.c.number < func.coalesce(newer, 1 << 62))
        row = (
            (await self._connection.execute(query.order_by(AUDIT.c.number.desc()).limit(1)))
            .mappings()
            .first()
        )
        return _entry(row) if row else None

    async def add_cut(self, cut: Cut) -> None:
        """From now on the entries up to it may be removed."""
        values = {name: getattr(cut, name) for name in Cut.__slots__}
        await self._connection.execute(insert(CUT), [values])

    async def remove_to(self, cut: Cut) -> None:
        """What was cut off and is still there."""
        await self._connection.execute(delete(AUDIT).where(AUDIT.c.number <= cut.number))

    async def count_to(self, number: int) -> int:
        query = select(func.count()).select_from(AUDIT).where(AUDIT.c.number <= number)
        return int((await self._connection.execute(query)).scalar_one())

    async def last_cut(self) -> Cut | None:
        """Where the log begins now; None where it begins with its first entry."""
        query = select(CUT).order_by(CUT.c.number.desc()).limit(1)
        row = (await self._connection.execute(query)).mappings().first()
        return Cut(**row) if row else None

    async def found(
        self, wanted: Wanted = ANYTHING, *, before: int | None = None, limit: int = 50
    ) -> list[Entry]:
        """Newest first."""
        query = select(AUDIT).where(*wanted.where()).order_by(AUDIT.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(AUDIT.c.number < before)
        rows = await self._connection.execute(query)
        return [_entry(row)[0] for row in rows.mappings()]

    async def count(self, wanted: Wanted) -> int:
        query = select(func.count()).select_from(AUDIT).where(*wanted.where())
        return int((await self._connection.execute(query)).scalar_one())

    async def after(
        self, number: int, wanted: Wanted = ANYTHING, limit: int = 1000
    ) -> list[tuple[Entry, str]]:
        """Oldest first, with their digests, for the export and the check of the chain."""
        query = select(AUDIT).where(AUDIT.c.number > number, *wanted.where())
        rows = await self._connection.execute(query.order_by(AUDIT.c.number).limit(limit))
        return [_entry(row) for row in rows.mappings()]


def _entry(row: RowMapping) -> tuple[Entry, str]:
    return Entry(**{name: row[name] for name in Entry.__slots__}), row["digest"]
