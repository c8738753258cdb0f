"""The tables of people and of how they were known to identity providers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
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
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.groups.table_store import GROUP, MEMBER, inserting
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
    created_at=Column(String),
    updated_at=Column(String),
    last_login_at=Column(String),
    external_id=Column(String),
)
Row = Mapping[str, Any]  # Any: a row's values


def account_row(account_id: str, name: str, at: str, **known: Any) -> Row:  # Any: each its own
    """A new one, a User without a password, but for what is `known`."""
    return {
        "id": account_id,
        "name": name,
        "display_name": name,
        "email": None,
        "role": "user",
        "role_from": "local",
        "is_active": True,
        "is_break_glass": False,
        "password_hash": None,
        "must_change": False,
        "totp_sealed": None,
        "totp_last_step": 0,
        "created_at": at,
        "updated_at": at,
        "last_login_at": None,
        "external_id": None,
        **known,
    }


class Accounts:
    """Every query on people. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, account_id: str) -> Row | None:
        return await self._first(ACCOUNT.c.id == account_id)

    async def named(self, name: str) -> Row | None:
        return await self._first(ACCOUNT.c.name == name)

    async def held(self, account_id: str) -> Row | None:
        """The bare account, which nobody else changes until the transaction is over."""
        query = select(ACCOUNT).where(ACCOUNT.c.id == account_id).with_for_update()
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(ACCOUNT), [dict(values)])

    async def add_named(self, values: Row) -> bool:
        """False if the name is taken, also when somebody else takes it right now."""
        made = inserting(self._connection, ACCOUNT).values(**values)
        made = made.on_conflict_do_nothing(index_elements=["name"]).returning(ACCOUNT.c.id)
        return (await self._connection.execute(made)).first() is not None

    async def change(self, account_id: str, values: Row) -> None:
        if values:
            changed = update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values)
            await self._connection.execute(changed)

    async def use_step(self, account_id: str, step: int) -> bool:
        """A code is good once: False if this one, or one after it, was used."""
        used = update(ACCOUNT).where(ACCOUNT.c.id == account_id, ACCOUNT.c.totp_last_step < step)
        rows = await self._connection.execute(
            used.values(totp_last_step=step).returning(ACCOUNT.c.id)
        )
        return rows.first() is not None

    async def remove(self, account_id: str) -> None:
        await self._connection.execute(delete(ACCOUNT).where(ACCOUNT.c.id == account_id))

    async def count(self, *, administrators: bool = False) -> int:
        """Of those that are active; `administrators`: of them those alone."""
        if administrators:
            return len(await self.administrators())
        query = select(func.count()).select_from(ACCOUNT).where(ACCOUNT.c.is_active.is_(True))
        return int((await self._connection.execute(query)).scalar_one())

    async def administrators(self) -> set[str]:
        """Those that are active and Administrators, by themselves or by a group."""
        own = select(ACCOUNT.c.id).where(
            ACCOUNT.c.is_active.is_(True), ACCOUNT.c.role == "administrator"
        )
        by_group = (
            select(ACCOUNT.c.id)
            .join(MEMBER, MEMBER.c.account_id == ACCOUNT.c.id)
            .join(GROUP, MEMBER.c.group_id == GROUP.c.id)
            .where(ACCOUNT.c.is_active.is_(True), GROUP.c.role == "administrator")
        )
        return {str(row[0]) for row in await self._connection.execute(union(own, by_group))}

    async def break_glass(self) -> set[str]:
        """Those that are active and sign in with a password whatever else is set."""
        query = select(ACCOUNT.c.id).where(
            ACCOUNT.c.is_active.is_(True), ACCOUNT.c.is_break_glass.is_(True)
        )
        return {str(row[0]) for row in await self._connection.execute(query)}

    async def ready(self, account_ids: set[str]) -> set[str]:
        """Those of them that can be counted on: whoever never signed in, with a password that
        somebody else chose, may never do so."""
        query = select(ACCOUNT.c.id).where(
            ACCOUNT.c.id.in_(account_ids),
            or_(ACCOUNT.c.must_change.is_(False), ACCOUNT.c.last_login_at.is_not(None)),
        )
        return {str(row[0]) for row in await self._connection.execute(query)}

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
        """With the names of its `groups`, and the best `group_role` that they give."""
        query = (
            select(ACCOUNT, GROUP.c.name.label("group_name"), GROUP.c.role.label("group_role"))
            .outerjoin(MEMBER, MEMBER.c.account_id == ACCOUNT.c.id)
            .outerjoin(GROUP, MEMBER.c.group_id == GROUP.c.id)
            .where(where)
        )
        rows = (await self._connection.execute(query)).mappings().all()
        if not rows:
            return None
        names = {row["group_name"] for row in rows if row["group_name"] is not None}
        roles = {row["group_role"] for row in rows}
        account = {column.name: rows[0][column.name] for column in ACCOUNT.c}
        is_administrator = "administrator" in roles
        return {
            **account,
            "groups": sorted(names),
            "group_role": "administrator" if is_administrator else None,
        }
