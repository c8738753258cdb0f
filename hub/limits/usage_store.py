"""Sums over the usage, which is counted by day, person, model and provider."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.groups.table_store import GROUP, MEMBER
from hub.limits.store import USAGE, WHOLE, Row
from hub.users.store import ACCOUNT

COUNTED = ("requests", "failed", "prompt_tokens", "answer_tokens", "cost_micros", "milliseconds")
MOST = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `since` to `until`, both of them, of what is named."""

    since: str
    until: str
    account_id: str = ""
    model: str = ""


class Usages:
    """Every question about the usage. Changes nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def by(self, what: str, span: Span) -> list[Row]:
        """With `key` and `label`; days in their order, the rest by what they cost and took."""
        query = _QUERIES[what]().where(*_within(span))
        ordered = (
            query.order_by("key")
            if what in ("day", "month")
            else query.order_by(
                func.sum(USAGE.c.cost_micros).desc(),
                func.sum(USAGE.c.prompt_tokens + USAGE.c.answer_tokens).desc(),
            )
        )
        rows = (await self._connection.execute(ordered.limit(MOST))).mappings()
        return [_plain(row) for row in rows]

    async def total(self, span: Span) -> Row:
        query = select(*_sums()).where(*_within(span))
        return _plain((await self._connection.execute(query)).mappings().one())


def _by_column(name: str) -> Select[Any]:  # Any: of SQLAlchemy
    column = USAGE.c[name]
    return select(column.label("key"), column.label("label"), *_sums()).group_by(column)


def _by_day() -> Select[Any]:  # Any: as above
    """Months of which no days are kept any more are months."""
    day = func.replace(USAGE.c.day, f"-{WHOLE}", "")
    return select(day.label("key"), day.label("label"), *_sums()).group_by(USAGE.c.day)


def _by_month() -> Select[Any]:  # Any: as above
    month = func.substr(USAGE.c.day, 1, 7)
    return select(month.label("key"), month.label("label"), *_sums()).group_by(month)


def _by_user() -> Select[Any]:  # Any: as above
    label = func.coalesce(ACCOUNT.c.name, "").label("label")
    return (
        select(USAGE.c.account_id.label("key"), label, *_sums())
        .select_from(USAGE.outerjoin(ACCOUNT, ACCOUNT.c.id == USAGE.c.account_id))
        .group_by(USAGE.c.account_id, ACCOUNT.c.name)
    )


def _by_group() -> Select[Any]:  # Any: as above
    """By the groups that people are in now; somebody may be in one by several sources."""
    members = select(MEMBER.c.group_id, MEMBER.c.account_id).distinct().subquery()
    return (
        select(GROUP.c.id.label("key"), GROUP.c.name.label("label"), *_sums())
        .select_from(
            USAGE.join(members, members.c.account_id == USAGE.c.account_id).join(
                GROUP, GROUP.c.id == members.c.group_id
            )
        )
        .group_by(GROUP.c.id, GROUP.c.name)
    )


_QUERIES = {
    "day": _by_day,
    "month": _by_month,
    "model": lambda: _by_column("model"),
    "provider": lambda: _by_column("provider"),
    "user": _by_user,
    "group": _by_group,
}


def _sums() -> list[ColumnElement[Any]]:  # Any: of SQLAlchemy
    return [func.coalesce(func.sum(USAGE.c[name]), 0).label(name) for name in COUNTED]


def _within(span: Span) -> list[ColumnElement[bool]]:
    # A month of which only the sum is kept stands before its first day.
    since = f"{span.since[:8]}{WHOLE}" if span.since.endswith("-01") else span.since
    found = [USAGE.c.day >= since, USAGE.c.day <= span.until]
    if span.account_id:
        found.append(USAGE.c.account_id == span.account_id)
    if span.model:
        found.append(USAGE.c.model == span.model)
    return found


def _plain(row: Any) -> Row:  # Any: of SQLAlchemy; a sum of PostgreSQL is a Decimal
    return {name: int(row[name]) if name in COUNTED else row[name] for name in row}
