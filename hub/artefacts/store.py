"""The tables of files that models and people made, and every query on them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    Select,
    String,
    Text,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table

Row = dict[str, Any]  # Any: a row's values, by the table's column names

SET = table(
    "artefact_set",
    id=Column(String, primary_key=True),
    account_id=Column(String),
    title=Column(String),
    conversation_id=Column(String),
    created_at=Column(String),
    updated_at=Column(String),
)
ARTEFACT = table(
    "artefact",
    id=Column(String, primary_key=True),
    set_id=Column(String),
    account_id=Column(String),
    path=Column(String),
    path_key=Column(String),
    language=Column(String),
    version=Column(Integer),
    size_bytes=Column(BigInteger),
    sha256=Column(String),
    created_at=Column(String),
    updated_at=Column(String),
)
VERSION = table(
    "artefact_version",
    artefact_id=Column(String, primary_key=True),
    number=Column(Integer, primary_key=True),
    account_id=Column(String),
    content=Column(Text),
    size_bytes=Column(BigInteger),
    sha256=Column(String),
    created_at=Column(String),
    made_by=Column(String),
    model=Column(String),
    run_id=Column(String),
    message_id=Column(String),
    is_whole=Column(Boolean),
    refused_path=Column(String),
    check_state=Column(String),
    check_findings=Column(JSON),
)
TOLD = [c for c in VERSION.c if c.name not in {"content", "account_id"}]


class Sets:
    """Every query on what was made together. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, values: Mapping[str, object]) -> Row | None:
        """Added, or as new as now. From here to the commit nobody else changes its files. None
        where the id is another account's."""
        kind = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        added = kind.insert(SET).values(**values)
        query = added.on_conflict_do_update(
            index_elements=["id"],
            set_={"updated_at": added.excluded.updated_at},
            where=SET.c.account_id == values["account_id"],
        ).returning(*SET.c)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def find(self, set_id: str, account_id: str) -> Row | None:
        query = select(SET).where(SET.c.id == set_id, SET.c.account_id == account_id)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def page(self, account_id: str, after: tuple[str, str] | None, limit: int) -> list[Row]:
        """The latest first, with how many files each has."""
        files = (
            select(func.count())
            .select_from(ARTEFACT)
            .where(ARTEFACT.c.set_id == SET.c.id)
            .scalar_subquery()
        )
        query = select(SET, files.label("files")).where(SET.c.account_id == account_id)
        if after is not None:
            query = query.where(tuple_(SET.c.updated_at, SET.c.id) < tuple_(*after))
        query = query.order_by(SET.c.updated_at.desc(), SET.c.id.desc()).limit(limit)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def remove(self, set_id: str, account_id: str) -> Row | None:
        """With all files. None if the account has none of this id."""
        query = delete(SET).where(SET.c.id == set_id, SET.c.account_id == account_id)
        row = (await self._connection.execute(query.returning(*SET.c))).mappings().first()
        return dict(row) if row else None

    async def remove_empty(self, set_id: str) -> None:
        left = select(ARTEFACT.c.id).where(ARTEFACT.c.set_id == set_id).limit(1)
        if (await self._connection.execute(left)).first() is None:
            await self._connection.execute(delete(SET).where(SET.c.id == set_id))


