"""The tables of jobs, of when periodic ones are due, and of who works on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Delete,
    Integer,
    String,
    Text,
    Update,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.jobs.rules import Doer
from hub.tables import table

JOB = table(
    "job",
    id=Column(String, primary_key=True),
    name=Column(String),
    payload=Column(JSON),
    key=Column(String),
    state=Column(String),
    attempts=Column(Integer),
    max_attempts=Column(Integer),
    lease_s=Column(Integer),
    created_at=Column(String),
    run_at=Column(String),
    carried_at=Column(String),
    started_at=Column(String),
    heartbeat_at=Column(String),
    lease_until=Column(String),
    ended_at=Column(String),
    worker=Column(String),
    worker_host=Column(String),
    worker_process=Column(Integer),
    is_unwanted=Column(Boolean),
    progress=Column(JSON(none_as_null=True)),
    result=Column(JSON(none_as_null=True)),
    problem=Column(Text),
)
SCHEDULE = table(
    "schedule",
    name=Column(String, primary_key=True),
    period_s=Column(Integer),
    next_at=Column(String),
    job_id=Column(String),
)
WORKER = table(
    "worker",
    id=Column(String, primary_key=True),
    kind=Column(String),
    host=Column(String),
    process=Column(Integer),
    version=Column(String),
    started_at=Column(String),
    seen_at=Column(String),
    busy=Column(Integer),
)
Row = Mapping[str, Any]  # Any: a row's values
Where = ColumnElement[bool]


class JobTable:
    """Every query on jobs. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> str:
        """Its id, or that of the job which has the same key already."""
        made = _insert(self._connection, JOB).values(**values)
        made = made.on_conflict_do_nothing(index_elements=["key"]).returning(JOB.c.id)
        added = (await self._connection.execute(made)).scalar_one_or_none()
        if added is not None:
            return str(added)
        there = select(JOB.c.id).where(JOB.c.key == values["key"])
        return str((await self._connection.execute(there)).scalar_one())

    async def find(self, job_id: str) -> Row | None:
        rows = await self._connection.execute(select(JOB).where(JOB.c.id == job_id))
        row = rows.mappings().first()
        return dict(row) if row else None

    async def found(
        self, *, state: str = "", name: str = "", before: str | None = None, limit: int = 50
    ) -> list[Row]:
        """Newest first. `before` is the last id of the page before."""
        query = select(JOB).order_by(JOB.c.id.desc()).limit(limit)
        if state:
            query = query.where(JOB.c.state == state)
        if name:
            query = query.where(JOB.c.name == name)
        if before:
            query = query.where(JOB.c.id < before)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def counts(self) -> list[tuple[str, str, int]]:
        """How many there are, by name and state."""
        query = select(JOB.c.name, JOB.c.state, func.count()).group_by(JOB.c.name, JOB.c.state)
        rows = await self._connection.execute(query.order_by(JOB.c.name, JOB.c.state))
        return [(str(name), str(state), int(count)) for name, state, count in rows]

    async def oldest_due(self, now: str) -> str | None:
        """Since when the one has been due that has waited for the longest."""
        query = select(func.min(JOB.c.run_at)).where(_is_due(now))
        since: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return since

    async def has_living(self, name: str) -> bool:
        query = select(JOB.c.id).where(JOB.c.name == name, JOB.c.state.in_(("queued", "running")))
        return (await self._connection.execute(query.limit(1))).first() is not None

    async def needs_a_look(self, now: str) -> bool:
        """Whether anything is due, or was left by a worker that died."""
        query = select(JOB.c.id).where(or_(_is_due(now), _is_left(now))).limit(1)
        return (await self._connection.execute(query)).first() is not None

    async def due(self, now: str, names: Iterable[str], limit: int) -> list[str]:
        """Those that nobody has begun, the longest due first."""
        query = select(JOB.c.id).where(_is_due(now), JOB.c.name.in_(list(names)))
        rows = await self._connection.execute(query.order_by(JOB.c.run_at, JOB.c.id).limit(limit))
        return [str(row[0]) for row in rows]

    async def carry(self, now: str, not_since: str, limit: int) -> list[str]:
        """Marks and gives those whose word is not out, or was not heard."""
        unheard = or_(JOB.c.carried_at.is_(None), JOB.c.carried_at < not_since)
        some = select(JOB.c.id).where(_is_due(now), unheard).order_by(JOB.c.run_at).limit(limit)
        marked = update(JOB).where(JOB.c.id.in_(some), unheard).values(carried_at=now)
        return await self._ids(marked)

    async def begin(self, job_id: str, doer: Doer, now: str, lease_until: str) -> Row | None:
        """Takes it for this worker, unless another one has, or it is not due. One statement. Who
        did it last stays known by name."""
        taken = update(JOB).where(JOB.c.id == job_id, _is_due(now))
        values: dict[Any, object] = {  # Any: names of columns
            "state": "running",
            "worker": doer.id,
            "worker_host": doer.host,
            "worker_process": doer.process,
            "attempts": JOB.c.attempts + 1,
            "started_at": now,
            "heartbeat_at": now,
            "lease_until": lease_until,
            "ended_at": None,
            "progress": None,
        }
        rows = await self._connection.execute(taken.values(values).returning(*JOB.c))
        row = rows.mappings().first()
        return dict(row) if row else None

    async def hold(self, claim: Row, values: Row) -> bool | None:
        """Changes a job that is still the claim's. None if it is not, else whether it is
        still wanted. Until the transaction ends nobody else can take it."""
        held = update(JOB).where(_is_of(claim)).values(**values).returning(JOB.c.is_unwanted)
        row = (await self._connection.execute(held)).first()
        return None if row is None else not row[0]

    async def take_back(self, now: str) -> list[str]:
        """Queues again what workers that died have left, where attempts are left, too."""
        left = and_(
            _is_left(now), JOB.c.attempts < JOB.c.max_attempts, JOB.c.is_unwanted.is_(False)
        )
        return await self._ids(
            update(JOB)
            .where(left)
            .values(state="queued", run_at=now, worker=None, lease_until=None, carried_at=None)
        )

    async def give_up(self, now: str, problem: str) -> list[str]:
        """Ends what workers that died have left, where no attempt is left or nobody wants it."""
        ended = {"ended_at": now, "lease_until": None, "worker": None}
        unwanted = and_(_is_left(now), JOB.c.is_unwanted.is_(True))
        gone = await self._ids(update(JOB).where(unwanted).values(state="cancelled", **ended))
        spent = and_(_is_left(now), JOB.c.attempts >= JOB.c.max_attempts)
        failed = update(JOB).where(spent).values(state="failed", problem=problem, **ended)
        return [*gone, *await self._ids(failed)]

    async def queue_again(self, job_id: str, now: str, states: Sequence[str]) -> bool:
        """By hand: with every attempt before it."""
        again = update(JOB).where(JOB.c.id == job_id, JOB.c.state.in_(states))
        values: dict[Any, object] = {  # Any: names of columns
            "state": "queued",
            "run_at": now,
            "attempts": 0,
            "is_unwanted": False,
            "carried_at": None,
            "ended_at": None,
            "progress": None,
            "problem": None,
        }
        return bool(await self._ids(again.values(values)))

    async def unwant(self, job_id: str, now: str) -> str | None:
        """The state before: what waits ends here; what runs is told. None if it has ended."""
        waits = update(JOB).where(JOB.c.id == job_id, JOB.c.state == "queued")
        if await self._ids(waits.values(state="cancelled", is_unwanted=True, ended_at=now)):
            return "queued"
        runs = update(JOB).where(JOB.c.id == job_id, JOB.c.state == "running")
        return "running" if await self._ids(runs.values(is_unwanted=True)) else None

    async def forget(self, ended_before: str, states: Sequence[str], limit: int) -> int:
        old = select(JOB.c.id).where(JOB.c.state.in_(states), JOB.c.ended_at < ended_before)
        gone = delete(JOB).where(JOB.c.id.in_(old.limit(limit)))
        return len(await self._ids(gone))

    async def _ids(self, statement: Update | Delete) -> list[str]:
        rows = await self._connection.execute(statement.returning(JOB.c.id))
        return [str(row[0]) for row in rows]


