"""Who could be let read a conversation: people and groups, and no more of them than their names."""

from typing import Any

from sqlalchemy import Select, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.groups.table_store import GROUP, MEMBER
from hub.users.store import ACCOUNT

Row = dict[str, Any]  # Any: a row's values
PERSON = (
    literal("person").label("kind"),
    ACCOUNT.c.id,
    ACCOUNT.c.name,
    ACCOUNT.c.display_name,
)
OF_GROUP = (
    literal("group").label("kind"),
    GROUP.c.id,
    GROUP.c.name,
    GROUP.c.name.label("display_name"),
)


def groups_of(account_id: str) -> Select[Any]:
    """The ids of the groups that somebody is in at this moment."""
    return select(MEMBER.c.group_id).where(MEMBER.c.account_id == account_id)


class Readers:
    """`member`: groups that this account is in alone; None: all of them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def people(self, typed: str, but: str, limit: int) -> list[Row]:
        """By either of their names; without accounts that are switched off."""
        small, a = typed.lower(), ACCOUNT.c
        query = select(*PERSON).where(
            a.is_active.is_(True),
            a.id != but,
            or_(
                a.name.contains(small, autoescape=True),
                func.lower(a.display_name).contains(small, autoescape=True),
                a.display_name.contains(typed, autoescape=True),
            ),
        )
        return await self._rows(query.order_by(a.name).limit(limit))

    async def groups(self, typed: str, member: str | None, limit: int) -> list[Row]:
        query = select(*OF_GROUP).where(GROUP.c.folded.contains(typed.casefold(), autoescape=True))
        return await self._rows(_of_member(query, member).order_by(GROUP.c.folded).limit(limit))

    async def person(self, account_id: str) -> Row | None:
        """None for an account that is switched off, too."""
        a = ACCOUNT.c
        found = await self._rows(select(*PERSON).where(a.id == account_id, a.is_active.is_(True)))
        return found[0] if found else None

    async def group(self, group_id: str, member: str | None) -> Row | None:
        query = select(*OF_GROUP).where(GROUP.c.id == group_id)
        found = await self._rows(_of_member(query, member))
        return found[0] if found else None

    async def _rows(self, query: Select[Any]) -> list[Row]:  # Any: columns
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]


def _of_member(query: Select[Any], member: str | None) -> Select[Any]:  # Any: columns
    return query if member is None else query.where(GROUP.c.id.in_(groups_of(member)))
