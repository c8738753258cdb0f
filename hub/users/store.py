"""The tables of people and of how they were known to identity providers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    String,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table

ACCOUNT = table(
    "account",
    id=Column(String, primary_key=True),
    name=Column(String),
    display_name=Column(String),
    email=Column(String),
    role=Column(String),
    role_from=Column(String),
    is_active=Column(Boolean),
    is_break_glass=Column(Boolean),
    password_hash=Column(Text),
    must_change=Column(Boolean),
    totp_sealed=Column(Text),
    totp_last_step=Column(BigInteger),
    groups=Column(JSON),
    created_at=Column(String),
    updated_at=Column(String),
    last_login_at=Column(String),
    external_id=Column(String),
)
Row = Mapping[str, Any]  # Any: a row's values


class Accounts:
    """Every query on people. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, account_id: str) -> Row | None:
        return await self._first(ACCOUNT.c.id == account_id)

    async def named(self, name: str) -> Row | None:
        return await self._first(ACCOUNT.c.name == name)

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(ACCOUNT), [dict(values)])

    async def change(self, account_id: str, values: Row) -> None:
        if values:
            changed = update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values)
            await self._connection.execute(changed)

    async def remove(self, account_id: str) -> None:
        await self._connection.execute(delete(ACCOUNT).where(ACCOUNT.c.id == account_id))

    async def count(self, *, administrators: bool = False) -> int:
        """Of those that are active; `administrators`: of them those alone."""
        query = select(func.count()).select_from(ACCOUNT).where(ACCOUNT.c.is_active.is_(True))
        if administrators:
            query = query.where(ACCOUNT.c.role == "administrator")
        return int((await self._connection.execute(query)).scalar_one())

    async def found(self, text: str, after: str | None, limit: int) -> list[Row]:
        """By name. `after` is the last name of the page before."""
        query = select(ACCOUNT).order_by(ACCOUNT.c.name).limit(limit)
        if text:
            like = f"%{text.lower()}%"
            query = query.where(
                or_(
                    ACCOUNT.c.name.like(like),
                    func.lower(ACCOUNT.c.display_name).like(like),
                    func.lower(ACCOUNT.c.email).like(like),
                )
            )
        if after:
            query = query.where(ACCOUNT.c.name > after)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def _first(self, where: Any) -> Row | None:  # Any: of SQLAlchemy
        row = (await self._connection.execute(select(ACCOUNT).where(where))).mappings().first()
        return dict(row) if row else None
