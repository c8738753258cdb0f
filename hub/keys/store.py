"""The table of keys. A key itself is kept nowhere: its digest finds it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, String, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table
from hub.users.store import ACCOUNT

API_KEY = table(
    "api_key",
    id=Column(String, primary_key=True),
    account_id=Column(String),
    name=Column(String),
    secret_hash=Column(String),
    hint=Column(String),
    scopes=Column(JSON),
    created_at=Column(String),
    expires_at=Column(String),
    last_used_at=Column(String),
)
Row = Mapping[str, Any]  # Any: a row's values


class ApiKeys:
    """Every query on keys. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(API_KEY), [dict(values)])

    async def by_secret(self, secret_hash: str) -> Row | None:
        query = select(API_KEY).where(API_KEY.c.secret_hash == secret_hash)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def count(self, account_id: str) -> int:
        query = select(func.count()).where(API_KEY.c.account_id == account_id)
        return int((await self._connection.execute(query)).scalar_one())

    async def found(self, account_id: str | None, before: str | None, limit: int) -> list[Row]:
        """Newest first, with the name of whose they are; of everybody without `account_id`."""
        query = (
            select(API_KEY, ACCOUNT.c.name.label("owner"))
            .join(ACCOUNT, ACCOUNT.c.id == API_KEY.c.account_id)
            .order_by(API_KEY.c.id.desc())
            .limit(limit)
        )
        if account_id is not None:
            query = query.where(API_KEY.c.account_id == account_id)
        if before:
            query = query.where(API_KEY.c.id < before)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def used(self, key_id: str, at: str, since: str) -> None:
        """At `at`, unless that was written after `since` already."""
        stale = (API_KEY.c.last_used_at.is_(None)) | (API_KEY.c.last_used_at < since)
        changed = update(API_KEY).where(API_KEY.c.id == key_id, stale).values(last_used_at=at)
        await self._connection.execute(changed)

    async def remove(self, key_id: str, account_id: str | None) -> Row | None:
        """What was removed; None where there was none, or not this account's."""
        gone = delete(API_KEY).where(API_KEY.c.id == key_id)
        if account_id is not None:
            gone = gone.where(API_KEY.c.account_id == account_id)
        row = (await self._connection.execute(gone.returning(*API_KEY.c))).mappings().first()
        return dict(row) if row else None

    async def remove_all(self, account_id: str) -> None:
        await self._connection.execute(delete(API_KEY).where(API_KEY.c.account_id == account_id))

    async def forget(self, expired_before: str) -> int:
        """Those that ended long ago."""
        gone = delete(API_KEY).where(API_KEY.c.expires_at < expired_before)
        return len((await self._connection.execute(gone.returning(API_KEY.c.id))).all())
