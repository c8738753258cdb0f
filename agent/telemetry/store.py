"""The tables of requests and of what they add up to by day."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    String,
    bindparam,
    delete,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import rfc3339
from agent.shared.statements import Row, Statement
from agent.shared.tables import table
from agent.telemetry.rules import COUNTERS, Place, RequestRecord, Sample

# A record. Ids need not be unique: programs may choose theirs.
REQUEST = table(
    "request",
    number=Column(Integer, primary_key=True),
    id=Column(String),
    at=Column(String),
    kind=Column(String),
    outcome=Column(String),
    project=Column(String),
    model=Column(String),
    backend=Column(String),
    provider=Column(String),
    client=Column(String),
    code=Column(String),
    queued_ms=Column(Float),
    load_ms=Column(Float),
    first_token_ms=Column(Float),
    total_ms=Column(Float),
    prompt_tokens=Column(Integer),
    completion_tokens=Column(Integer),
    tokens_per_second=Column(Float),
    cached=Column(Boolean),
    was_cold=Column(Boolean),
)

# Counters of one project with one model on one backend on one day, in UTC.
DAY = table(
    "request_day",
    number=Column(Integer, primary_key=True),
    day=Column(String),
    project=Column(String),
    model=Column(String),
    backend=Column(String),
    requests=Column(Integer),
    done=Column(Integer),
    cancelled=Column(Integer),
    failed=Column(Integer),
    rejected=Column(Integer),
    timed_out=Column(Integer),
    interrupted=Column(Integer),
    cached=Column(Integer),
    cold=Column(Integer),
    prompt_tokens=Column(Integer),
    completion_tokens=Column(Integer),
    queued_ms=Column(Integer),
    total_ms=Column(Integer),
)

COLUMNS = tuple(column.name for column in REQUEST.columns if column.name != "number")

ADD_REQUESTS = Statement(insert(REQUEST))
_new_day = sqlite_insert(DAY)
ADD_TO_DAYS = Statement(
    _new_day.on_conflict_do_update(
        index_elements=list(Place._fields),
        set_={name: DAY.c[name] + _new_day.excluded[name] for name in COUNTERS},
    )
)
_old = select(REQUEST.c.number).where(REQUEST.c.at < bindparam("before")).limit(bindparam("most"))
FORGET = delete(REQUEST).where(REQUEST.c.number.in_(_old)).returning(REQUEST.c.number)


class Requests:
    """Every query on the tables of requests. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, records: Iterable[RequestRecord]) -> None:
        await ADD_REQUESTS.run(self._connection, *map(_values, records))

    async def add_to_days(self, totals: Mapping[Place, Counter[str]]) -> None:
        await ADD_TO_DAYS.run(
            self._connection,
            *(
                {**place._asdict(), **{name: counters[name] for name in COUNTERS}}
                for place, counters in totals.items()
            ),
        )

    async def page(
        self,
        equal: Mapping[str, str],
        *,
        since: str | None,
        before: tuple[str, int] | None,
        limit: int,
    ) -> list[Row]:
        """Newest first, those that came at the same time by when they ended."""
        query = select(REQUEST).order_by(REQUEST.c.at.desc(), REQUEST.c.number.desc()).limit(limit)
        query = query.where(*(REQUEST.c[name] == value for name, value in equal.items()))
        if since:
            query = query.where(REQUEST.c.at >= since)
        if before:
            # The first half is what the index is searched by.
            at, number = before
            query = query.where(
                REQUEST.c.at <= at, or_(REQUEST.c.at < at, REQUEST.c.number < number)
            )
        rows = await self._connection.execute(query)
        return [dict(row) for row in rows.mappings()]

    async def samples(self, since: str, equal: Mapping[str, str], limit: int) -> Sequence[Sample]:
        """The newest `limit` since then."""
        columns = [REQUEST.c[name] for name in Sample._fields]
        query = select(*columns).where(REQUEST.c.at >= since)
        query = query.where(*(REQUEST.c[name] == value for name, value in equal.items()))
        rows = await self._connection.execute(query.order_by(REQUEST.c.at.desc()).limit(limit))
        return [Sample(*row) for row in rows]

    async def days(
        self,
        equal: Mapping[str, str],
        *,
        since: str | None,
        before: tuple[str, int] | None,
        limit: int,
    ) -> list[Row]:
        """Newest day first."""
        query = select(DAY).order_by(DAY.c.day.desc(), DAY.c.number.desc()).limit(limit)
        query = query.where(*(DAY.c[name] == value for name, value in equal.items()))
        if since:
            query = query.where(DAY.c.day >= since)
        if before:
            day, number = before
            query = query.where(DAY.c.day <= day, or_(DAY.c.day < day, DAY.c.number < number))
        rows = await self._connection.execute(query)
        return [dict(row) for row in rows.mappings()]

    async def forget(self, before: str, limit: int) -> int:
        """Deletes records of before then, `limit` at the most; says how many."""
        gone = await self._connection.execute(FORGET, {"before": before, "most": limit})
        return len(gone.all())

    async def forget_days(self, before: str) -> None:
        await self._connection.execute(delete(DAY).where(DAY.c.day < before))


def _values(record: RequestRecord) -> dict[str, object]:
    values = {name: getattr(record, name) for name in COLUMNS}
    return {**values, "at": rfc3339(record.at)}
