"""Telemetry through the front door: Prometheus, lists, who may see them."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from quart import Quart, request

from agent.images.service import ImageStats
from agent.shared.clock import rfc3339
from agent.shared.errors import Malformed
from agent.shared.web import project_of
from agent.telemetry.exposition import Exposition, text
from agent.telemetry.rules import Place
from agent.telemetry.sources import BackendFacts, RunFacts, Sources
from agent.telemetry.tallies import MODELS, Tallies
from tests.agent.recording import AT, MODEL, record
from tests.agent.talking import body, every, problem
from tests.clock import MovingClock
from tests.serving import Served, running_agent

TELEMETRY = "/api/v1/telemetry"
ODD = 'a "quoted"\\ model\nof two lines'
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """An agent that no model is connected to, at the time of the records."""
    async with running_agent(tmp_path / "data", clock=MovingClock()) as served:
        yield served


def parsed(exposed: str) -> Samples:
    """Every sample by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
    }


def everything(tallies: Tallies) -> str:
    """The text with something of every family in it."""
    sources = Sources(
        tallies,
        "1.2.3",
        Path(__file__),
        backends=lambda: [
            BackendFacts("local", "ollama", is_up=True, in_flight=2),
            BackendFacts("cloud", "openai", is_up=False, breaker="open"),
        ],
        runs=lambda: RunFacts(3, {"done": 7, "failed": 1}),
        answer_cache=lambda: {"hits": 5, "misses": 6, "size_bytes": 100, "strange": 1},
    )
    exposition = Exposition(sources)
    exposition.images = ImageStats(
        count=9,
        size_bytes=8000,
        variants=7,
        variant_bytes=600,
        cache_limit_bytes=1 << 30,
        hits=5,
        misses=4,
        evictions=3,
        decoded=2,
        refused=1,
        saved_bytes=3_000_000,
    )
    return text(exposition.collect()).decode()


def of_two_requests() -> Tallies:
    tallies = Tallies()
    tallies.add(record(model=ODD, was_cold=True))
    tallies.add(record(outcome="rejected", code="queue-full", first_token_ms=0))
    return tallies


async def test_prometheus_reads_what_was_recorded(served: Served) -> None:
    served.agent.telemetry.record(record(first_token_ms=120.0, total_ms=1000.0))
    served.agent.telemetry.record(record(outcome="failed", code="ollama-down"))

    reply = await served.client.get("/metrics")

    samples = parsed(reply.text)
    where = (("backend", "local"), ("model", MODEL))
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {
        "done": samples[("orca_agent_requests_total", _labels(where, kind="chat", outcome="done"))],
        "code": samples[("orca_agent_errors_total", (("code", "ollama-down"),))],
        "second": samples[("orca_agent_request_duration_seconds_bucket", _labels(where, le="1.0"))],
        "tenth": samples[("orca_agent_first_token_seconds_bucket", _labels(where, le="0.1"))],
        "first": samples[("orca_agent_first_token_seconds_sum", where)],
        "read": samples[("orca_agent_prompt_tokens_total", where)],
        "pictures": samples[("orca_agent_images", ())],
        "places": samples[("orca_agent_queue_limit", (("queue", "text"),))],
        "up": samples[("orca_agent_backend_up", (("backend", "local"), ("provider", "ollama")))],
        "alive": samples[("orca_agent_runs_alive", ())],
    } == {
        "done": 1,
        "code": 1,
        "second": 2,
        "tenth": 0,
        "first": 0.24,
        "read": 60,
        "pictures": 0,
        "places": 4,
        "up": 0,
        "alive": 0,
    }
    assert samples[("orca_agent_database_size_bytes", ())] > 100_000


def _labels(where: tuple[tuple[str, str], ...], **more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted([*where, *more.items()]))


def breaker(backend: str, state: str) -> Samples:
    return {
        (
            "orca_agent_backend_breaker_state",
            (("backend", backend), ("state", one)),
        ): float(one == state)
        for one in ("closed", "open", "half-open")
    }


