"""What is told from many requests: percentiles, counters of a day, labels that stay few."""

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.telemetry.rules import (
    Performance,
    Place,
    Sample,
    Spread,
    day_of,
    nearest_rank,
    performance,
    spread,
    tidied,
    totals,
)
from agent.telemetry.tallies import MODELS, OTHER, Histogram, Tallies
from tests.agent.recording import MODEL, record


def sample(**fields: Any) -> Sample:  # Any: of the record
    kept = record(**fields)
    return Sample(**{name: getattr(kept, name) for name in Sample._fields})


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7], 50, 7),
        ([1, 2], 50, 1),
        ([1, 2, 3], 50, 2),
        (range(1, 101), 50, 50),
        (range(1, 101), 95, 95),
        (range(1, 101), 99, 99),
        (range(1, 11), 99, 10),
        (range(1, 11), 0, 1),
    ],
)
def test_a_percentile_is_the_value_at_the_nearest_rank(
    values: range, percent: float, expected: float
) -> None:
    assert nearest_rank(list(values), percent) == expected


def test_nothing_has_no_spread_and_one_value_is_all_of_it() -> None:
    assert spread([]) is None
    assert spread([4.0]) == Spread(1, 4.0, 4.0, 4.0, 4.0, 4.0)


def test_the_range_of_the_median_narrows_with_more_values() -> None:
    few, many = spread(range(1, 11)), spread(range(1, 1001))

    assert few == Spread(10, 5, 10, 10, 1, 10)
    assert many == Spread(1000, 500, 950, 990, 469, 532)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_a_spread_is_ordered_and_made_of_values_that_were_there(values: list[float]) -> None:
    found = spread(values)

    assert found is not None
    assert found.p50_low <= found.p50 <= found.p50_high
    assert found.p50 <= found.p95 <= found.p99 <= max(values)
    assert {found.p50, found.p95, found.p99, found.p50_low, found.p50_high} <= set(values)


def test_days_are_those_of_utc() -> None:
    evening_in_denver = datetime(2026, 1, 30, 20, tzinfo=timezone(timedelta(hours=-7)))

    assert day_of(evening_in_denver) == "2026-01-31"
    assert day_of(datetime(2026, 1, 30, 23, 59, tzinfo=UTC)) == "2026-01-30"


def test_counters_add_up_by_day_project_model_and_backend() -> None:
    found = totals(
        [
            record(),
            record(outcome="timed-out", code="queue-timeout", was_cold=True),
            record(project="voron", cached=True, total_ms=1.4),
        ]
    )

    assert found == {
        Place("2026-01-31", "default", MODEL, "local"): Counter(
            requests=2,
            done=1,
            timed_out=1,
            cached=0,
            cold=1,
            prompt_tokens=60,
            completion_tokens=100,
            queued_ms=4,
            total_ms=2000,
        ),
        Place("2026-01-31", "voron", MODEL, "local"): Counter(
            requests=1,
            done=1,
            cached=1,
            cold=0,
            prompt_tokens=30,
            completion_tokens=50,
            queued_ms=2,
            total_ms=1,
        ),
    }


def test_what_no_database_takes_is_made_harmless() -> None:
    kept = tidied(
        record(
            model="m" * 500,
            client="\ud800",
            total_ms=math.nan,
            first_token_ms=-3.0,
            load_ms=math.inf,
            prompt_tokens=1 << 80,
        )
    )

    assert kept == record(
        model="m" * 200,
        client="?",
        total_ms=0,
        first_token_ms=0,
        load_ms=0,
        prompt_tokens=1 << 53,
    )


def test_performance_is_of_answers_that_the_model_made_to_their_end() -> None:
    found = performance(
        [
            sample(was_cold=True, load_ms=4000, first_token_ms=4200),
            sample(first_token_ms=100),
            sample(first_token_ms=200, tokens_per_second=0),
            sample(cached=True, first_token_ms=1, total_ms=1),
            sample(outcome="cancelled", total_ms=1),
            sample(model="other:1b", outcome="failed"),
        ]
    )

    one = Spread(1, 55.5, 55.5, 55.5, 55.5, 55.5)
    nothing = dict.fromkeys(
        ("done", "cancelled", "failed", "rejected", "timed-out", "interrupted"), 0
    )
    assert found == [
        Performance("other:1b", "local", 1, {**nothing, "failed": 1}, 0, 0, *[None] * 7),
        Performance(
            MODEL,
            "local",
            5,
            {**nothing, "done": 4, "cancelled": 1},
            cached=1,
            cold=1,
            queued_ms=Spread(3, 2, 2, 2, 2, 2),
            load_cold_ms=Spread(1, 4000, 4000, 4000, 4000, 4000),
            load_warm_ms=Spread(2, 40, 40, 40, 40, 40),
            first_token_ms=Spread(3, 200, 4200, 4200, 100, 4200),
            first_token_warm_ms=Spread(2, 100, 200, 200, 100, 200),
            tokens_per_second=replace(one, count=2),
            total_ms=Spread(3, 1000, 1000, 1000, 1000, 1000),
        ),
    ]


def test_a_thousand_models_make_no_more_labels_than_fifty_and_one() -> None:
    tallies = Tallies()

    for number in range(1000):
        tallies.add(record(model=f"model-{number}"))
    tallies.add(record(model="model-0"))

    models = {model for _, model, _, _ in tallies.requests}
    assert len(models) == MODELS + 1
    assert tallies.requests[("chat", OTHER, "local", "done")] == 1000 - MODELS
    assert tallies.requests[("chat", "model-0", "local", "done")] == 2
    assert len(tallies.total_s) == MODELS + 1


def test_a_histogram_counts_a_value_at_its_bound_below_it() -> None:
    histogram = Histogram((1, 2.5))

    for value in (0, 1, 1.5, 2.5, 9):
        histogram.add(value)

    assert histogram.cumulative() == [("1.0", 2), ("2.5", 4), ("+Inf", 5)]
    assert histogram.sum == 14
