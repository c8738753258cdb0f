"""Three model servers that come, go and misbehave, under many clients: `python -m
tests.together.chaos --minutes 10`. Every request has to end in an answer or an honest error, and
all counters have to agree at the end."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.ollama import FakeOllama
from tests.serving import Served, http, running_agent

CLIENTS = 12
PATIENCE_S = 90.0  # a few tries of five seconds, and the queue before each
MODEL, EMBEDDER = "tiny", "emb"
HONEST = {
    "answer-incomplete",
    "backend-resting",
    "deadline-passed",
    "model-crashed",
    "model-load-failed",
    "model-not-found",
    "ollama-busy",
    "ollama-down",
    "ollama-failed",
    "ollama-garbled",
    "ollama-stalled",
    "ollama-too-slow",
    "queue-full",
    "queue-timeout",
}
FAULTS: tuple[dict[str, Any], ...] = (  # Any: fields of the fake's Behaviour
    {"full": True},
    {"html": True},
    {"garbage": True},
    {"status": 500},
    {"die_after": 0},
    {"die_after": 3},
    {"reset_after": 2},
    {"close_after": 1},
    {"stall_after": 2},
    {"broken_line_after": 2},
    {"delay": 0.3},
    {"pace": 30.0},
    {"split": 3},
    {"vanished": True},
)


@dataclass(slots=True)
class Report:
    """What the clients saw, and what was wrong."""

    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    counters: dict[str, object] = field(default_factory=dict)

    def ended(self, what: str, how: str) -> None:
        self.seen[f"{what}: {how}"] += 1

    def count(self, what: str, how: str) -> int:
        return self.seen[f"{what}: {how}"]

    def failed(self, what: str, problem: object) -> None:
        """An error that a client was told."""
        kind = problem.get("type", "") if isinstance(problem, dict) else ""
        code = str(kind).removeprefix("urn:orca:problem:")
        self.ended(what, code or "no problem document")
        if code not in HONEST:
            self.wrong.append(f"{what}: {problem!r}"[:300])


async def run(seconds: float, data_dir: Path, *, seed: int = 1) -> Report:
    """All of it; the report has no entry in `wrong` if everything held."""
    report, dice = Report(), random.Random(seed)
    async with AsyncExitStack() as stack:
        fakes = [
            await stack.enter_async_context(FakeOllama(models=[MODEL, EMBEDDER])) for _ in range(3)
        ]
        served = await stack.enter_async_context(
            running_agent(
                data_dir,
                ollama_url=fakes[0].url,
                stall_seconds=1.0,
                first_token_seconds=5.0,
                concurrent_chats=3,
                waiting_chats=200,
            )
        )
        for number, fake in enumerate(fakes[1:]):
            body = {"name": f"lan-{number}", "provider": "ollama", "url": fake.url}
            (await served.client.post("/api/v1/backends", json=body)).raise_for_status()
        ends_at = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(_flap(fakes, dice, ends_at))
            for number in range(CLIENTS):
                one = random.Random(seed * 1000 + number)
                group.create_task(_client(served, one, ends_at, report))
        await _settled(served, report)
        await _agree(served, fakes, report)
    return report


async def _flap(fakes: list[FakeOllama], dice: random.Random, ends_at: float) -> None:
    """Stops, starts and spoils the fakes; in the end all of them are well."""
    ports = [int(fake.url.rpartition(":")[2]) for fake in fakes]
    is_up = [True] * len(fakes)
    while time.monotonic() < ends_at:
        await asyncio.sleep(dice.uniform(0.05, 0.6))
        which = dice.randrange(len(fakes))
        action = dice.random()
        if not is_up[which]:
            await fakes[which].start(ports[which])
            is_up[which] = True
        elif action < 0.2:
            await fakes[which].stop()
            is_up[which] = False
        elif action < 0.7:
            fault = dice.choice(FAULTS)
            path = dice.choice(["/api/chat", "/api/chat", "/api/chat", None])
            fakes[which].misbehave(path=path, times=dice.randint(1, 6), **fault)
        else:
            fakes[which].behave_well()
    for fake, port, up in zip(fakes, ports, is_up, strict=True):
        fake.behave_well()
        if not up:
            await fake.start(port)


async def _client(served: Served, dice: random.Random, ends_at: float, report: Report) -> None:
    doings: list[tuple[str, Callable[..., Awaitable[None]]]] = [
        ("whole", _whole),
        ("stream", _stream),
        ("leave", _leave),
        ("conversation", _conversation),
        ("stop", _stop),
        ("embed", _embed),
    ]
    async with http(
        base_url=served.url,
        headers={"Authorization": f"Bearer {served.token}"},
        timeout=PATIENCE_S,
    ) as client:
        while time.monotonic() < ends_at:
            name, do = dice.choice(doings)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await do(client, dice, report)
            except (TimeoutError, httpx.HTTPError) as err:
                report.wrong.append(f"{name}: {type(err).__name__} {err}")


async def _whole(client: httpx.AsyncClient, _dice: random.Random, report: Report) -> None:
    answer = await client.post(
        "/api/v1/generate", json={"model": MODEL, "prompt": "Why?", "stream": False}
    )
    if answer.status_code == 200 and answer.json()["content"]:
        report.ended("whole", "done")
    else:
        report.failed("whole", answer.json())


async def _stream(client: httpx.AsyncClient, _dice: random.Random, report: Report) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "stream": True}
    last: Any = None  # Any: JSON
    async with client.stream("POST", "/api/v1/chat", json=body) as answer:
        if answer.status_code != 200:
            report.failed("stream", orjson.loads(await answer.aread()))
            return
        async for line in answer.aiter_lines():
            if line:
                last = orjson.loads(line)
    if last and last["event"] == "done":
        report.ended("stream", "done")
    elif last and last["event"] == "error":
        report.failed("stream", last["data"]["problem"])
    else:
        report.wrong.append(f"stream: ended with {last!r}")


async def _leave(client: httpx.AsyncClient, dice: random.Random, report: Report) -> None:
    """Goes away before or within the answer."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "stream": True}
    try:
        async with asyncio.timeout(dice.uniform(0.005, 0.2)):
            async with client.stream("POST", "/api/v1/chat", json=body) as answer:
                async for _ in answer.aiter_lines():
                    if dice.random() < 0.3:
                        break
    except TimeoutError:
        pass
    report.ended("leave", "left")


