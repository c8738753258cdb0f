"""Counts requests and how long they take, by route; never by what anybody wrote into an address."""

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from quart import Quart, g, request
from quart.typing import ResponseTypes

PREFIX = "orca_hub"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
UNKNOWN = "(none)"  # an address that is no route


class RequestMeter:
    """Of this process since its start."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._took = Histogram(
            f"{PREFIX}_request_duration_seconds",
            "From the first line of a request to the head of its answer.",
            buckets=BUCKETS,
            registry=CollectorRegistry(),
        )

    def install(self, app: Quart) -> None:
        @app.after_request
        async def count(response: ResponseTypes) -> ResponseTypes:
            rule = request.url_rule
            status = f"{response.status_code // 100}xx"
            self._counts[request.method, rule.rule if rule else UNKNOWN, status] += 1
            if (began_s := g.get("started_s")) is not None:
                self._took.observe(time.perf_counter() - began_s)
            return response

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            f"{PREFIX}_requests",
            "Requests that were answered.",
            labels=("method", "route", "status"),
        )
        for key, count in self._counts.items():
            requests.add_metric(key, count)
        yield requests
        yield from self._took.collect()