def test_every_family_is_there_and_odd_names_survive() -> None:
    samples = parsed(everything(of_two_requests()))

    odd = (("backend", "local"), ("model", ODD))
    assert {
        name: value
        for name, value in samples.items()
        if name[0].startswith(("orca_agent_backend", "orca_agent_runs", "orca_agent_image"))
        or name[0].startswith(("orca_agent_answer", "orca_agent_cold", "orca_agent_build"))
    } == {
        ("orca_agent_backend_up", (("backend", "local"), ("provider", "ollama"))): 1,
        ("orca_agent_backend_up", (("backend", "cloud"), ("provider", "openai"))): 0,
        ("orca_agent_backend_in_flight", (("backend", "local"), ("provider", "ollama"))): 2,
        ("orca_agent_backend_in_flight", (("backend", "cloud"), ("provider", "openai"))): 0,
        **breaker("local", "closed"),
        **breaker("cloud", "open"),
        ("orca_agent_runs_alive", ()): 3,
        ("orca_agent_runs_ended_total", (("state", "done"),)): 7,
        ("orca_agent_runs_ended_total", (("state", "failed"),)): 1,
        ("orca_agent_answer_cache_hits_total", ()): 5,
        ("orca_agent_answer_cache_misses_total", ()): 6,
        ("orca_agent_answer_cache_size_bytes", ()): 100,
        ("orca_agent_images", ()): 9,
        ("orca_agent_images_size_bytes", ()): 8000,
        ("orca_agent_images_decoded_total", ()): 2,
        ("orca_agent_images_refused_total", ()): 1,
        ("orca_agent_images_saved_bytes_total", ()): 3_000_000,
        ("orca_agent_image_cache_entries", ()): 7,
        ("orca_agent_image_cache_size_bytes", ()): 600,
        ("orca_agent_image_cache_limit_bytes", ()): 1 << 30,
        ("orca_agent_image_cache_hits_total", ()): 5,
        ("orca_agent_image_cache_misses_total", ()): 4,
        ("orca_agent_image_cache_evictions_total", ()): 3,
        ("orca_agent_cold_starts_total", odd): 1,
        ("orca_agent_build_info", (("version", "1.2.3"),)): 1,
    }


def test_a_thousand_models_do_not_drown_prometheus() -> None:
    tallies = Tallies()
    for number in range(1000):
        tallies.add(record(model=f"model-{number}", client=f"client-{number}"))

    models = {
        value
        for _, labels in parsed(everything(tallies))
        for key, value in labels
        if key == "model"
    }

    assert models == {f"model-{number}" for number in range(MODELS)} | {"other"}


