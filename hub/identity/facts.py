"""Single facts of the whole hub, by name."""

from typing import Any

from sqlalchemy import JSON, Column, String, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.groups.table_store import inserting
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
        """In place of the one before, also when somebody else keeps one right now."""
        kept = inserting(self._connection, FACT).values(name=name, value=value)
        await self._connection.execute(
            kept.on_conflict_do_update(index_elements=["name"], set_={"value": value})
        )

    async def forget(self, name: str) -> None:
        await self._connection.execute(delete(FACT).where(FACT.c.name == name))