class Artefacts:
    """Every query on files and their versions. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, artefact_id: str, account_id: str) -> Row | None:
        c = ARTEFACT.c
        return await self._first(
            select(ARTEFACT).where(c.id == artefact_id, c.account_id == account_id)
        )

    async def at(self, set_id: str, path_key: str) -> Row | None:
        c = ARTEFACT.c
        return await self._first(select(ARTEFACT).where(c.set_id == set_id, c.path_key == path_key))

    async def of(self, set_id: str, limit: int) -> list[Row]:
        query = select(ARTEFACT).where(ARTEFACT.c.set_id == set_id).order_by(ARTEFACT.c.path)
        return await self._rows(query.limit(limit))

    async def page(
        self,
        account_id: str,
        *,
        set_id: str | None,
        typed: str,
        after: tuple[str, str] | None,
        limit: int,
    ) -> list[Row]:
        """The latest first; `typed` is looked for in paths."""
        c = ARTEFACT.c
        query = select(ARTEFACT).where(c.account_id == account_id)
        if set_id:
            query = query.where(c.set_id == set_id)
        if typed:
            query = query.where(c.path_key.contains(typed.casefold(), autoescape=True))
        if after is not None:
            query = query.where(tuple_(c.updated_at, c.id) < tuple_(*after))
        return await self._rows(query.order_by(c.updated_at.desc(), c.id.desc()).limit(limit))

    async def add(self, values: Mapping[str, object]) -> None:
        await self._connection.execute(insert(ARTEFACT), [dict(values)])

    async def change(self, artefact_id: str, values: Mapping[str, object]) -> None:
        query = update(ARTEFACT).where(ARTEFACT.c.id == artefact_id).values(**values)
        await self._connection.execute(query)

    async def remove(self, artefact_id: str) -> None:
        await self._connection.execute(delete(ARTEFACT).where(ARTEFACT.c.id == artefact_id))

    async def add_version(self, values: Mapping[str, object]) -> None:
        await self._connection.execute(insert(VERSION), [dict(values)])

    async def version(self, artefact_id: str, number: int) -> Row | None:
        """With its content."""
        c = VERSION.c
        return await self._first(
            select(VERSION).where(c.artefact_id == artefact_id, c.number == number)
        )

    async def versions(self, artefact_id: str, before: int | None, limit: int) -> list[Row]:
        """The newest first, without their content."""
        query = select(*TOLD).where(VERSION.c.artefact_id == artefact_id)
        if before is not None:
            query = query.where(VERSION.c.number < before)
        return await self._rows(query.order_by(VERSION.c.number.desc()).limit(limit))

    async def latest(self, artefacts: Sequence[Row]) -> dict[str, Row]:
        """The latest version of each, without its content."""
        keys = [(one["id"], one["version"]) for one in artefacts]
        if not keys:
            return {}
        query = select(*TOLD).where(tuple_(VERSION.c.artefact_id, VERSION.c.number).in_(keys))
        return {row["artefact_id"]: row for row in await self._rows(query)}

    async def contents(self, set_id: str) -> list[tuple[str, str]]:
        """Path and content of the latest version of each file of a set, by path."""
        query = (
            select(ARTEFACT.c.path, VERSION.c.content)
            .join(
                VERSION,
                (VERSION.c.artefact_id == ARTEFACT.c.id) & (VERSION.c.number == ARTEFACT.c.version),
            )
            .where(ARTEFACT.c.set_id == set_id)
            .order_by(ARTEFACT.c.path)
        )
        return [(row.path, row.content) for row in await self._connection.execute(query)]

    async def to_check(self, artefact_id: str, number: int) -> Row | None:
        """Language and content; None where it is gone, or was looked at already."""
        query = (
            select(VERSION.c.artefact_id, VERSION.c.number, VERSION.c.content, ARTEFACT.c.language)
            .join(ARTEFACT, ARTEFACT.c.id == VERSION.c.artefact_id)
            .where(
                VERSION.c.artefact_id == artefact_id,
                VERSION.c.number == number,
                VERSION.c.check_state == "waiting",
            )
        )
        return await self._first(query)

    async def checked(
        self, artefact_id: str, number: int, state: str, findings: Sequence[Mapping[str, object]]
    ) -> None:
        query = update(VERSION).where(
            VERSION.c.artefact_id == artefact_id, VERSION.c.number == number
        )
        values = {"check_state": state, "check_findings": list(findings)}
        await self._connection.execute(query.values(**values))

    async def size_bytes(self, account_id: str) -> int:
        """Of all versions of all files of an account."""
        query = select(func.coalesce(func.sum(VERSION.c.size_bytes), 0))
        found = await self._connection.execute(query.where(VERSION.c.account_id == account_id))
        return int(found.scalar_one())

    async def _first(self, query: Select[Any]) -> Row | None:  # Any: columns
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def _rows(self, query: Select[Any]) -> list[Row]:  # Any: columns
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]
