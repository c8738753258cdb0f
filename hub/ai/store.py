"""The tables of model servers, routes and policy."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    String,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table

PROVIDER = table(
    "provider",
    id=Column(String, primary_key=True),
    name=Column(String),
    kind=Column(String),
    url=Column(String),
    key_sealed=Column(Text),
    is_cloud=Column(Boolean),
    priority=Column(Integer),
    parallel=Column(Integer),
    models=Column(JSON),
    is_on=Column(Boolean),
    created_at=Column(String),
    updated_at=Column(String),
)
ROUTE = table(
    "model_route",
    id=Column(String, primary_key=True),
    pattern=Column(String),
    position=Column(Integer),
    by=Column(String),
    candidates=Column(JSON),
    is_on=Column(Boolean),
    note=Column(String),
    created_at=Column(String),
    updated_at=Column(String),
)
POLICY = table(
    "model_policy",
    subject_kind=Column(String, primary_key=True),
    subject=Column(String, primary_key=True),
    models=Column(JSON),
    providers=Column(JSON),
    cloud=Column(Boolean),
)
VERSION = table("model_version", name=Column(String, primary_key=True), number=Column(BigInteger))
CURRENT = "current"
Row = Mapping[str, Any]  # Any: a row's values


class Models:
    """Every query on these tables. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._at = connection

    async def version(self) -> int:
        """Grows with each change of what stands in these tables."""
        query = select(VERSION.c.number).where(VERSION.c.name == CURRENT)
        return int((await self._at.execute(query)).scalar_one_or_none() or 0)

    async def has_changed(self) -> None:
        """Tells every replica to look again."""
        words = postgresql if self._at.dialect.name == "postgresql" else sqlite
        first = words.insert(VERSION).values(name=CURRENT, number=1)
        again = {"number": VERSION.c.number + 1}
        await self._at.execute(first.on_conflict_do_update(index_elements=["name"], set_=again))

    # --- providers --------------------------------------------------------------------------

    async def providers(self) -> list[Row]:
        rows = await self._at.execute(select(PROVIDER).order_by(PROVIDER.c.name))
        return [dict(row) for row in rows.mappings()]

    async def provider(self, provider_id: str) -> Row | None:
        query = select(PROVIDER).where(PROVIDER.c.id == provider_id).with_for_update()
        row = (await self._at.execute(query)).mappings().first()
        return dict(row) if row else None

    async def add_provider(self, row: Row) -> bool:
        """False if there is one of this name."""
        words = postgresql if self._at.dialect.name == "postgresql" else sqlite
        query = (
            words.insert(PROVIDER).values(dict(row)).on_conflict_do_nothing(index_elements=["name"])
        )
        return (await self._at.execute(query.returning(PROVIDER.c.id))).first() is not None

    async def change_provider(self, provider_id: str, values: Row) -> None:
        query = update(PROVIDER).where(PROVIDER.c.id == provider_id).values(dict(values))
        await self._at.execute(query)

    async def remove_provider(self, provider_id: str) -> str | None:
        """Its name; None if there was none."""
        query = delete(PROVIDER).where(PROVIDER.c.id == provider_id).returning(PROVIDER.c.name)
        return (await self._at.execute(query)).scalar_one_or_none()

    # --- routes -----------------------------------------------------------------------------

    async def routes(self) -> list[Row]:
        query = select(ROUTE).order_by(ROUTE.c.position, ROUTE.c.id)
        return [dict(row) for row in (await self._at.execute(query)).mappings()]

    async def add_route(self, row: Row) -> None:
        await self._at.execute(insert(ROUTE), [dict(row)])

    async def change_route(self, route_id: str, values: Row) -> Row | None:
        """As it is then; None if there is none."""
        query = update(ROUTE).where(ROUTE.c.id == route_id).values(dict(values)).returning(ROUTE)
        row = (await self._at.execute(query)).mappings().first()
        return dict(row) if row else None

    async def remove_route(self, route_id: str) -> str | None:
        """Its pattern; None if there was none."""
        query = delete(ROUTE).where(ROUTE.c.id == route_id).returning(ROUTE.c.pattern)
        return (await self._at.execute(query)).scalar_one_or_none()

    # --- policy -----------------------------------------------------------------------------

    async def policy(self) -> list[Row]:
        query = select(POLICY).order_by(POLICY.c.subject_kind, POLICY.c.subject)
        return [dict(row) for row in (await self._at.execute(query)).mappings()]

    async def keep_policy(self, rows: Sequence[Row]) -> None:
        """In place of what held before."""
        await self._at.execute(delete(POLICY))
        if rows:
            await self._at.execute(insert(POLICY), [dict(row) for row in rows])
