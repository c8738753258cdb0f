"""The table of answers that can be given again."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    String,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.statements import Statement
from agent.shared.tables import table

# An answer as JSON, under the hash of all that it depends on.
ANSWER = table(
    "answer",
    key=Column(String, primary_key=True),
    created_at=Column(String),
    used_at=Column(String),
    size_bytes=Column(Integer),
    answer=Column(LargeBinary),
)

FIND = Statement(select(ANSWER).where(ANSWER.c.key == bindparam("key")))
ADD = Statement(insert(ANSWER).prefix_with("OR REPLACE"))
TOUCH = text("UPDATE answer SET used_at = :used_at WHERE key = :key")
SHRINK = text("""
DELETE FROM answer WHERE rowid IN (
  SELECT rowid FROM (
    SELECT rowid, sum(size_bytes) OVER (ORDER BY used_at DESC, rowid DESC) AS so_far FROM answer
  ) WHERE so_far > :limit_bytes
)
""")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A row. Times are RFC 3339; the answer is JSON."""

    key: str
    created_at: str
    used_at: str
    size_bytes: int
    answer: bytes


class StoredAnswers:
    """Every query on the table of answers. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, key: str) -> KeptAnswer | None:
        row = await FIND.first(self._connection, {"key": key})
        return KeptAnswer(**row) if row else None

    async def add(self, rows: Iterable[KeptAnswer]) -> None:
        """Each in the place of what was kept under its key."""
        values = [asdict(row) for row in rows]
        await ADD.run(self._connection, *values)

    async def touch(self, used: Mapping[str, str]) -> None:
        """When each was used last."""
        if used:
            values = [{"key": key, "used_at": used_at} for key, used_at in used.items()]
            await self._connection.execute(TOUCH, values)

    async def shrink(self, limit_bytes: int) -> None:
        """Removes those that were used longest ago, until the rest is within the limit."""
        await self._connection.execute(SHRINK, {"limit_bytes": limit_bytes})

    async def remove_older(self, before: str, limit: int) -> int:
        """Removes some that were made before; says how many."""
        old = select(ANSWER.c.key).where(ANSWER.c.created_at < before).limit(limit)
        query = delete(ANSWER).where(ANSWER.c.key.in_(old)).returning(ANSWER.c.key)
        return len((await self._connection.execute(query)).all())

    async def totals(self) -> tuple[int, int]:
        """How many there are, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(ANSWER.c.size_bytes), 0))
        row = (await self._connection.execute(query)).one()
        return int(row[0]), int(row[1])