class Schedules:
    """When periodic jobs are due. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> list[Row]:
        rows = await self._connection.execute(select(SCHEDULE).order_by(SCHEDULE.c.name))
        return [dict(row) for row in rows.mappings()]

    async def keep(self, name: str, period_s: int, next_at: str) -> None:
        """Another period holds from the next time on."""
        made = _insert(self._connection, SCHEDULE).values(
            name=name, period_s=period_s, next_at=next_at, job_id=None
        )
        period = {"period_s": made.excluded.period_s}
        await self._connection.execute(
            made.on_conflict_do_update(index_elements=["name"], set_=period)
        )

    async def due(self, now: str) -> list[str]:
        query = select(SCHEDULE.c.name).where(SCHEDULE.c.next_at <= now)
        return [str(row[0]) for row in await self._connection.execute(query)]

    async def take(self, name: str, now: str, next_at: str) -> bool:
        """Whether it is this replica's to queue; the others see it as not due any more."""
        taken = update(SCHEDULE).where(SCHEDULE.c.name == name, SCHEDULE.c.next_at <= now)
        rows = await self._connection.execute(
            taken.values(next_at=next_at).returning(SCHEDULE.c.name)
        )
        return rows.first() is not None

    async def hold(self, name: str) -> None:
        """Until the transaction ends nobody else queues it."""
        held = update(SCHEDULE).where(SCHEDULE.c.name == name).values(name=name)
        await self._connection.execute(held.returning(SCHEDULE.c.name))

    async def queued(self, name: str, job_id: str) -> None:
        last = update(SCHEDULE).where(SCHEDULE.c.name == name).values(job_id=job_id)
        await self._connection.execute(last)


class Workers:
    """Who works on jobs. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def seen(self, values: Row) -> None:
        made = _insert(self._connection, WORKER).values(**values)
        fresh = {"seen_at": made.excluded.seen_at, "busy": made.excluded.busy}
        await self._connection.execute(
            made.on_conflict_do_update(index_elements=["id"], set_=fresh)
        )

    async def alive(self, since: str) -> list[Row]:
        query = select(WORKER).where(WORKER.c.seen_at >= since).order_by(WORKER.c.started_at)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def gone(self, worker_id: str) -> None:
        await self._connection.execute(delete(WORKER).where(WORKER.c.id == worker_id))

    async def forget(self, seen_before: str) -> None:
        await self._connection.execute(delete(WORKER).where(WORKER.c.seen_at < seen_before))


def _is_due(now: str) -> Where:
    return and_(JOB.c.state == "queued", JOB.c.run_at <= now)


def _is_left(now: str) -> Where:
    return and_(JOB.c.state == "running", JOB.c.lease_until < now)


def _is_of(claim: Row) -> Where:
    """The number of the attempt tells a worker from itself before it lost the job."""
    return and_(
        JOB.c.id == claim["id"],
        JOB.c.state == "running",
        JOB.c.worker == claim["worker"],
        JOB.c.attempts == claim["attempts"],
        JOB.c.started_at == claim["started_at"],
    )


def _insert(connection: AsyncConnection, into: Any) -> Any:  # Any: of either database
    is_server = connection.dialect.name == "postgresql"
    return postgresql.insert(into) if is_server else sqlite.insert(into)
