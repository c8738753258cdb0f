"""Jobs as they are sent and shown."""

from collections.abc import Sequence
from typing import Annotated, Any, get_args

from pydantic import Field

from agent.shared.web import In, Out
from hub.jobs.rules import State
from hub.jobs.store import Row


class JobQuery(In):
    state: State | None = None
    name: Annotated[str, Field(max_length=100)] = ""
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class RunIn(In):
    name: Annotated[str, Field(min_length=1, max_length=100)]


class ProgressOut(Out):
    fraction: float
    text: str


class JobOut(Out):
    """`attempts` of `max_attempts` were begun; `problem` is that of the last one that failed.
    Whoever did the last one is known by `worker_host` and `worker_process`, as in the list of
    workers, also when it has ended."""

    id: str
    name: str
    state: State
    attempts: int
    max_attempts: int
    payload: dict[str, Any]  # Any: JSON values
    created_at: str
    run_at: str
    started_at: str | None
    heartbeat_at: str | None
    ended_at: str | None
    worker: str | None
    worker_host: str | None
    worker_process: int | None
    is_unwanted: bool
    progress: ProgressOut | None
    result: dict[str, Any] | None  # Any: JSON values
    problem: str | None


class JobsOut(Out):
    items: list[JobOut]
    next_cursor: str | None


class CountOut(Out):
    """How many jobs of one name there are in each state."""

    name: str
    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0


class ScheduleOut(Out):
    name: str
    period_s: int
    next_at: str
    job_id: str | None


class WorkerOut(Out):
    """`kind`: a `worker`, or a `hub` that does jobs itself where there is none."""

    id: str
    kind: str
    host: str
    process: int
    version: str
    started_at: str
    seen_at: str
    busy: int


class QueuesOut(Out):
    """`waiting_s`: for how long the job has been due that has waited for the longest."""

    queues: list[CountOut]
    schedules: list[ScheduleOut]
    workers: list[WorkerOut]
    waiting_s: float


def job(row: Row) -> dict[str, Any]:  # Any: JSON values
    return {name: row[name] for name in JobOut.model_fields}


def queues(
    counts: Sequence[tuple[str, str, int]],
    schedules: Sequence[Row],
    workers: Sequence[Row],
    waiting_s: float,
) -> dict[str, Any]:  # Any: JSON values
    by_name: dict[str, dict[str, Any]] = {}  # Any: a name, and numbers
    for name, state, count in counts:
        empty = {"name": name, **dict.fromkeys(get_args(State), 0)}
        by_name.setdefault(name, empty)[state] = count
    return {
        "queues": list(by_name.values()),
        "schedules": [dict(one) for one in schedules],
        "workers": [dict(one) for one in workers],
        "waiting_s": round(waiting_s, 3),
    }