def test_promtool_has_nothing_against_the_metrics() -> None:
    promtool = shutil.which("promtool")
    if promtool is None and os.environ.get("CI") != "true":
        pytest.skip("There is no promtool (Debian has it in the package prometheus).")

    done = subprocess.run(
        [promtool or "promtool", "check", "metrics"],
        input=everything(of_two_requests()),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_metrics_want_any_token_and_the_lists_one_of_an_administrator(
    served: Served,
) -> None:
    paths = ("/metrics", *(f"{TELEMETRY}/{of}" for of in ("requests", "projects", "performance")))
    made = body(
        await served.client.post("/api/v1/tokens", json={"name": "scraper", "scopes": ["chat"]}),
        201,
    )
    scraper = {"Authorization": f"Bearer {made['token']}"}

    async def statuses(client: httpx.AsyncClient, headers: dict[str, str]) -> list[int]:
        return [(await client.get(path, headers=headers)).status_code for path in paths]

    assert await statuses(served.stranger, {}) == [401] * 4
    assert await statuses(served.stranger, scraper) == [200, 403, 403, 403]
    assert await statuses(served.client, {}) == [200] * 4


async def test_lists_are_of_what_was_asked_for(served: Served) -> None:
    now = AT
    for number in range(6):
        served.agent.telemetry.record(
            record(
                number,
                at=now - timedelta(days=number),
                kind="generate" if number % 2 else "chat",
                outcome="failed" if number == 4 else "done",
                project="voron" if number > 2 else "default",
            )
        )

    async def ids(**query: object) -> list[str]:
        found = await every(served.client, f"{TELEMETRY}/requests", limit=2, **query)
        return [one["id"].removeprefix("request-") for one in found]

    since = rfc3339(now - timedelta(days=3))
    assert {
        "all": await ids(),
        "project": await ids(project="voron"),
        "kind and since": await ids(kind="generate", since=since),
        "outcome": await ids(outcome="failed"),
        "model": await ids(model="another:1b"),
    } == {
        "all": list("012345"),
        "project": list("345"),
        "kind and since": list("13"),
        "outcome": ["4"],
        "model": [],
    }
    page = body(await served.client.get(f"{TELEMETRY}/requests", params={"limit": 1}))
    assert page["items"] == [{**asdict(record(0)), "at": rfc3339(now)}]
    days = await every(served.client, f"{TELEMETRY}/projects", project="voron", limit=1)
    assert [Place(*(day[name] for name in Place._fields)) for day in days] == [
        Place(f"2026-01-{day}", "voron", MODEL, "local") for day in (28, 27, 26)
    ]


async def test_performance_is_by_model_of_the_last_week_unless_asked_otherwise(
    served: Served,
) -> None:
    for number in range(10):
        at = AT - timedelta(days=number)
        served.agent.telemetry.record(record(at=at, tokens_per_second=10.0 + number))

    week = body(await served.client.get(f"{TELEMETRY}/performance"))
    since = rfc3339(AT - timedelta(days=1))
    day = body(await served.client.get(f"{TELEMETRY}/performance", params={"since": since}))

    assert {name: week[name] for name in ("since", "until", "is_whole", "next_cursor")} == {
        "since": rfc3339(AT - timedelta(days=7)),
        "until": rfc3339(AT),
        "is_whole": True,
        "next_cursor": None,
    }
    assert [(one["model"], one["backend"], one["requests"]) for one in week["items"]] == [
        (MODEL, "local", 8)
    ]
    assert day["items"][0]["tokens_per_second"] == {
        "count": 2,
        "p50": 10.0,
        "p95": 11.0,
        "p99": 11.0,
        "p50_low": 10.0,
        "p50_high": 11.0,
    }


ODD_QUESTIONS = [
    ("requests", {"cursor": "nonsense"}, (400, "bad-cursor")),
    ("requests", {"cursor": "WzEsMl0"}, (400, "bad-cursor")),
    ("projects", {"cursor": "W10"}, (400, "bad-cursor")),
    ("requests", {"since": "yesterday"}, (422, "invalid-fields")),
    ("requests", {"since": "2026-01-31T09:05:00"}, (422, "invalid-fields")),
    ("requests", {"kind": "strange"}, (422, "invalid-fields")),
    ("requests", {"limit": "0"}, (422, "invalid-fields")),
    ("performance", {"limit": "1"}, (422, "invalid-fields")),
]


async def test_odd_questions_are_refused_with_a_sentence(served: Served) -> None:
    told = [
        (path, query, problem(await served.client.get(f"{TELEMETRY}/{path}", params=query)))
        for path, query, _ in ODD_QUESTIONS
    ]

    assert told == ODD_QUESTIONS


async def test_a_moment_at_the_end_of_time_is_a_moment(served: Served) -> None:
    moments = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")

    found = [
        body(await served.client.get(f"{TELEMETRY}/{path}", params={"since": moment}))["items"]
        for path in ("requests", "projects", "performance")
        for moment in moments
    ]

    assert found == [[]] * 6


@pytest.mark.parametrize("name", ["Voron_2.4-bed", "x" * 64])
async def test_a_project_is_named_by_its_header(name: str) -> None:
    async with Quart("projects").test_request_context("/", headers={"X-Project": name}):
        assert project_of(request) == name


async def test_who_names_no_project_is_in_the_default_one() -> None:
    async with Quart("projects").test_request_context("/"):
        assert project_of(request) == "default"


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "\u00e4", "a/b"])
async def test_a_project_with_an_odd_name_is_refused(name: str) -> None:
    async with Quart("projects").test_request_context("/", headers={"X-Project": name}):
        with pytest.raises(Malformed) as refused:
            project_of(request)

    assert refused.value.code == "bad-project"
