"""The clients of model servers while what is set changes."""

import asyncio
from dataclasses import replace

import pytest

from agent.inference.backends import Backends
from agent.inference.queue import Queue, Queues
from agent.shared.clock import system_clock
from hub.ai.servers import Servers
from hub.ai.specs import Spec
from tests.fakes.ollama import FakeOllama


@pytest.mark.slow
async def test_who_leaves_in_the_middle_of_a_change_leaves_no_client_behind() -> None:
    text, vision = (
        Queue(name, lanes={}, capacity=4, wait_limit_s=5) for name in ("text", "vision")
    )
    queues = Queues(text, vision)
    backends = Backends(queues)
    servers = Servers(backends, system_clock, first_token_s=5, stall_s=5)
    async with FakeOllama() as near, FakeOllama() as far:
        before = [Spec("1", "near", "ollama", near.url, "console")]
        after = [replace(before[0], id="2", name="far", url=far.url)]
        await servers.apply(before)
        await near.until(lambda: near.stats()["connections"] == 1)
        for turns in range(6):
            leaving = asyncio.ensure_future(servers.apply(after))
            for _ in range(turns):
                await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await servers.apply(before)
        await servers.apply(after)

        await near.until(lambda: near.stats()["connections"] == 0)
        known = servers.up().keys()
        await servers.close()
        await backends.close()

    assert list(known) == ["far"]
