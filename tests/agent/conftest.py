"""A running agent beside a fake Ollama."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.agent.talking import MODEL, SEEING
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Of a job in the background; the programs that tests start would not end by Ctrl-C either.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Whatever keyring the developer has: tests leave it alone.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    """Has a model that answers at once and one that sees."""
    async with FakeOllama(models=["short", "think", "emb"], num_parallel=64) as fake:
        fake.add_model(MODEL, capabilities=["completion"], size=2_500_000_000)
        seeing = ["completion", "vision"]
        fake.add_model(SEEING, capabilities=seeing, size=1_500_000_000, context_length=40960)
        yield fake


@pytest.fixture
async def served(tmp_path: Path, fake: FakeOllama) -> AsyncIterator[Served]:
    """An agent that knows of the fake."""
    async with running_agent(tmp_path / "data", ollama_url=fake.url, context_tokens=8192) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        yield served


@pytest.fixture
def client(served: Served) -> httpx.AsyncClient:
    return served.client
