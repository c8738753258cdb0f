"""One agent for all tests of a file: asking leaves nothing behind that the next would see."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from tests.agent.talking import MODEL, SEEING
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent


@dataclass(frozen=True, slots=True)
class Shared:
    served: Served
    fake: FakeOllama


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    """An agent beside a fake that has a model that answers at once and one that sees."""
    folder = tmp_path_factory.mktemp("shared")
    async with FakeOllama(models=["short", "think", "emb"], num_parallel=64) as fake:
        fake.add_model(MODEL, capabilities=["completion"], size=2_500_000_000)
        seeing = ["completion", "vision"]
        fake.add_model(SEEING, capabilities=seeing, size=1_500_000_000, context_length=40960)
        async with running_agent(folder / "data", ollama_url=fake.url) as served:
            await served.agent.backend.until(lambda state: state.is_up)
            yield Shared(served, fake)


@pytest.fixture
def fake(shared: Shared) -> FakeOllama:
    """As if nobody had asked it before; what is in memory stays there."""
    shared.fake.behave_well()
    shared.fake.requests.clear()
    shared.fake.departures.clear()
    return shared.fake


@pytest.fixture
def served(shared: Shared) -> Served:
    return shared.served


@pytest.fixture
def client(shared: Shared) -> httpx.AsyncClient:
    return shared.served.client
