"""Which files of the slicer there are, and what was found in them."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import orjson
from pydantic import TypeAdapter
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    String,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.tables import table
from agent.slicer.files.rules import END_BYTES, Kept
from agent.slicer.rules import Facts, Finding, SlicerFile

# `facts` is without the settings, so that a list of files need not read them.
FILE = table(
    "slicer_file",
    id=Column(String, primary_key=True),
    name=Column(String),
    kind=Column(String),
    size_bytes=Column(Integer),
    sha256=Column(String),
    created_at=Column(String),
    source=Column(String),
    is_whole=Column(Boolean),
    facts=Column(LargeBinary),
    settings=Column(LargeBinary),
    findings=Column(LargeBinary),
)

ANALYSIS = table(
    "slicer_analysis",
    file_id=Column(String, primary_key=True),
    created_at=Column(String),
    packed=Column(LargeBinary),
)


IS_ANALYSED = select(ANALYSIS.c.file_id).where(ANALYSIS.c.file_id == FILE.c.id).exists()
SHORT = [column for column in FILE.c if column.name != "settings"]


class SlicerFiles:
    """Every query on the tables of files and of analyses. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, file: SlicerFile) -> None:
        values = {
            "id": file.id,
            "name": file.name,
            "kind": file.kind,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "created_at": file.created_at,
            "source": file.source,
            "is_whole": file.is_whole,
            **_told(file.facts),
            "findings": _findings().dump_json(file.findings),
        }
        await self._connection.execute(insert(FILE), values)

    async def find(self, file_id: str) -> tuple[SlicerFile, bool] | None:
        """With its settings, and whether every move of it was analysed."""
        query = select(FILE, IS_ANALYSED.label("is_analysed")).where(FILE.c.id == file_id)
        row = (await self._connection.execute(query)).mappings().first()
        return (_file(row), bool(row["is_analysed"])) if row else None

    async def latest(self, before: str | None, limit: int) -> list[tuple[SlicerFile, bool]]:
        """Newest first, older than the id `before`; without their settings."""
        query: Select[tuple[object, ...]] = (
            select(*SHORT, IS_ANALYSED.label("is_analysed")).order_by(FILE.c.id.desc()).limit(limit)
        )
        if before:
            query = query.where(FILE.c.id < before)
        rows = (await self._connection.execute(query)).mappings()
        return [(_file(row), bool(row["is_analysed"])) for row in rows]

    async def several(self, file_ids: list[str]) -> dict[str, SlicerFile]:
        """Those of them that are here, without their settings."""
        query = select(*SHORT).where(FILE.c.id.in_(file_ids))
        rows = (await self._connection.execute(query)).mappings()
        return {row["id"]: _file(row) for row in rows}

    async def kept(self) -> list[Kept]:
        """All of them, newest first."""
        query = select(FILE.c.id, FILE.c.size_bytes, FILE.c.is_whole).order_by(FILE.c.id.desc())
        rows = await self._connection.execute(query)
        return [
            Kept(row.id, row.size_bytes if row.is_whole else min(row.size_bytes, 2 * END_BYTES))
            for row in rows
        ]

    async def remove(self, file_ids: Iterable[str]) -> list[str]:
        """With all that hangs on them. Says which there were."""
        query = delete(FILE).where(FILE.c.id.in_(list(file_ids))).returning(FILE.c.id)
        return [row.id for row in await self._connection.execute(query)]

    async def remove_announced(self, file: SlicerFile, since: str) -> list[str]:
        """A script told of this very file a moment ago, before it came: one is enough."""
        query = delete(FILE).where(
            FILE.c.is_whole.is_(False),
            FILE.c.name == file.name,
            FILE.c.size_bytes == file.size_bytes,
            FILE.c.created_at >= since,
        )
        return [row.id for row in await self._connection.execute(query.returning(FILE.c.id))]

    async def keep_analysis(
        self,
        file_id: str,
        at: str,
        packed: bytes,
        findings: tuple[Finding, ...],
        facts: Facts | None = None,
    ) -> None:
        """In place of an earlier one, with what the checks say now, and facts that it added."""
        values = {"file_id": file_id, "created_at": at, "packed": packed}
        await self._connection.execute(insert(ANALYSIS).prefix_with("OR REPLACE"), values)
        changed = update(FILE).where(FILE.c.id == file_id)
        told = {"findings": _findings().dump_json(findings), **(_told(facts) if facts else {})}
        await self._connection.execute(changed, told)

    async def analysis(self, file_id: str) -> bytes | None:
        query = select(ANALYSIS.c.packed).where(ANALYSIS.c.file_id == file_id)
        return (await self._connection.execute(query)).scalar_one_or_none()


def _told(facts: Facts) -> dict[str, bytes]:
    """In two columns: a list of files reads one of them."""
    return {
        "facts": _facts().dump_json(replace(facts, settings={}, written={})),
        "settings": orjson.dumps([dict(facts.settings), dict(facts.written)]),
    }


def _file(row: RowMapping) -> SlicerFile:
    facts = _facts().validate_json(row["facts"])
    if "settings" in row:
        settings, written = orjson.loads(row["settings"])
        facts = replace(facts, settings=settings, written=written)
    return SlicerFile(
        row["id"],
        row["name"],
        row["kind"],
        row["size_bytes"],
        row["created_at"],
        facts,
        _findings().validate_json(row["findings"]),
        row["sha256"],
        row["source"],
        bool(row["is_whole"]),
    )


@cache
def _facts() -> TypeAdapter[Facts]:
    return TypeAdapter(Facts)


@cache
def _findings() -> TypeAdapter[tuple[Finding, ...]]:
    return TypeAdapter(tuple[Finding, ...])
