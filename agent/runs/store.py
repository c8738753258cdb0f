"""The tables of runs and of their events."""

import json
from collections.abc import Iterable

from sqlalchemy import (
    JSON,
    Column,
    Integer,
    LargeBinary,
    String,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.rules import ALIVE, Chunk, Run, RunState
from agent.shared.sqlite import BY_KEY
from agent.shared.statements import Row, Statement
from agent.shared.tables import table

RUN = table(
    "run",
    id=Column(String, primary_key=True),
    kind=Column(String),
    state=Column(String),
    conversation_id=Column(String),
    message_id=Column(String),
    created_at=Column(String),
    started_at=Column(String),
    ended_at=Column(String),
    last_seq=Column(Integer, default=0),
    problem=Column(JSON(none_as_null=True)),
    idempotency_key=Column(String),
    request_hash=Column(String),
)

# Events `first_seq` to `last_seq` of a run, encoded: what was written at one time.
SEGMENT = table(
    "run_segment",
    run_id=Column(String, primary_key=True),
    first_seq=Column(Integer, primary_key=True),
    last_seq=Column(Integer),
    payload=Column(LargeBinary),
)

# Built once: building a statement takes as long as running it.
FIND_RUN = Statement(select(RUN).prefix_with(BY_KEY).where(RUN.c.id == bindparam("key")))
FIND_RUN_BY_KEY = Statement(
    select(RUN).prefix_with(BY_KEY).where(RUN.c.idempotency_key == bindparam("key"))
)
CHANGE_RUN = Statement(update(RUN).where(RUN.c.id == bindparam("key")))
ADD_RUN, ADD_SEGMENTS = Statement(insert(RUN)), Statement(insert(SEGMENT))
# Of a server one may not hear that it has committed. The same events come again then, and more.
KEEP_SEGMENTS = text(
    "INSERT INTO run_segment (run_id, first_seq, last_seq, payload) "
    "VALUES (:run_id, :first_seq, :last_seq, :payload) ON CONFLICT (run_id, first_seq) "
    "DO UPDATE SET last_seq = excluded.last_seq, payload = excluded.payload"
)


class Runs:
    """Every query on the tables of runs. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, run: Run, *, key: str | None = None, request_hash: str = "") -> None:
        await ADD_RUN.run(
            self._connection,
            {
                "id": run.id,
                "kind": run.kind,
                "state": run.state.value,
                "conversation_id": run.conversation_id,
                "message_id": run.message_id,
                "created_at": run.created_at,
                "last_seq": 0,
                "idempotency_key": key,
                "request_hash": request_hash,
            },
        )

    async def find(self, run_id: str) -> Run | None:
        row = await FIND_RUN.first(self._connection, {"key": run_id})
        return _run(row) if row else None

    async def find_by_key(self, key: str) -> tuple[Run, str] | None:
        """The run that this idempotency key made, and the hash of the request that asked."""
        row = await FIND_RUN_BY_KEY.first(self._connection, {"key": key})
        return (_run(row), row["request_hash"]) if row else None

    async def alive(self) -> list[Run]:
        rows = await self._connection.execute(select(RUN).where(RUN.c.state.in_(ALIVE)))
        return [_run(dict(row)) for row in rows.mappings()]

    async def latest(self, state: str | None, before: str | None, limit: int) -> list[Run]:
        """Newest first; ids sort by time."""
        query = select(RUN).order_by(RUN.c.id.desc()).limit(limit)
        if state:
            query = query.where(RUN.c.state == state)
        if before:
            query = query.where(RUN.c.id < before)
        rows = await self._connection.execute(query)
        return [_run(dict(row)) for row in rows.mappings()]

    async def begin(self, run: Run) -> None:
        """Writes down that it runs, for one that goes on after a restart."""
        await CHANGE_RUN.run(
            self._connection,
            {"key": run.id, "state": run.state.value, "started_at": run.started_at},
        )

    async def end(self, run: Run) -> None:
        await CHANGE_RUN.run(
            self._connection,
            {
                "key": run.id,
                "state": run.state.value,
                "started_at": run.started_at,
                "ended_at": run.ended_at,
                "last_seq": run.last_seq,
                "problem": run.problem,
            },
        )

    async def append(self, segments: Iterable[tuple[str, Chunk]]) -> None:
        rows = [
            {"run_id": run_id, "first_seq": c.first, "last_seq": c.last, "payload": c.payload}
            for run_id, c in segments
        ]
        if self._connection.dialect.name == "sqlite":
            await ADD_SEGMENTS.run(self._connection, *rows)
        elif rows:
            await self._connection.execute(KEEP_SEGMENTS, rows)

    async def segments(self, run_id: str, after_seq: int, limit: int = 64) -> list[Chunk]:
        rows = await self._connection.execute(
            select(SEGMENT.c.first_seq, SEGMENT.c.last_seq, SEGMENT.c.payload)
            .where(SEGMENT.c.run_id == run_id, SEGMENT.c.last_seq > after_seq)
            .order_by(SEGMENT.c.first_seq)
            .limit(limit)
        )
        return [Chunk(*row) for row in rows]

    async def last_seq(self, run_id: str) -> int:
        """The number of the last event that was saved."""
        query = select(func.coalesce(func.max(SEGMENT.c.last_seq), 0))
        return int(
            (await self._connection.execute(query.where(SEGMENT.c.run_id == run_id))).scalar_one()
        )

    async def remove_of(self, conversation_ids: list[str]) -> None:
        await self._connection.execute(
            delete(RUN).where(RUN.c.conversation_id.in_(conversation_ids))
        )

    async def forget_events(self, ended_before: str, limit: int = 200) -> int:
        """Deletes all but the closing event of runs that ended long ago, some runs at a time;
        says of how many."""
        old = (
            select(SEGMENT.c.run_id)
            .join(RUN, RUN.c.id == SEGMENT.c.run_id)
            .where(RUN.c.ended_at < ended_before, SEGMENT.c.last_seq < RUN.c.last_seq)
            .distinct()
            .limit(limit)
        )
        ids = [row.run_id for row in await self._connection.execute(old)]
        closing = select(RUN.c.last_seq).where(RUN.c.id == SEGMENT.c.run_id).scalar_subquery()
        await self._connection.execute(
            delete(SEGMENT).where(SEGMENT.c.run_id.in_(ids), SEGMENT.c.last_seq < closing)
        )
        return len(ids)


def _run(row: Row) -> Run:
    problem = row["problem"]
    return Run(
        row["id"],
        row["kind"],
        RunState(row["state"]),
        row["created_at"],
        row["conversation_id"],
        row["message_id"],
        row["started_at"],
        row["ended_at"],
        row["last_seq"],
        json.loads(problem) if isinstance(problem, str) else problem,
    )
