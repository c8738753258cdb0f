"""The tables of advice and of what a question was sent with, and every query on them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, Integer, String, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.statements import Statement
from agent.shared.tables import table

Row = dict[str, Any]  # Any: a row's values, by the table's column names


ADVICE = table(
    "advice",
    id=Column(String, primary_key=True),
    created_at=Column(String),
    source=Column(String),
    file_id=Column(String),
    filament=Column(Integer),
    message_id=Column(String),
    question=Column(String),
    answer=Column(String),
    model=Column(String),
    targets=Column(JSON),
    lines=Column(JSON),
    notes=Column(JSON),
    outcome=Column(JSON(none_as_null=True)),
)

EVIDENCE = table(
    "message_evidence",
    message_id=Column(String, primary_key=True),
    pieces=Column(JSON),
    tools=Column(JSON),
)


ADD = Statement(insert(ADVICE))
FIND = Statement(select(*ADVICE.c).where(ADVICE.c.id == bindparam("key")))
CHANGE = Statement(update(ADVICE).where(ADVICE.c.id == bindparam("key")))
KEEP = Statement(insert(EVIDENCE).prefix_with("OR REPLACE"))
SENT = Statement(select(*EVIDENCE.c).where(EVIDENCE.c.message_id == bindparam("key")))


class AdviceStore:
    """Every query on the table of advice. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Mapping[str, object]) -> None:
        await ADD.run(self._connection, values)

    async def find(self, advice_id: str) -> Row | None:
        return await FIND.first(self._connection, {"key": advice_id})

    async def change(self, advice_id: str, values: Mapping[str, object]) -> None:
        await CHANGE.run(self._connection, {"key": advice_id, **values})

    async def remove(self, advice_id: str) -> bool:
        """Whether there was one."""
        gone = delete(ADVICE).where(ADVICE.c.id == advice_id).returning(ADVICE.c.id)
        return (await self._connection.execute(gone)).first() is not None

    async def page(self, file_id: str | None, before: str | None, limit: int) -> list[Row]:
        """Newest first, older than the id `before`."""
        query = select(*ADVICE.c).order_by(ADVICE.c.id.desc()).limit(limit)
        if file_id is not None:
            query = query.where(ADVICE.c.file_id == file_id)
        if before is not None:
            query = query.where(ADVICE.c.id < before)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]


class EvidenceStore:
    """Every query on what questions were sent with. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(
        self, message_id: str, pieces: list[dict[str, object]], tools: list[dict[str, object]]
    ) -> None:
        """What a message's answer was made of; what was kept before makes room."""
        values = {"message_id": message_id, "pieces": pieces, "tools": tools}
        await KEEP.run(self._connection, values)

    async def of(self, message_id: str) -> Row | None:
        return await SENT.first(self._connection, {"key": message_id})
