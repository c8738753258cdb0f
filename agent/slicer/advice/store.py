"""The tables of advice and of what a question was sent with, and every query on them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from agent.shared.statements import Statement

Row = dict[str, Any]  # Any: a row's values, by the table's column names


class AdviceRow(SQLModel, table=True):
    __tablename__ = "advice"
    id: str = Field(primary_key=True)
    created_at: str
    source: str
    file_id: str | None = None
    filament: int
    message_id: str | None = None
    question: str
    answer: str
    model: str | None = None
    targets: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # Any: JSON
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))  # Any: JSON
    notes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    outcome: dict[str, Any] | None = Field(  # Any: JSON
        default=None, sa_column=Column(JSON(none_as_null=True))
    )
    __table_args__ = (Index("advice_of_file", "file_id", "id"),)


class MessageEvidenceRow(SQLModel, table=True):
    __tablename__ = "message_evidence"
    message_id: str = Field(
        sa_column=Column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    )
    pieces: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))  # Any: JSON
    tools: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))  # Any: JSON


ADVICE = AdviceRow.__table__  # type: ignore[attr-defined] # SQLModel's own
EVIDENCE = MessageEvidenceRow.__table__  # type: ignore[attr-defined] # SQLModel's own
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
