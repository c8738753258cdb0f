"""The tables of runs, of their events, and of the replicas that have them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    String,
    Update,
    and_,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.rules import ALIVE, Run, RunState
from agent.runs.store import Runs
from hub.ai.rules import OwnedRun
from hub.limits.lanes import Lanes
from hub.tables import table

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
    last_seq=Column(Integer),
    problem=Column(JSON(none_as_null=True)),
    idempotency_key=Column(String),
    request_hash=Column(String),
    account_id=Column(String),
    purpose=Column(String),
    about=Column(JSON),
    model=Column(String),
    provider=Column(String),
    usage=Column(JSON(none_as_null=True)),
    replica=Column(String),
    is_unwanted=Column(Boolean),
)
SEGMENT = table(
    "run_segment",
    run_id=Column(String, primary_key=True),
    first_seq=Column(Integer, primary_key=True),
    last_seq=Column(Integer),
    payload=Column(LargeBinary),
)
REPLICA = table(
    "replica",
    id=Column(String, primary_key=True),
    beats=Column(BigInteger),
    started_at=Column(String),
    beat_at=Column(String),
)
IS_ALIVE = RUN.c.state.in_([state.value for state in ALIVE])
CHANGE = update(RUN).where(RUN.c.id == bindparam("key"))
Row = Mapping[str, Any]  # Any: a row's values
GIVEN = (
    *("id", "kind", "state", "conversation_id", "message_id", "created_at", "last_seq"),
    *("idempotency_key", "request_hash", "account_id", "purpose", "about", "model", "provider"),
    *("replica", "is_unwanted"),
)
ADD_ALONE = (
    f"INSERT INTO run ({', '.join(GIVEN)}) "  # noqa: S608 - of names that stand above
    f"VALUES ({', '.join(f'${at}' for at in range(1, len(GIVEN) + 1))}) "
    "ON CONFLICT (idempotency_key) DO NOTHING RETURNING id"
)


class TeamRuns(Runs):
    """Every query on the tables of runs and replicas. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._at = connection

    async def add_owned(
        self, owned: OwnedRun, replica: str, *, key: str | None, request_hash: str
    ) -> bool:
        """False if the key has made a run already."""
        values = _values(owned, replica, key, request_hash)
        words = postgresql if self._at.dialect.name == "postgresql" else sqlite
        query = (
            words.insert(RUN)
            .values(values)
            .on_conflict_do_nothing(index_elements=["idempotency_key"])
        )
        return (await self._at.execute(query.returning(RUN.c.id))).first() is not None

    async def owned(self, run_id: str) -> OwnedRun | None:
        return _first(await self._rows(RUN.c.id == run_id))

    async def made_by(self, key: str) -> tuple[OwnedRun, str] | None:
        """The run that an idempotency key made, and the hash of what was asked."""
        rows = await self._rows(RUN.c.idempotency_key == key)
        return (_owned(rows[0]), str(rows[0]["request_hash"])) if rows else None

    async def found(
        self, account_id: str | None, state: str | None, before: str | None, limit: int
    ) -> list[OwnedRun]:
        """Newest first, of one person or of all."""
        query = select(RUN).order_by(RUN.c.id.desc()).limit(limit)
        if account_id:
            query = query.where(RUN.c.account_id == account_id)
        if state:
            query = query.where(RUN.c.state == state)
        if before:
            query = query.where(RUN.c.id < before)
        rows = await self._at.execute(query)
        return [_owned(dict(row)) for row in rows.mappings()]

    async def held(self, replica: str, runs: Sequence[Run]) -> set[str]:
        """The ids of those that this replica still has, locked until the transaction ends. What
        has begun since is written down."""
        query = (
            select(RUN.c.id, RUN.c.state)
            .where(RUN.c.id.in_([run.id for run in runs]), RUN.c.replica == replica, IS_ALIVE)
            .order_by(RUN.c.id)
            .with_for_update()
        )
        states = {row.id: row.state for row in await self._at.execute(query)}
        begun = [
            {"key": run.id, "state": RunState.RUNNING.value, "started_at": run.started_at}
            for run in runs
            if run.state is RunState.RUNNING and states.get(run.id) == RunState.QUEUED
        ]
        if begun:
            await self._at.execute(CHANGE, begun)
        return set(states)

    async def tell(self, run_id: str, *, model: str, provider: str, usage: Row | None) -> None:
        """Who answered, and what it took."""
        values = {"model": model, "provider": provider, "usage": usage}
        await self._at.execute(update(RUN).where(RUN.c.id == run_id).values(values))

    async def want_no_more(self, run_id: str) -> None:
        """Whichever replica has it ends it soon."""
        await self._at.execute(
            update(RUN).where(RUN.c.id == run_id, IS_ALIVE).values(is_unwanted=True)
        )

    async def unwanted(self, replica: str) -> list[str]:
        query = select(RUN.c.id).where(IS_ALIVE, RUN.c.replica == replica, RUN.c.is_unwanted)
        return [row.id for row in await self._at.execute(query)]

    # --- replicas ---------------------------------------------------------------------------

    async def beat(self, replica: str, now: str) -> None:
        words = postgresql if self._at.dialect.name == "postgresql" else sqlite
        first = words.insert(REPLICA).values(id=replica, beats=1, started_at=now, beat_at=now)
        again = {"beats": REPLICA.c.beats + 1, "beat_at": now}
        await self._at.execute(first.on_conflict_do_update(index_elements=["id"], set_=again))

    async def beats(self) -> dict[str, int]:
        """How often each replica has said that it lives."""
        query = select(REPLICA.c.id, REPLICA.c.beats)
        return {row.id: row.beats for row in await self._at.execute(query)}

    async def forget_replicas(self, silent: Iterable[tuple[str, int]]) -> None:
        """Those that have said nothing since."""
        for replica, beats in silent:
            query = delete(REPLICA).where(REPLICA.c.id == replica, REPLICA.c.beats == beats)
            await self._at.execute(query)

    async def take_over(self, replica: str) -> None:
        """Every run that is alive and whose replica is not: from now on it is this one's."""
        await self._at.execute(_taking(replica))

    async def alive_of(self, replica: str) -> list[OwnedRun]:
        return [_owned(row) for row in await self._rows(and_(IS_ALIVE, RUN.c.replica == replica))]

    async def _rows(self, which: Any) -> list[Row]:  # Any: a clause of SQLAlchemy
        rows = await self._at.execute(select(RUN).where(which))
        return [dict(row) for row in rows.mappings()]


