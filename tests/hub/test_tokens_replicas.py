"""Tokens on two replicas that share PostgreSQL and Redis, or PostgreSQL alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from hub.identity.service import NewAccount
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.hub.test_machines import connected, this_machine
from tests.hub.test_tokens import code, me
from tests.serving import http

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
PATIENCE_S = 20.0


@pytest_asyncio.fixture(loop_scope="module", params=["redis", "alone"])
async def pair(
    request: pytest.FixtureRequest, shared: dict[str, str], tmp_path: Path
) -> AsyncIterator[tuple[Served, Served]]:
    environment = dict(shared)
    if request.param == "alone":
        del environment["ORCA_HUB_REDIS_URL"]
    async with (
        running_hub(tmp_path / "one", environment=environment) as one,
        running_hub(tmp_path / "two", environment=environment) as two,
    ):
        await one.hub.local.add(NewAccount("bob", PASSWORD))
        yield one, two


async def refreshed(served: Served, token: str) -> httpx.Response:
    return await served.stranger.post("/auth/refresh", json={"refresh_token": token})


async def test_twenty_refreshes_on_two_replicas_give_one_successor(
    pair: tuple[Served, Served],
) -> None:
    one, two = pair
    asked = {"username": "bob", "password": PASSWORD}
    async with http(base_url=f"{one.url}/api/v1") as program:
        first = (await program.post("/auth/login", json=asked)).json()["refresh_token"]
    answers = await asyncio.gather(*(refreshed(pair[n % 2], first) for n in range(20)))
    pairs = {(a.json()["access_token"], a.json()["refresh_token"]) for a in answers}
    (access, successor), *others = pairs
    there = [(await me(served, access)).status_code for served in pair]
    next_one = await refreshed(two, successor)
    reused = await refreshed(one, first)
    after = await refreshed(two, next_one.json()["refresh_token"])

    assert ([a.status_code for a in answers], others, there) == ([200] * 20, [], [200, 200])
    assert (code(reused), code(after)) == ((401, "token-reused"), (401, "token-ended"))


async def test_a_machine_thrown_out_on_one_replica_is_out_on_the_other(
    pair: tuple[Served, Served],
) -> None:
    one, two = pair
    bob = await one.signed_in("bob")
    come = await connected(one, bob)
    before = await this_machine(two, come["access_token"])
    await bob.delete(f"/machines/{come['machine']['id']}")
    here = await this_machine(one, come["access_token"])
    async with asyncio.timeout(PATIENCE_S):
        while True:
            there = await this_machine(two, come["access_token"])
            if there.status_code == 401:
                break
            await asyncio.sleep(0.05)

    assert before.status_code == 200
    assert (code(here), code(there)) == ((401, "token-ended"), (401, "token-ended"))
