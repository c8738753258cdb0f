"""The text that Prometheus reads, in its format 0.0.4. Imported when it first asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from agent.images.service import ImageStats
from agent.telemetry.sources import Sources
from agent.telemetry.tallies import BACKENDS, Histograms, Names, Tallies

PREFIX = "orca_agent"
BREAKERS = ("closed", "open", "half-open")
WHERE = ("model", "backend")
Pairs = Iterable[tuple[tuple[str, ...], float]]


class Exposition:
    """One registry of its own: nothing is global."""

    def __init__(self, sources: Sources) -> None:
        self.images: ImageStats | None = None  # as it was a moment ago
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collected(lambda: _collect(sources, self.images)))
        ProcessCollector(registry=self._registry)  # tells something where there is /proc

    def collect(self) -> list[Metric]:
        """How everything is at this moment; on the event loop, where it changes."""
        return list(self._registry.collect())


def text(metrics: list[Metric]) -> bytes:
    """In any thread; takes some ten milliseconds where there are many models."""
    return generate_latest(_Collected(lambda: metrics))


class _Collected(Collector):
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def _collect(sources: Sources, images: ImageStats | None) -> Iterator[Metric]:
    yield from _requests(sources.tallies)
    yield from _times(sources.tallies)
    yield from _queues(sources)
    yield from _backends(sources)
    yield from _answers(sources.answer_cache())
    if images is not None:
        yield from _images(images)
    yield from _runs(sources)
    yield _gauge(
        "database_size_bytes",
        "Size of the database with its log of changes.",
        (),
        [((), _database_bytes(sources))],
    )
    build = InfoMetricFamily(f"{PREFIX}_build", "The version that runs.")
    build.add_metric((), {"version": sources.version})
    yield build


def _requests(tallies: Tallies) -> Iterator[Metric]:
    labels = ("kind", *WHERE, "outcome")
    yield _counter(
        "requests", "Requests to models that have ended.", labels, tallies.requests.items()
    )
    errors = [((code,), count) for code, count in tallies.errors.items()]
    yield _counter("errors", "Requests that ended with a problem.", ("code",), errors)
    yield _counter(
        "prompt_tokens", "Tokens that models have read.", WHERE, tallies.prompt_tokens.items()
    )
    yield _counter(
        "completion_tokens",
        "Tokens that models have written.",
        WHERE,
        tallies.completion_tokens.items(),
    )
    yield _counter(
        "cached_answers", "Requests that no model was asked.", WHERE, tallies.cached.items()
    )
    yield _counter(
        "cold_starts",
        "Requests for which a model was read into memory.",
        WHERE,
        tallies.cold.items(),
    )
    yield _counter(
        "telemetry_dropped",
        "Records of requests that could not be saved and were given up.",
        (),
        [((), tallies.dropped)],
    )


def _times(tallies: Tallies) -> Iterator[Metric]:
    yield _histogram(
        "request_duration_seconds", "From coming to end, waiting included.", tallies.total_s
    )
    yield _histogram(
        "first_token_seconds", "From asking a model to its first word.", tallies.first_token_s
    )
    yield _histogram("queue_wait_seconds", "From coming to a place.", tallies.queued_s)
    yield _histogram(
        "output_tokens_per_second", "How fast a model wrote, by answer.", tallies.speed
    )


def _queues(sources: Sources) -> Iterator[Metric]:
    states = list(sources.queues())
    gauges = {
        "queue_waiting": ("Requests that wait.", "waiting"),
        "queue_running": ("Requests that have a place.", "running"),
        "queue_limit": ("Places.", "limit"),
        "queue_capacity": ("How many may wait.", "capacity"),
    }
    counters = {
        "queue_served": ("Requests that were given a place.", "served"),
        "queue_rejected": ("Requests that were refused because too many waited.", "rejected"),
        "queue_timed_out": ("Requests that waited too long.", "timed_out"),
        "queue_abandoned": ("Requests that left while they waited.", "abandoned"),
    }
    for make, families in ((_gauge, gauges), (_counter, counters)):
        for name, (said, field) in families.items():
            values = [((state.name,), float(getattr(state, field))) for state in states]
            yield make(name, said, ("queue",), values)


def _backends(sources: Sources) -> Iterator[Metric]:
    name = Names(BACKENDS)
    facts = {(name(one.name), one.provider): one for one in sources.backends()}
    labels = ("backend", "provider")
    up = [(key, float(one.is_up)) for key, one in facts.items()]
    yield _gauge("backend_up", "Whether the model server answers.", labels, up)
    in_flight = [(key, float(one.in_flight)) for key, one in facts.items()]
    yield _gauge("backend_in_flight", "Requests that it works on.", labels, in_flight)
    breakers = [
        ((backend, state), float(one.breaker == state))
        for (backend, _), one in facts.items()
        for state in BREAKERS
    ]
    said = "The circuit breaker: 1 for the state it is in."
    yield _gauge("backend_breaker_state", said, ("backend", "state"), breakers)


def _answers(numbers: Mapping[str, float]) -> Iterator[Metric]:
    for make, key, said in (
        (_counter, "hits", "Answers that were there already."),
        (_counter, "misses", "Answers that a model had to make."),
        (_gauge, "entries", "Answers that are kept now."),
        (_gauge, "size_bytes", "Bytes of the answers that are kept now."),
    ):
        if key in numbers:
            yield make(f"answer_cache_{key}", said, (), [((), numbers[key])])


def _images(stats: ImageStats) -> Iterator[Metric]:
    for make, name, said, value in (
        (_gauge, "images", "Pictures that are kept.", stats.count),
        (_gauge, "images_size_bytes", "Bytes of the pictures that are kept.", stats.size_bytes),
        (_counter, "images_decoded", "Pictures that were decoded.", stats.decoded),
        (_counter, "images_refused", "Pictures that were refused.", stats.refused),
        (
            _counter,
            "images_saved_bytes",
            "Bytes that models were spared because pictures were shrunk.",
            stats.saved_bytes,
        ),
        (_gauge, "image_cache_entries", "Shrunk pictures that are kept.", stats.variants),
        (_gauge, "image_cache_size_bytes", "Bytes of shrunk pictures.", stats.variant_bytes),
        (
            _gauge,
            "image_cache_limit_bytes",
            "Bytes of shrunk pictures that are kept at the most.",
            stats.cache_limit_bytes,
        ),
        (_counter, "image_cache_hits", "Shrunk pictures that were there.", stats.hits),
        (_counter, "image_cache_misses", "Shrunk pictures that were made.", stats.misses),
        (_counter, "image_cache_evictions", "Shrunk pictures that had to go.", stats.evictions),
    ):
        yield make(name, said, (), [((), float(value))])


def _runs(sources: Sources) -> Iterator[Metric]:
    runs = sources.runs()
    yield _gauge("runs_alive", "Runs that go on.", (), [((), runs.alive)])
    ended = [((state,), count) for state, count in runs.ended.items()]
    yield _counter("runs_ended", "Runs that have ended, by how.", ("state",), ended)


def _database_bytes(sources: Sources) -> float:
    total = 0
    for ending in ("", "-wal", "-shm"):
        try:
            total += Path(f"{sources.database_file}{ending}").stat().st_size
        except OSError:  # the log of changes is not there all the time
            continue
    return total


def _counter(name: str, said: str, labels: Iterable[str], values: Pairs) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", said, labels=tuple(labels))
    for key, value in values:
        family.add_metric(key, value)
    return family


def _gauge(name: str, said: str, labels: Iterable[str], values: Pairs) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", said, labels=tuple(labels))
    for key, value in values:
        family.add_metric(key, value)
    return family


def _histogram(name: str, said: str, found: Histograms) -> Metric:
    family = HistogramMetricFamily(f"{PREFIX}_{name}", said, labels=WHERE)
    for where, histogram in found.items():
        family.add_metric(where, histogram.cumulative(), histogram.sum)
    return family
