"""The tables of pictures and of the messages that show them, and every query on them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Integer, Select, String, Text, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.chat.store import CONVERSATION, MESSAGE, SHARE, reaches
from hub.groups.table_store import inserting
from hub.tables import table

Row = dict[str, Any]  # Any: a row's values

PICTURE = table(
    "picture",
    account_id=Column(String, primary_key=True),
    sha256=Column(String, primary_key=True),
    mime=Column(String),
    width=Column(Integer),
    height=Column(Integer),
    size_bytes=Column(Integer),
    base64=Column(Text),
    used_at=Column(String),  # sent, or asked about: unless a message shows it, it goes after a day
)
SHOWN = table(
    "message_picture",
    message_id=Column(String, primary_key=True),
    account_id=Column(String, primary_key=True),
    sha256=Column(String, primary_key=True),
)


class Pictures:
    """Every query on pictures. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, values: Mapping[str, object]) -> None:
        """The same again is as new as now."""
        added = inserting(self._connection, PICTURE).values(**values)
        again = added.on_conflict_do_update(
            index_elements=["account_id", "sha256"], set_={"used_at": added.excluded.used_at}
        )
        await self._connection.execute(again)

    async def totals(self, account_id: str) -> tuple[int, int]:
        """How many an account has, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(PICTURE.c.size_bytes), 0))
        row = (
            await self._connection.execute(query.where(PICTURE.c.account_id == account_id))
        ).one()
        return int(row[0]), int(row[1])

    async def use(self, account_id: str, hashes: Sequence[str], now: str) -> set[str]:
        """Those of them that there are; until the commit nobody removes them."""
        used = update(PICTURE).where(
            PICTURE.c.account_id == account_id, PICTURE.c.sha256.in_(hashes)
        )
        rows = await self._connection.execute(used.values(used_at=now).returning(PICTURE.c.sha256))
        return {str(row[0]) for row in rows}

    async def show(self, message_id: str, account_id: str, hashes: Sequence[str]) -> None:
        rows = [
            {"message_id": message_id, "account_id": account_id, "sha256": one}
            for one in dict.fromkeys(hashes)
        ]
        if rows:
            added = inserting(self._connection, SHOWN).on_conflict_do_nothing()
            await self._connection.execute(added, rows)

    async def several(self, account_id: str, hashes: Sequence[str]) -> dict[str, Row]:
        query = select(PICTURE).where(
            PICTURE.c.account_id == account_id, PICTURE.c.sha256.in_(hashes)
        )
        return {row["sha256"]: row for row in await self._rows(query)}

    async def readable(self, account_id: str, sha256: str) -> Row | None:
        """One's own, or one in a conversation that somebody shares."""
        own = await self.several(account_id, [sha256])
        if own:
            return own[sha256]
        query = (
            select(PICTURE)
            .join(
                SHOWN,
                (SHOWN.c.account_id == PICTURE.c.account_id) & (SHOWN.c.sha256 == PICTURE.c.sha256),
            )
            .join(MESSAGE, MESSAGE.c.id == SHOWN.c.message_id)
            .join(CONVERSATION, CONVERSATION.c.id == MESSAGE.c.conversation_id)
            .join(SHARE, SHARE.c.conversation_id == CONVERSATION.c.id)
            .where(
                PICTURE.c.sha256 == sha256,
                CONVERSATION.c.deleted_at.is_(None),
                reaches(account_id),
            )
            .limit(1)
        )
        rows = await self._rows(query)
        return rows[0] if rows else None

    async def forget(self, before: str) -> None:
        """Those that no message shows, and nobody used since then."""
        is_shown = exists().where(
            SHOWN.c.account_id == PICTURE.c.account_id, SHOWN.c.sha256 == PICTURE.c.sha256
        )
        await self._connection.execute(delete(PICTURE).where(PICTURE.c.used_at < before, ~is_shown))

    async def _rows(self, query: Select[Any]) -> list[Row]:  # Any: columns
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]
