"""What the tests of other people's clients share: a server, an agent, and what is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.agent.talking import MODEL, SEEING
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

SAID = "Your print is stringing: lower the hotend by 5 degrees and dry your spool.\n\nÜber ✓ 😀"
ASKED: list[Any] = [  # Any: the packages' unions
    {"role": "user", "content": "Why does it string?"}
]
TOOL: Any = {  # Any: the same
    "type": "function",
    "function": {
        "name": "get_printer_status",
        "description": "What a printer does now.",
        "parameters": {"type": "object", "properties": {"printer": {"type": "string"}}},
    },
}
NAMES = {"short:latest", "think:latest", "toolgo:latest", "emb:latest", MODEL, SEEING}


@asynccontextmanager
async def one_server() -> AsyncIterator[FakeOllama]:
    """Has a model of each kind."""
    models = ["short", "think", "toolgo", "emb"]
    async with FakeOllama(models=models, num_parallel=64) as fake:
        fake.add_model(MODEL, capabilities=["completion", "insert"])
        fake.add_model(SEEING, capabilities=["completion", "vision"])
        yield fake


@asynccontextmanager
async def one_agent(folder: Path, server: FakeOllama) -> AsyncIterator[Served]:
    """An agent that knows of it."""
    async with running_agent(folder / "data", ollama_url=server.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        yield served


def as_new(server: FakeOllama) -> FakeOllama:
    """The same one, which has seen nothing and behaves well."""
    server.behave_well()
    server.requests.clear()
    server.departures.clear()
    return server
