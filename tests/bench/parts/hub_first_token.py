"""How much later the first token comes through the hub than directly."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.bench.connection import Connection
from tests.bench.first_token import Firsts, crowded, in_turns, sequential
from tests.bench.parts.hub_processes import Hub, orca_hub, servers
from tests.bench.processes import MODEL, Fake, Process
from tests.bench.report import Row, ms, watching
from tests.bench.targets import QUESTION, CountingAsker, Direct

P50_S, P99_S = 0.006, 0.040
STREAMS = 50
BODY = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]}


@dataclass(slots=True)
class Way:
    """One of the ways to ask the hub. Implements Target."""

    name: str
    process: Process
    hub: Hub
    path: str
    body: bytes
    needle: bytes
    accept: str

    async def asker(self) -> CountingAsker:
        connection = await Connection.open(self.hub.url)
        request = connection.request("POST", self.path, self.body, self.hub.token, self.accept)
        return CountingAsker(connection, request, self.needle)


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """One stream after the other, then fifty at once, for programs (/v1) and as runs."""
    with servers() as environment:
        given = {
            **environment,
            "ORCA_HUB_OLLAMA_URLS": fake.url,
            "ORCA_HUB_MODEL_PARALLEL": str(2 * STREAMS),
        }
        async with orca_hub(folder, given) as hub:
            return await _measured(fake, hub, quick=quick)


async def _measured(fake: Fake, hub: Hub, *, quick: bool) -> list[Row]:
    direct, ways = Direct(fake), _ways(hub)
    rows: list[Row] = []
    for under, ask, count in (
        ("1 stream", sequential, 50 if quick else 400),
        (f"{STREAMS} streams, 20 tokens/s each", crowded, 100 if quick else 400),
    ):
        with watching(direct.process, hub.process) as others:
            firsts = await in_turns(ask, fake, (direct, *ways), count)
        rows += [_row(under, way.name, firsts[direct.name], firsts[way.name]) for way in ways]
        for row in rows[-len(ways) :]:
            row.others = others.cores
    return rows


def _ways(hub: Hub) -> tuple[Way, Way]:
    spoken = orjson.dumps({**BODY, "stream": True})
    plain = orjson.dumps(BODY)
    media = "text/event-stream"
    return (
        Way("/v1", hub.process, hub, "/v1/chat/completions", spoken, b'"content":', media),
        Way("run", hub.process, hub, "/api/v1/ai/chat", plain, b"event: token", media),
    )


def _row(under: str, way: str, direct: Firsts, found: Firsts) -> Row:
    p50, p99 = found.p50 - direct.p50, found.p99 - direct.p99
    return Row(
        "hub: first token, added time",
        f"{way}, {under}, {len(found.values)} questions",
        f"p50 {ms(p50)}, p99 {ms(p99)}",
        f"direct p50 {ms(direct.p50)}, p99 {ms(direct.p99)}",
        "",
        f"p50 < {P50_S * 1000:.0f} ms, p99 < {P99_S * 1000:.0f} ms",
        p50 < P50_S and p99 < P99_S,
        {"added p50": p50, "added p99": p99, "direct p50": direct.p50, "direct p99": direct.p99},
    )
