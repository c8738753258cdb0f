"""A database or a Redis that goes away under load and comes back: clear answers, nothing lost
that was acknowledged, and no restart."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from hub.identity.service import NewAccount
from tests.hub.postgres import Postgres
from tests.hub.redis import Redis
from tests.hub.serving import PASSWORD, running_hub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
WRITERS, ENOUGH = 6, 15


class Writing:
    """Writers that do not stop, and what they were told."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client, self._stop = client, asyncio.Event()
        self.kept: list[str] = []
        self.told: Counter[tuple[int, str]] = Counter()
        self.heard = asyncio.Condition()

    async def __aenter__(self) -> "Writing":
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        for number in range(WRITERS):
            self._group.create_task(self._write(number))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._group.__aexit__(None, None, None)

    async def until(self, *, kept: int = 0, refused: int = 0) -> None:
        """Until so many more were kept, or refused."""
        before = len(self.kept), self.refused
        async with asyncio.timeout(90), self.heard:
            await self.heard.wait_for(
                lambda: len(self.kept) >= before[0] + kept and self.refused >= before[1] + refused
            )

    @property
    def refused(self) -> int:
        return sum(count for (status, _), count in self.told.items() if status == 503)

    async def _write(self, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            name = f"writer-{number}-{count}"
            answer = await self._client.post("/groups", json={"name": name})
            kind = answer.json().get("type", "").rpartition(":")[2]
            async with self.heard:
                self.told[answer.status_code, kind] += 1
                if answer.status_code == 201:
                    self.kept.append(name)
                self.heard.notify_all()
            await asyncio.sleep(0.02)


async def groups(client: httpx.AsyncClient) -> set[str]:
    names: set[str] = set()
    cursor: str | None = None
    while True:
        asked = {"limit": "200", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/groups", params=asked)).json()
        names |= {one["name"] for one in page["items"]}
        if (cursor := page["next_cursor"]) is None:
            return names


async def test_a_database_that_goes_away_loses_nothing_that_was_acknowledged(
    server: Postgres, tmp_path: Path
) -> None:
    environment = {
        "ORCA_HUB_DATABASE_URL": server.new_database(),
        "ORCA_HUB_RATE_PER_USER": "100000/minute",
        "ORCA_HUB_RATE_PER_ADDRESS": "100000/minute",
    }
    async with running_hub(tmp_path, environment=environment) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await served.signed_in("ada")
        async with Writing(ada) as writing:
            await writing.until(kept=ENOUGH)
            await asyncio.to_thread(server.stop, "immediate")
            try:
                await writing.until(refused=ENOUGH)
                ready = await ada.get("/health/ready")
                live = await ada.get("/health/live")
            finally:
                await asyncio.to_thread(server.start)
            await writing.until(kept=ENOUGH)
        there = await groups(ada)
        chain = (await ada.get("/audit/chain")).json()
        again = await ready_again(ada)

    assert set(writing.told) <= {(201, ""), (503, "database-away"), (503, "database-busy")}
    assert set(writing.kept) <= there
    assert (ready.status_code, live.status_code, again) == (503, 200, "ready")
    assert ready.json()["status"] == "broken"
    assert (chain["is_whole"], chain["broken_at"]) == (True, None)


async def test_a_redis_that_goes_away_stops_nobody(
    shared: dict[str, str], redis_server: Redis, tmp_path: Path
) -> None:
    async with running_hub(tmp_path, environment=shared) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await served.signed_in("ada")
        async with Writing(ada) as writing:
            await writing.until(kept=ENOUGH)
            redis_server.stop()
            try:
                await writing.until(kept=ENOUGH)
                ready = await ada.get("/health/ready")
                other = await served.signed_in("ada")
                me = (await other.get("/users/me")).json()
            finally:
                redis_server.start()
            await writing.until(kept=ENOUGH)
        there = await groups(ada)
        again = await ready_again(ada)

    assert set(writing.told) == {(201, "")}
    assert set(writing.kept) <= there
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["parts"]["redis"]["is_well"] is False
    assert (me["name"], again) == ("ada", "ready")


async def ready_again(client: httpx.AsyncClient) -> str:
    async with asyncio.timeout(60):
        while True:
            status: str = (await client.get("/health/ready")).json()["status"]
            if status == "ready":
                return status
            await asyncio.sleep(0.2)
