"""The table of jobs: which file is for which printer, and how far it is."""

from collections.abc import Iterable
from dataclasses import asdict

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    RowMapping,
    String,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.tables import table
from agent.slicer.files.store import FILE
from agent.slicer.printhost.rules import ON_ITS_WAY, OPEN, Job, JobState, Reason

JOB = table(
    "slicer_job",
    id=Column(String, primary_key=True),
    file_id=Column(String),
    printer=Column(String),
    wants_print=Column(Boolean),
    plate=Column(Integer),
    source=Column(String),
    state=Column(String),
    reason=Column(String),
    run_id=Column(String),
    problem=Column(String),
    created_at=Column(String),
    changed_at=Column(String),
)


class Jobs:
    """Every query on the table of jobs. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, job: Job) -> None:
        problem = _text(job.problem)
        await self._connection.execute(insert(JOB), {**asdict(job), "problem": problem})

    async def find(self, job_id: str) -> Job | None:
        query = select(JOB).where(JOB.c.id == job_id)
        row = (await self._connection.execute(query)).mappings().first()
        return _job(row) if row else None

    async def in_states(
        self, states: Iterable[JobState], before: str | None = None, limit: int = 1_000_000
    ) -> list[Job]:
        """Newest first, older than the id `before`."""
        query = select(JOB).where(JOB.c.state.in_(list(states))).order_by(JOB.c.id.desc())
        if before:
            query = query.where(JOB.c.id < before)
        rows = await self._connection.execute(query.limit(limit))
        return [_job(row) for row in rows.mappings()]

    async def latest_of(self, file_ids: list[str]) -> dict[str, Job]:
        """The newest job of each file that has one."""
        newest = (
            select(func.max(JOB.c.id)).where(JOB.c.file_id.in_(file_ids)).group_by(JOB.c.file_id)
        )
        rows = await self._connection.execute(select(JOB).where(JOB.c.id.in_(newest)))
        return {row["file_id"]: _job(row) for row in rows.mappings()}

    async def open_files(self) -> set[str]:
        """The files of jobs that are not done with."""
        query = select(JOB.c.file_id).where(JOB.c.state.in_(OPEN)).distinct()
        return {row.file_id for row in await self._connection.execute(query)}

    async def on_its_way(self, file_id: str, printer: str) -> Job | None:
        """The newest job that takes this file to this printer now."""
        query = (
            select(JOB)
            .where(JOB.c.file_id == file_id, JOB.c.printer == printer, JOB.c.state.in_(ON_ITS_WAY))
            .order_by(JOB.c.id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).mappings().first()
        return _job(row) if row else None

    async def latest_called(self, printer: str, name: str) -> Job | None:
        """The newest job of a printer whose file has this name."""
        query = (
            select(JOB)
            .join(FILE, FILE.c.id == JOB.c.file_id)
            .where(JOB.c.printer == printer, FILE.c.name == name)
            .order_by(JOB.c.id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).mappings().first()
        return _job(row) if row else None

    async def want_print(self, job_id: str, *, wants_print: bool = True) -> None:
        await self._connection.execute(
            update(JOB).where(JOB.c.id == job_id).values(wants_print=wants_print)
        )

    async def change(
        self,
        job_id: str,
        state: JobState,
        at: str,
        *,
        run_id: str | None = None,
        reason: Reason | None = None,
        problem: dict[str, object] | None = None,
        only_from: Iterable[JobState] | None = None,
    ) -> bool:
        """Says whether there was such a job, in one of the states `only_from`."""
        query = update(JOB).where(JOB.c.id == job_id)
        if only_from is not None:
            query = query.where(JOB.c.state.in_(list(only_from)))
        values = {"state": state.value, "changed_at": at, "problem": _text(problem)}
        if run_id is not None:
            values["run_id"] = run_id
        if reason is not None:
            values["reason"] = reason
        rows = await self._connection.execute(query.values(values).returning(JOB.c.id))
        return rows.first() is not None

    async def interrupt(self, at: str) -> int:
        """What was on its way when the agent last ended is offered again; says how many."""
        query = update(JOB).where(JOB.c.state.in_(ON_ITS_WAY))
        values = {"state": JobState.INTERRUPTED.value, "changed_at": at}
        rows = await self._connection.execute(query.values(values).returning(JOB.c.id))
        return len(rows.all())


def _job(row: RowMapping) -> Job:
    problem = row["problem"]
    return Job(
        **{
            **row,
            "wants_print": bool(row["wants_print"]),
            "state": JobState(row["state"]),
            "problem": orjson.loads(problem) if problem else None,
        }
    )


def _text(problem: dict[str, object] | None) -> str | None:
    return orjson.dumps(problem).decode() if problem else None
