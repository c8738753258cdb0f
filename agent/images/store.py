"""Which pictures there are, and who needs them. Their bytes lie in files named by their hash."""

import orjson
from sqlalchemy import Column, Integer, String, func, insert, select, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.tables import table

IMAGE = table(
    "image",
    sha256=Column(String, primary_key=True),
    mime=Column(String),
    width=Column(Integer),
    height=Column(Integer),
    size_bytes=Column(Integer),
    created_at=Column(String),
    touched_at=Column(String),
)

UNNEEDED = text("""
DELETE FROM image WHERE sha256 IN (
  SELECT sha256 FROM image i WHERE touched_at < :before
  AND NOT EXISTS (SELECT 1 FROM image_use u WHERE u.sha256 = i.sha256)
  AND sha256 NOT IN (SELECT value FROM json_each(:held)) LIMIT :limit
) RETURNING sha256
""")
# Hashes as JSON: a list of parameters is a statement of its own each time.
KNOWN = text("""
SELECT sha256, touched_at FROM image WHERE sha256 IN (SELECT value FROM json_each(:hashes))
""")
TOUCH = text("""
UPDATE image SET touched_at = :now WHERE sha256 IN (SELECT value FROM json_each(:hashes))
RETURNING sha256
""")


class Images:
    """Every query on the table of images. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, sha256: str) -> RowMapping | None:
        query = select(IMAGE).where(IMAGE.c.sha256 == sha256)
        return (await self._connection.execute(query)).mappings().first()

    async def known(self, hashes: list[str]) -> dict[str, str]:
        """Those that are kept, each with the time when it was last asked for."""
        values = {"hashes": orjson.dumps(hashes).decode()}
        rows = await self._connection.execute(KNOWN, values)
        return {row.sha256: row.touched_at for row in rows}

    async def add(self, values: dict[str, object]) -> None:
        await self._connection.execute(insert(IMAGE).prefix_with("OR IGNORE"), values)

    async def touch(self, hashes: list[str], now: str) -> set[str]:
        """Begins their grace anew. Says which of them are there."""
        values = {"hashes": orjson.dumps(hashes).decode(), "now": now}
        return {row.sha256 for row in await self._connection.execute(TOUCH, values)}

    async def remove_unneeded(self, *, before: str, held: list[str], limit: int) -> list[str]:
        """Those that no message shows and nobody asked for since `before`."""
        values = {"before": before, "held": orjson.dumps(held).decode(), "limit": limit}
        return [row.sha256 for row in await self._connection.execute(UNNEEDED, values)]

    async def totals(self) -> tuple[int, int]:
        """How many there are, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(IMAGE.c.size_bytes), 0))
        row = (await self._connection.execute(query)).one()
        return int(row[0]), int(row[1])
