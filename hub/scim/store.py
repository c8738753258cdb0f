"""The tables of SCIM, and people and groups as a provider looks for them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, String, and_, delete, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.groups.table_store import GROUP, MEMBER, inserting
from hub.scim.filters import BadFilter, Both, Compare, Either, Filter, Not, Value, Within
from hub.tables import table
from hub.users.store import ACCOUNT

PERSON = table(
    "scim_person",
    account_id=Column(String, primary_key=True),
    given_name=Column(String),
    family_name=Column(String),
)
TOKEN = table(
    "scim_token",
    id=Column(String, primary_key=True),
    name=Column(String),
    secret_hash=Column(String),
    created_at=Column(String),
    last_used_at=Column(String),
)
Row = Mapping[str, Any]  # Any: a row's values
Columns = Mapping[str, ColumnElement[Any]]  # Any: each its own type
IS_MEMBER = "members.value"
# Kept in lower case, so compared so.
PEOPLE_BY: Columns = {
    "id": ACCOUNT.c.id,
    "username": ACCOUNT.c.name,
    "displayname": func.lower(ACCOUNT.c.display_name),
    "externalid": ACCOUNT.c.external_id,
    "active": ACCOUNT.c.is_active,
    "emails": func.lower(ACCOUNT.c.email),
    "emails.value": func.lower(ACCOUNT.c.email),
    "name.givenname": func.lower(func.coalesce(PERSON.c.given_name, "")),
    "name.familyname": func.lower(func.coalesce(PERSON.c.family_name, "")),
    "meta.created": ACCOUNT.c.created_at,
    "meta.lastmodified": ACCOUNT.c.updated_at,
}
GROUPS_BY: Columns = {
    "id": GROUP.c.id,
    "displayname": GROUP.c.folded,
    "externalid": GROUP.c.external_id,
    "meta.created": GROUP.c.created_at,
    "meta.lastmodified": GROUP.c.updated_at,
}
EXACT = frozenset({"id", "externalid", "meta.created", "meta.lastmodified"})


class Provisioned:
    """Every query of SCIM on people and groups. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def people(self, wanted: Filter | None, start: int, count: int) -> tuple[int, list[Row]]:
        """How many there are, and some of them, in the order in which they were made."""
        joined = ACCOUNT.outerjoin(PERSON, PERSON.c.account_id == ACCOUNT.c.id)
        chosen = select(ACCOUNT, PERSON.c.given_name, PERSON.c.family_name).select_from(joined)
        total = select(func.count()).select_from(joined)
        if wanted is not None:
            where = _sql(wanted, PEOPLE_BY)
            chosen, total = chosen.where(where), total.where(where)
        page = chosen.order_by(ACCOUNT.c.created_at, ACCOUNT.c.id).offset(start).limit(count)
        number = int((await self._connection.execute(total)).scalar_one())
        if not count:
            return number, []
        rows = await self._connection.execute(page)
        return number, [dict(row) for row in rows.mappings()]

    async def groups(self, wanted: Filter | None, start: int, count: int) -> tuple[int, list[Row]]:
        """As `people`."""
        chosen, total = select(GROUP), select(func.count()).select_from(GROUP)
        if wanted is not None:
            where = _sql(wanted, GROUPS_BY)
            chosen, total = chosen.where(where), total.where(where)
        page = chosen.order_by(GROUP.c.created_at, GROUP.c.id).offset(start).limit(count)
        number = int((await self._connection.execute(total)).scalar_one())
        if not count:
            return number, []
        rows = await self._connection.execute(page)
        return number, [dict(row) for row in rows.mappings()]

    async def person(self, account_id: str) -> Row | None:
        _, rows = await self.people(Compare("id", "eq", account_id), 0, 1)
        return rows[0] if rows else None

    async def name_person(self, account_id: str, given: str, family: str) -> None:
        row = {"account_id": account_id, "given_name": given, "family_name": family}
        kept = inserting(self._connection, PERSON).values(**row)
        await self._connection.execute(
            kept.on_conflict_do_update(
                index_elements=["account_id"],
                set_={"given_name": given, "family_name": family},
            )
        )

    async def groups_of(self, account_ids: Sequence[str]) -> dict[str, list[Row]]:
        """Of several people at once: id and name of each group."""
        query = (
            select(MEMBER.c.account_id, GROUP.c.id, GROUP.c.name, GROUP.c.folded)
            .join(GROUP, MEMBER.c.group_id == GROUP.c.id)
            .where(MEMBER.c.account_id.in_(account_ids))
            .distinct()
            .order_by(GROUP.c.folded)
        )
        found: dict[str, list[Row]] = {one: [] for one in account_ids}
        for row in (await self._connection.execute(query)).mappings():
            found[row["account_id"]].append(dict(row))
        return found

    async def members_of(self, group_ids: Sequence[str]) -> dict[str, list[Row]]:
        """Of several groups at once: id and name of each person."""
        query = (
            select(MEMBER.c.group_id, ACCOUNT.c.id, ACCOUNT.c.name, ACCOUNT.c.display_name)
            .join(ACCOUNT, MEMBER.c.account_id == ACCOUNT.c.id)
            .where(MEMBER.c.group_id.in_(group_ids))
            .distinct()
            .order_by(ACCOUNT.c.name)
        )
        found: dict[str, list[Row]] = {one: [] for one in group_ids}
        for row in (await self._connection.execute(query)).mappings():
            found[row["group_id"]].append(dict(row))
        return found

    async def are_there(self, account_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are accounts."""
        found: set[str] = set()
        for at in range(0, len(account_ids), 500):
            query = select(ACCOUNT.c.id).where(ACCOUNT.c.id.in_(account_ids[at : at + 500]))
            found |= {row[0] for row in await self._connection.execute(query)}
        return found


class ScimTokens:
    """Every query on the tokens. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        await self._connection.execute(inserting(self._connection, TOKEN), [dict(values)])

    async def all(self) -> list[Row]:
        """Newest first."""
        query = select(TOKEN).order_by(TOKEN.c.id.desc())
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def by_secret(self, secret_hash: str) -> Row | None:
        query = select(TOKEN).where(TOKEN.c.secret_hash == secret_hash)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def used(self, token_id: str, at: str) -> None:
        changed = TOKEN.update().where(TOKEN.c.id == token_id).values(last_used_at=at)
        await self._connection.execute(changed)

    async def remove(self, token_id: str) -> str | None:
        """Its name; None if there was none."""
        gone = delete(TOKEN).where(TOKEN.c.id == token_id).returning(TOKEN.c.name)
        name: str | None = (await self._connection.execute(gone)).scalar_one_or_none()
        return name


def _sql(wanted: Filter, by: Columns) -> ColumnElement[bool]:
    """Raises BadFilter for what cannot be looked for."""
    match wanted:
        case Both(left, right):
            return and_(_sql(left, by), _sql(right, by))
        case Either(left, right):
            return or_(_sql(left, by), _sql(right, by))
        case Not(inner):
            return not_(_sql(inner, by))
        case Within(path, inner):
            return _sql(_below(path, inner), by)
        case Compare(path, operator, value):
            if path in ("members", IS_MEMBER) and by is GROUPS_BY:
                return _has_member(operator, value)
            if path not in by:
                raise BadFilter(f"Nothing is looked for by {path}.")
            return _compare(by[path], operator, value, is_exact=path in EXACT)


def _below(path: str, inner: Filter) -> Filter:
    """emails[value eq "a"] as emails.value eq "a": there is one address at most."""
    if isinstance(inner, Compare):
        return Compare(f"{path}.{inner.path}", inner.operator, inner.value)
    raise BadFilter("In brackets one comparison is looked for.")


def _has_member(operator: str, value: Value) -> ColumnElement[bool]:
    if operator != "eq" or not isinstance(value, str):
        raise BadFilter("Members are looked for by eq.")
    inside = select(MEMBER.c.group_id).where(MEMBER.c.account_id == value)
    return GROUP.c.id.in_(inside)


def _compare(
    column: ColumnElement[Any],  # Any: each its own type
    operator: str,
    value: Value,
    *,
    is_exact: bool,
) -> ColumnElement[bool]:
    if operator == "pr":
        return column.is_not(None)
    if isinstance(value, bool):
        return _truth(column, operator, is_wanted=value)
    if value is None or not isinstance(value, str) or column is PEOPLE_BY["active"]:
        return false()
    text = value if is_exact else value.casefold()
    if "\0" in text:
        return false()
    made: dict[str, Callable[[], ColumnElement[bool]]] = {
        "eq": lambda: column == text,
        "ne": lambda: or_(column != text, column.is_(None)),
        "co": lambda: column.contains(text, autoescape=True),
        "sw": lambda: column.startswith(text, autoescape=True),
        "ew": lambda: column.endswith(text, autoescape=True),
        "gt": lambda: column > text,
        "ge": lambda: column >= text,
        "lt": lambda: column < text,
        "le": lambda: column <= text,
    }
    return made[operator]()


def _truth(
    column: ColumnElement[Any],  # Any: each its own type
    operator: str,
    *,
    is_wanted: bool,
) -> ColumnElement[bool]:
    if column is not PEOPLE_BY["active"] or operator not in ("eq", "ne"):
        return false()
    return column.is_(is_wanted if operator == "eq" else not is_wanted)
