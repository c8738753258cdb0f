"""The tables of tokens and their families. A token stands here as its SHA-256."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, String, Text, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table

FAMILY = table(
    "token_family",
    id=Column(String, primary_key=True),
    account_id=Column(String),
    kind=Column(String),
    machine_id=Column(String),
    address=Column(String),
    program=Column(String),
    created_at=Column(String),
    seen_at=Column(String),
    proved_at=Column(String),
)
TOKEN = table(
    "token",
    hash=Column(String, primary_key=True),
    family_id=Column(String),
    kind=Column(String),
    ends_at=Column(String),
    used_at=Column(String),
    successor=Column(Text),
)
Row = Mapping[str, Any]  # Any: a row's values


class Tokens:
    """Every query on tokens. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(self, family: Row) -> None:
        await self._connection.execute(insert(FAMILY), [dict(family)])

    async def add(self, family_id: str, kind: str, token_hash: str, ends_at: str) -> None:
        row = {"hash": token_hash, "family_id": family_id, "kind": kind, "ends_at": ends_at}
        await self._connection.execute(insert(TOKEN), [row])

    async def use(self, token_hash: str, now: str, successor: str) -> str | None:
        """Spends a refresh token that nobody has spent, and says of which family it is. One
        statement: of any number at the same moment one gets it."""
        spent = (
            update(TOKEN)
            .where(
                TOKEN.c.hash == token_hash,
                TOKEN.c.kind == "refresh",
                TOKEN.c.used_at.is_(None),
                TOKEN.c.ends_at > now,
            )
            .values(used_at=now, successor=successor)
            .returning(TOKEN.c.family_id)
        )
        found: str | None = (await self._connection.execute(spent)).scalar_one_or_none()
        return found

    async def proved_at(self, family_id: str) -> str | None:
        query = select(FAMILY.c.proved_at).where(FAMILY.c.id == family_id)
        at: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return at

    async def prove(self, family_id: str, at: str) -> None:
        changed = update(FAMILY).where(FAMILY.c.id == family_id).values(proved_at=at)
        await self._connection.execute(changed)

    async def find(self, token_hash: str) -> Row | None:
        query = select(TOKEN).where(TOKEN.c.hash == token_hash)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def held(self, family_id: str) -> Row | None:
        """A family, which nobody else changes or ends until the transaction is over."""
        query = select(FAMILY).where(FAMILY.c.id == family_id).with_for_update()
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def family_of(self, access_hash: str) -> Row | None:
        """Of an access token, with the token's end as `ends_at`."""
        query = (
            select(FAMILY, TOKEN.c.ends_at)
            .join(TOKEN, TOKEN.c.family_id == FAMILY.c.id)
            .where(TOKEN.c.hash == access_hash, TOKEN.c.kind == "access")
        )
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def seen(self, family_id: str, at: str, address: str, program: str) -> None:
        changed = update(FAMILY).where(FAMILY.c.id == family_id)
        await self._connection.execute(changed.values(seen_at=at, address=address, program=program))

    async def end(self, account_id: str, family_id: str | None = None) -> int:
        """All families of an account, or one, with all their tokens; says how many there were."""
        gone = delete(FAMILY).where(FAMILY.c.account_id == account_id)
        if family_id is not None:
            gone = gone.where(FAMILY.c.id == family_id)
        return len((await self._connection.execute(gone.returning(FAMILY.c.id))).all())

    async def end_programs(self, account_id: str, but: str) -> None:
        """All families of an account that no machine has, but one."""
        gone = delete(FAMILY).where(FAMILY.c.account_id == account_id, FAMILY.c.id != but)
        await self._connection.execute(gone.where(FAMILY.c.kind == "person"))

    async def forget(self, now: str, used_before: str) -> int:
        """Tokens that have ended, or were spent long ago, and families that have none left."""
        ended = (TOKEN.c.ends_at < now) | (TOKEN.c.used_at < used_before)
        gone = await self._connection.execute(delete(TOKEN).where(ended).returning(TOKEN.c.hash))
        empty = ~select(TOKEN.c.hash).where(TOKEN.c.family_id == FAMILY.c.id).exists()
        await self._connection.execute(delete(FAMILY).where(empty))
        return len(gone.all())
