"""Counts requests and how long they take, by route; never by what anybody wrote into an address."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from quart import Quart, g
from quart.typing import ResponseTypes

from agent.shared.web import current

PREFIX = "orca_hub"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
UNKNOWN = "(none)"  # an address that is no route


class RequestMeter:
    """Of this process since its start."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._within, self._sum_s = [0] * (len(BUCKETS) + 1), 0.0  # the last: longer than all

    def install(self, app: Quart) -> None:
        @app.after_request
        async def count(response: ResponseTypes) -> ResponseTypes:
            sent = current()
            rule = sent.url_rule
            route = rule.rule if rule else UNKNOWN
            self._counts[sent.method, route, response.status_code // 100] += 1
            if (began_s := g.get("started_s")) is not None:
                self._note(time.perf_counter() - began_s)
            return response

    def _note(self, took_s: float) -> None:
        self._within[bisect_left(BUCKETS, took_s)] += 1
        self._sum_s += took_s

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            f"{PREFIX}_requests",
            "Requests that were answered.",
            labels=("method", "route", "status"),
        )
        for (method, route, hundreds), count in self._counts.items():
            requests.add_metric((method, route, f"{hundreds}xx"), count)
        yield requests
        yield self._took()

    def _took(self) -> Metric:
        names = [*map(str, BUCKETS), "+Inf"]
        return HistogramMetricFamily(
            f"{PREFIX}_request_duration_seconds",
            "From the first line of a request to the head of its answer.",
            buckets=list(zip(names, accumulate(self._within), strict=True)),
            sum_value=self._sum_s,
        )
