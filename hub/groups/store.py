"""Groups, and who is in them, as they are kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.groups.table_store import GROUP, MEMBER, inserting
from hub.users.store import ACCOUNT

Row = Mapping[str, Any]  # Any: a row's values


class Groups:
    """Every query on groups. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, group_id: str) -> Row | None:
        return await self._first(GROUP.c.id == group_id)

    async def named(self, name: str) -> Row | None:
        return await self._first(GROUP.c.folded == folded(name))

    async def add(self, values: Row) -> bool:
        """False if there is one of that name, also when somebody else makes it right now."""
        statement = inserting(self._connection, GROUP).values(**values)
        made = statement.on_conflict_do_nothing(index_elements=["folded"]).returning(GROUP.c.id)
        return (await self._connection.execute(made)).first() is not None

    async def filled_by_hand(self) -> set[str]:
        """The folded names of those that were made here and make Administrators."""
        query = select(GROUP.c.folded).where(
            GROUP.c.source == "local", GROUP.c.role == "administrator"
        )
        return {str(row[0]) for row in await self._connection.execute(query)}

    async def change(self, group_id: str, values: Row) -> None:
        changed = update(GROUP).where(GROUP.c.id == group_id).values(**values)
        await self._connection.execute(changed)

    async def remove(self, group_id: str) -> None:
        await self._connection.execute(delete(GROUP).where(GROUP.c.id == group_id))

    async def found(self, text: str, after: str | None, limit: int) -> list[Row]:
        """By name. `after` is the last name of the page before."""
        query = select(GROUP).order_by(GROUP.c.folded).limit(limit)
        if text:
            query = query.where(GROUP.c.folded.contains(folded(text), autoescape=True))
        if after:
            query = query.where(GROUP.c.folded > folded(after))
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def _first(self, where: Any) -> Row | None:  # Any: of SQLAlchemy
        row = (await self._connection.execute(select(GROUP).where(where))).mappings().first()
        return dict(row) if row else None


class Members:
    """Every query on who is in which group. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, group_id: str, account_ids: Iterable[str], source: str) -> None:
        """Those that are in it already stay so."""
        rows = [
            {"group_id": group_id, "account_id": one, "source": source}
            for one in sorted(set(account_ids))
        ]
        if rows:
            await self._connection.execute(
                inserting(self._connection, MEMBER).on_conflict_do_nothing(), rows
            )

    async def remove(
        self, group_id: str, account_ids: Iterable[str], source: str | None = None
    ) -> None:
        """`source`: what that one said alone."""
        ids = sorted(set(account_ids))
        if not ids:
            return
        gone = delete(MEMBER).where(MEMBER.c.group_id == group_id, MEMBER.c.account_id.in_(ids))
        if source is not None:
            gone = gone.where(MEMBER.c.source == source)
        await self._connection.execute(gone)

    async def of_group(self, group_id: str, source: str | None = None) -> list[Row]:
        """Id and name of each account, by name."""
        query = (
            select(ACCOUNT.c.id, ACCOUNT.c.name, ACCOUNT.c.display_name)
            .join(MEMBER, MEMBER.c.account_id == ACCOUNT.c.id)
            .where(MEMBER.c.group_id == group_id)
            .distinct()
            .order_by(ACCOUNT.c.name)
        )
        if source is not None:
            query = query.where(MEMBER.c.source == source)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def of_account(self, account_id: str, source: str | None = None) -> list[Row]:
        """The groups that somebody is in, by name."""
        query = (
            select(GROUP)
            .join(MEMBER, MEMBER.c.group_id == GROUP.c.id)
            .where(MEMBER.c.account_id == account_id)
            .distinct()
            .order_by(GROUP.c.folded)
        )
        if source is not None:
            query = query.where(MEMBER.c.source == source)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def names(self, account_ids: Sequence[str]) -> dict[str, list[str]]:
        """Of several accounts at once."""
        query = (
            select(MEMBER.c.account_id, GROUP.c.name, GROUP.c.folded)
            .join(GROUP, MEMBER.c.group_id == GROUP.c.id)
            .where(MEMBER.c.account_id.in_(account_ids))
            .distinct()
            .order_by(GROUP.c.folded)
        )
        names: dict[str, list[str]] = {one: [] for one in account_ids}
        for row in await self._connection.execute(query):
            names[row[0]].append(row[1])
        return names

    async def ids(self, group_ids: Sequence[str]) -> dict[str, list[str]]:
        """The accounts in each group."""
        query = select(MEMBER.c.group_id, MEMBER.c.account_id).where(
            MEMBER.c.group_id.in_(group_ids)
        )
        ids: dict[str, set[str]] = {one: set() for one in group_ids}
        for row in await self._connection.execute(query):
            ids[row[0]].add(row[1])
        return {group: sorted(accounts) for group, accounts in ids.items()}


def folded(name: str) -> str:
    """As names are compared."""
    return name.strip().casefold()