async def _conversation(client: httpx.AsyncClient, _dice: random.Random, report: Report) -> None:
    await _asked(client, report, "conversation", stop_after=None)


async def _stop(client: httpx.AsyncClient, dice: random.Random, report: Report) -> None:
    await _asked(client, report, "stop", stop_after=dice.randrange(4))


async def _asked(
    client: httpx.AsyncClient, report: Report, what: str, *, stop_after: int | None
) -> None:
    """A question in a conversation of its own, followed to its closing event."""
    opened = await client.post("/api/v1/conversations", json={"model": MODEL})
    path = f"/api/v1/conversations/{opened.json()['id']}/messages"
    posted = await client.post(path, json={"content": "Why does PETG string?"})
    if posted.status_code != 202:
        report.failed(what, posted.json())
        return
    run_id = posted.json()["run"]["id"]
    name, data, events = "", {}, 0
    async with client.stream("GET", f"/api/v1/runs/{run_id}/events") as answer:
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name, events = line.removeprefix("event: "), events + 1
                if events == stop_after:
                    (await client.post(f"/api/v1/runs/{run_id}/cancel")).raise_for_status()
            elif line.startswith("data: "):
                data = orjson.loads(line.removeprefix("data: "))
    state = (await client.get(f"/api/v1/runs/{run_id}")).json()["state"]
    if (name, state) == ("error", "failed"):
        report.failed(what, data["problem"])
    elif (name, state) in {("done", "done"), ("cancelled", "cancelled")}:
        by_guide = name == "done" and data["message"]["provider"] == "guide"
        report.ended(what, "done by the guide" if by_guide else name)
    else:
        report.wrong.append(f"{what}: closed with {name}, run is {state}")


async def _embed(client: httpx.AsyncClient, _dice: random.Random, report: Report) -> None:
    body = {"model": EMBEDDER, "input": ["one", "two"]}
    answer = await client.post("/api/v1/embed", json=body)
    if answer.status_code == 200 and len(answer.json()["embeddings"]) == 2:
        report.ended("embed", "done")
    else:
        report.failed("embed", answer.json())


async def _settled(served: Served, report: Report) -> None:
    """Waits until nothing is under way any more."""
    for _ in range(200):
        queues = (await served.client.get("/api/v1/queues")).json()["items"]
        runtime = (await served.client.get("/api/v1/runtime")).json()
        busy = sum(one["waiting"] + one["running"] for one in queues)
        if not busy and not any(one["in_flight"] for one in runtime["backends"]):
            return
        await asyncio.sleep(0.1)
    report.wrong.append("requests were still under way twenty seconds after the last client left")


async def _every(served: Served, path: str) -> list[Any]:  # Any: JSON
    items: list[Any] = []  # Any: JSON
    cursor: str | None = ""
    while cursor is not None:
        query = {"cursor": cursor} if cursor else {}
        page = (await served.client.get(path, params=query)).json()
        items += page["items"]
        cursor = page["next_cursor"]
    return items


async def _agree(served: Served, fakes: list[FakeOllama], report: Report) -> None:
    """Every place is free, and each way of counting has the same sums."""
    queues = (await served.client.get("/api/v1/queues")).json()["items"]
    text = (await served.client.get("/metrics")).text
    listed = await _every(served, "/api/v1/telemetry/requests")
    days = await _every(served, "/api/v1/telemetry/projects")
    by_outcome = Counter(one["outcome"] for one in listed)
    done = Counter(one["kind"] for one in listed if one["outcome"] == "done")
    scraped = sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "orca_agent_requests_total"
    )
    alive = (await served.client.get("/api/v1/runs", params={"state": "running"})).json()["items"]
    answering = [fake.stats()["answering"] for fake in fakes]
    report.counters = {
        "records": len(listed),
        "days": sum(one["requests"] for one in days),
        "scraped": scraped,
        "outcomes": dict(by_outcome),
        "done": dict(done),
        "places": [(one["name"], one["waiting"], one["running"]) for one in queues],
        "alive": len(alive),
        "answering": answering,
    }
    expected = {
        "records are summed by day": len(listed) == sum(one["requests"] for one in days),
        "Prometheus counts the same": len(listed) == scraped,
        "places are free": all(not one["waiting"] + one["running"] for one in queues),
        "no run is alive": not alive,
        "no server still answers": not any(answering),
        "whole answers": done["generate"] == report.count("whole", "done"),
        "embeddings": done["embed"] == report.count("embed", "done"),
        "conversations": done["chat"]
        >= report.count("conversation", "done") + report.count("stream", "done"),
    }
    report.wrong += [f"not so: {what}" for what, holds in expected.items() if not holds]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(asked.minutes * 60, Path(folder) / "data", seed=asked.seed))
    lines = [f"{count:6} {what}" for what, count in sorted(report.seen.items())]
    lines += [str(report.counters), *(f"WRONG {fault}" for fault in report.wrong[:50])]
    lines.append(f"{sum(report.seen.values())} requests, {len(report.wrong)} things wrong")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