async def add_alone(
    lanes: Lanes, owned: OwnedRun, replica: str, *, key: str | None, request_hash: str
) -> bool:
    """As `add_owned`, in a transaction of its own and with one way to the server and back: until
    then nobody hears a word."""
    values = _values(owned, replica, key, request_hash)
    sent = [json.dumps(values[name]) if name == "about" else values[name] for name in GIVEN]
    return bool(await lanes.fetch(ADD_ALONE, *sent))


def _values(owned: OwnedRun, replica: str, key: str | None, request_hash: str) -> Row:
    run = owned.run
    return {
        "id": run.id,
        "kind": run.kind,
        "state": run.state.value,
        "conversation_id": run.conversation_id,
        "message_id": run.message_id,
        "created_at": run.created_at,
        "last_seq": 0,
        "idempotency_key": key,
        "request_hash": request_hash,
        "account_id": owned.account_id,
        "purpose": owned.purpose,
        "about": dict(owned.about),
        "model": owned.model,
        "provider": "",
        "replica": replica,
        "is_unwanted": False,
    }


def _taking(replica: str) -> Update:
    gone = RUN.c.replica.not_in(select(REPLICA.c.id))
    return update(RUN).where(IS_ALIVE, gone).values(replica=replica)


def _first(rows: Sequence[Row]) -> OwnedRun | None:
    return _owned(rows[0]) if rows else None


def _owned(row: Row) -> OwnedRun:
    run = Run(
        row["id"],
        row["kind"],
        RunState(row["state"]),
        row["created_at"],
        row["conversation_id"],
        row["message_id"],
        row["started_at"],
        row["ended_at"],
        row["last_seq"],
        row["problem"],
    )
    return OwnedRun(
        run,
        row["account_id"],
        row["purpose"],
        row["model"],
        row["about"],
        row["provider"],
        row["usage"],
    )
