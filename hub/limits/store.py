"""The tables of quotas, of what is set aside, of prices and of what was used."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    String,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.limits.rules import Amounts, Counter, Price, Quota
from hub.tables import table

QUOTA = table(
    "quota",
    id=Column(String, primary_key=True),
    subject_kind=Column(String),
    subject=Column(String),
    model=Column(String),
    period=Column(String),
    requests=Column(BigInteger),
    tokens=Column(BigInteger),
    cost_micros=Column(BigInteger),
    is_each=Column(Boolean),
    created_at=Column(String),
    updated_at=Column(String),
)
QUOTA_USE = table(
    "quota_use",
    quota_id=Column(String, primary_key=True),
    starts_at=Column(String, primary_key=True),
    who=Column(String, primary_key=True),
    requests=Column(BigInteger),
    tokens=Column(BigInteger),
    cost_micros=Column(BigInteger),
)
RESERVATION = table(
    "reservation",
    id=Column(String, primary_key=True),
    account_id=Column(String),
    model=Column(String),
    day=Column(String),
    expires_at=Column(String),
    requests=Column(BigInteger),
    tokens=Column(BigInteger),
    cost_micros=Column(BigInteger),
    counters=Column(JSON),
)
COUNTED = table("usage_counted", id=Column(String, primary_key=True), day=Column(String))
PRICE = table(
    "price",
    id=Column(String, primary_key=True),
    model=Column(String),
    provider=Column(String),
    prompt_micros_per_million=Column(BigInteger),
    answer_micros_per_million=Column(BigInteger),
    updated_at=Column(String),
)
USAGE = table(
    "usage",
    day=Column(String, primary_key=True),
    account_id=Column(String, primary_key=True),
    model=Column(String, primary_key=True),
    provider=Column(String, primary_key=True),
    requests=Column(BigInteger),
    failed=Column(BigInteger),
    prompt_tokens=Column(BigInteger),
    answer_tokens=Column(BigInteger),
    cost_micros=Column(BigInteger),
    milliseconds=Column(BigInteger),
)
WHOLE = "00"  # the day of a row that stands for all of its month
ADD_QUOTA = text(
    "INSERT INTO quota (id, subject_kind, subject, model, period, requests, tokens, cost_micros, "
    "is_each, created_at, updated_at) VALUES (:id, :subject_kind, :subject, :model, :period, "
    ":requests, :tokens, :cost_micros, :is_each, :created_at, :updated_at) "
    "ON CONFLICT DO NOTHING RETURNING id"
)
SET_PRICE = text(
    "INSERT INTO price (id, model, provider, prompt_micros_per_million, answer_micros_per_million, "
    "updated_at) VALUES (:id, :model, :provider, :prompt_micros_per_million, "
    ":answer_micros_per_million, :updated_at) ON CONFLICT (model, provider) DO UPDATE SET "
    "prompt_micros_per_million = excluded.prompt_micros_per_million, "
    "answer_micros_per_million = excluded.answer_micros_per_million, "
    "updated_at = excluded.updated_at RETURNING *"
)
Row = Mapping[str, Any]  # Any: a row's values
QUOTA_FIELDS = tuple(Quota.__slots__)


class Rulings:
    """Every query on quotas as they are set, and on prices. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def quotas(self) -> list[Quota]:
        rows = await self._connection.execute(select(QUOTA).order_by(QUOTA.c.id))
        return [Quota(**{name: row[name] for name in QUOTA_FIELDS}) for row in rows.mappings()]

    async def prices(self) -> list[Price]:
        rows = await self._connection.execute(select(PRICE).order_by(PRICE.c.id))
        return [Price(**{name: row[name] for name in Price.__slots__}) for row in rows.mappings()]

    async def listed_quotas(self) -> list[Row]:
        return await self._all(select(QUOTA).order_by(QUOTA.c.id))

    async def listed_prices(self) -> list[Row]:
        return await self._all(select(PRICE).order_by(PRICE.c.model, PRICE.c.provider))

    async def quota(self, quota_id: str) -> Row | None:
        found = await self._all(select(QUOTA).where(QUOTA.c.id == quota_id))
        return found[0] if found else None

    async def add_quota(self, values: Row) -> bool:
        """False if there is one about the same."""
        return (await self._connection.execute(ADD_QUOTA, dict(values))).first() is not None

    async def change_quota(self, quota_id: str, values: Row) -> Row | None:
        changed = update(QUOTA).where(QUOTA.c.id == quota_id).values(**values).returning(*QUOTA.c)
        row = (await self._connection.execute(changed)).mappings().first()
        return dict(row) if row else None

    async def remove_quota(self, quota_id: str) -> Row | None:
        gone = delete(QUOTA).where(QUOTA.c.id == quota_id).returning(*QUOTA.c)
        row = (await self._connection.execute(gone)).mappings().first()
        await self._connection.execute(delete(QUOTA_USE).where(QUOTA_USE.c.quota_id == quota_id))
        return dict(row) if row else None

    async def set_price(self, values: Row) -> Row:
        """That of the same model and provider is replaced."""
        return dict((await self._connection.execute(SET_PRICE, dict(values))).mappings().one())

    async def remove_price(self, price_id: str) -> Row | None:
        gone = delete(PRICE).where(PRICE.c.id == price_id).returning(*PRICE.c)
        row = (await self._connection.execute(gone)).mappings().first()
        return dict(row) if row else None

    async def used(self, counters: Sequence[Counter]) -> dict[Counter, Amounts]:
        """How far each is; nothing of those that nobody used."""
        ids = {one.quota_id for one in counters}
        query = select(QUOTA_USE).where(
            QUOTA_USE.c.quota_id.in_(ids),
            QUOTA_USE.c.starts_at.in_({one.starts_at for one in counters}),
            QUOTA_USE.c.who.in_({one.who for one in counters}),
        )
        return {
            Counter(row.quota_id, row.starts_at, row.who): Amounts(
                row.requests, row.tokens, row.cost_micros
            )
            for row in await self._connection.execute(query)
        }

    async def used_by_all(self, periods: Sequence[tuple[str, str]]) -> dict[str, Amounts]:
        """By quota: what everybody together used in its period, given by the day it began."""
        counted = ("requests", "tokens", "cost_micros")
        query = select(
            QUOTA_USE.c.quota_id, *(func.sum(QUOTA_USE.c[name]).label(name) for name in counted)
        ).where(
            or_(
                *(
                    and_(
                        QUOTA_USE.c.starts_at == day,
                        QUOTA_USE.c.quota_id.in_([one for one, began in periods if began == day]),
                    )
                    for day in sorted({began for _, began in periods})
                ),
                false(),
            )
        )
        rows = await self._connection.execute(query.group_by(QUOTA_USE.c.quota_id))
        return {
            row["quota_id"]: Amounts(*(int(row[name]) for name in counted))
            for row in rows.mappings()
        }

    async def forget_counters(self, before: str) -> int:
        """Those of periods that began before a day."""
        gone = delete(QUOTA_USE).where(QUOTA_USE.c.starts_at < before)
        return len((await self._connection.execute(gone.returning(QUOTA_USE.c.quota_id))).all())

    async def forget_counted(self, before: str) -> int:
        """That uses were counted before a day, which nobody tries again."""
        gone = delete(COUNTED).where(COUNTED.c.day < before)
        return len((await self._connection.execute(gone.returning(COUNTED.c.id))).all())

    async def _all(self, query: Any) -> list[Row]:  # Any: of SQLAlchemy
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]
