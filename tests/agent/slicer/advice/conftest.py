"""One running agent for a module: models that call tools, that do not, and that see."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.agent.slicer.advice.printing import PLAIN, SEES, TOOLS
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent
from tests.slicing.presets import workshop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=[]) as one:
        one.add_model(TOOLS, capabilities=["completion", "tools", "thinking"])
        one.add_model(PLAIN, capabilities=["completion"])
        one.add_model(SEES, capabilities=["completion", "vision", "tools"])
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory, fake: FakeOllama
) -> AsyncIterator[Served]:
    root = tmp_path_factory.mktemp("agent")
    data = workshop(root / "OrcaSlicer")
    async with running_agent(
        root / "data",
        ollama_url=fake.url,
        context_tokens=8192,
        slicer_data_dirs=str(data.root),
    ) as one:
        await one.agent.backend.until(lambda state: state.is_up)
        yield one


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def well_behaved(fake: FakeOllama) -> AsyncIterator[None]:
    """Each test begins with models that do as they are told."""
    fake.behave_well()
    fake.requests.clear()
    yield
