"""One running agent for a whole module of tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.serving import Served, running_agent


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with running_agent(tmp_path_factory.mktemp("agent") / "data") as one:
        yield one
