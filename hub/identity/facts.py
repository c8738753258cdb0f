"""Single facts of the whole hub, by name."""

from typing import Any

from sqlalchemy import JSON, Column, String, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table

FACT = table("fact", name=Column(String, primary_key=True), value=Column(JSON))


class Facts:
    """Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, name: str) -> Any:  # Any: JSON values
        """None where there is none."""
        query = select(FACT.c.value).where(FACT.c.name == name)
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def keep(self, name: str, value: object) -> None:
        await self.forget(name)
        await self._connection.execute(insert(FACT), [{"name": name, "value": value}])

    async def forget(self, name: str) -> None:
        await self._connection.execute(delete(FACT).where(FACT.c.name == name))
