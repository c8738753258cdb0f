"""Which pictures there are. Their bytes lie in files named by their hash."""

from sqlalchemy import func, insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel


class ImageRow(SQLModel, table=True):
    __tablename__ = "image"
    sha256: str = Field(primary_key=True)
    mime: str
    width: int
    height: int
    size_bytes: int
    created_at: str


IMAGE = ImageRow.__table__  # type: ignore[attr-defined] # SQLModel's own


class Images:
    """Every query on the table of images. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, sha256: str) -> RowMapping | None:
        query = select(IMAGE).where(IMAGE.c.sha256 == sha256)
        return (await self._connection.execute(query)).mappings().first()

    async def known(self, hashes: list[str]) -> set[str]:
        query = select(IMAGE.c.sha256).where(IMAGE.c.sha256.in_(hashes))
        return {row.sha256 for row in await self._connection.execute(query)}

    async def add(self, values: dict[str, object]) -> None:
        await self._connection.execute(insert(IMAGE).prefix_with("OR IGNORE"), values)

    async def totals(self) -> tuple[int, int]:
        """How many there are, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(IMAGE.c.size_bytes), 0))
        row = (await self._connection.execute(query)).one()
        return int(row[0]), int(row[1])
