"""The text that Prometheus reads, in its format 0.0.4."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from agent.shared.databases import Databases
from agent.shared.errors import OrcaError
from agent.version import program_version
from hub.core import Reading
from hub.health import Part
from hub.jobs.service import Jobs
from hub.operation.metering import PREFIX, RequestMeter
from hub.redis import SharedRedis

PATIENCE_S = 3.0
Source = Callable[[], Awaitable[Iterable[Reading]]]

log = logging.getLogger(__name__)


class Metrics:
    """One registry of its own: nothing is global. What cannot be asked is left out."""

    def __init__(self, meter: RequestMeter, sources: Sequence[Source]) -> None:
        self._meter, self._sources = meter, sources
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)  # tells something where there is /proc

    async def text(self) -> bytes:
        found = await asyncio.gather(*(_asked(source) for source in self._sources))
        readings = [one for some in found for one in some]
        metrics = [
            *self._meter.collect(),
            *_families(readings),
            *self._process.collect(),
            _build(),
        ]
        return generate_latest(_Collected(metrics))


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


async def _asked(source: Source) -> list[Reading]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return list(await source())
    except (OrcaError, TimeoutError) as err:
        log.debug("some metrics are left out: %r", err)
        return []


def _families(readings: Iterable[Reading]) -> Iterator[Metric]:
    by_name: dict[str, list[Reading]] = {}
    for one in readings:
        by_name.setdefault(one.name, []).append(one)
    for name, several in by_name.items():
        kind = CounterMetricFamily if several[0].is_counter else GaugeMetricFamily
        labels = tuple(several[0].labels)
        family = kind(f"{PREFIX}_{_bare(name)}", several[0].said, labels=labels)
        for one in several:
            family.add_metric(tuple(one.labels.values()), one.value)
        yield family


def _bare(name: str) -> str:
    """As it stands without what every name begins with and every counter ends with."""
    return name.removeprefix(f"{PREFIX}_").removesuffix("_total")


def _build() -> Metric:
    build = InfoMetricFamily(f"{PREFIX}_build", "The version that runs.")
    build.add_metric((), {"version": program_version()})
    return build


# --- sources ------------------------------------------------------------------------------------


def of_jobs(jobs: Jobs) -> Source:
    async def read() -> list[Reading]:
        counts, _, workers = await jobs.overview()
        said = "Background jobs that are kept, by name and state."
        found = [
            Reading("jobs", said, count, {"name": name, "state": state})
            for name, state, count in counts
        ]
        waiting = (await jobs.oldest_wait()).total_seconds()
        said = "For how long the job has been due that has waited for the longest."
        found.append(Reading("jobs_waiting_seconds", said, waiting))
        for kind in ("hub", "worker"):
            alive = [one for one in workers if one["kind"] == kind]
            labels = {"kind": kind}
            said = "Processes that gave a sign of life."
            found.append(Reading("processes_alive", said, len(alive), labels))
            busy = sum(one["busy"] for one in alive)
            found.append(Reading("jobs_busy", "Jobs that they do now.", busy, labels))
        return found

    return read


def of_database(database: Databases) -> Source:
    async def read() -> list[Reading]:
        pool: Mapping[str, int] = getattr(database, "pool", {})
        said = "Connections of this process to PostgreSQL."
        return [
            Reading("database_connections", said, count, {"state": state})
            for state, count in pool.items()
        ]

    return read


def of_redis(redis: SharedRedis) -> Source:
    async def read() -> list[Reading]:
        with redis.asking() as client:
            said: Mapping[str, Any] = await client.info("memory")  # Any: by the server
        return [
            Reading("redis_memory_bytes", "Memory that Redis uses.", said["used_memory"]),
            Reading("redis_memory_limit_bytes", "0: no limit is set.", said["maxmemory"]),
        ]

    return read


def of_parts(parts: Sequence[Part]) -> Source:
    async def read() -> list[Reading]:
        async def look(part: Part) -> Reading:
            try:
                await part.check()
            except (OrcaError, TimeoutError):
                is_well = 0
            else:
                is_well = 1
            said = "Whether what the hub stands on answers."
            return Reading("part_up", said, is_well, {"part": part.name})

        return list(await asyncio.gather(*(look(part) for part in parts)))

    return read
