"""Runs where replicas tell each other of them by Redis: woken at once, and none the worse when
Redis goes in the middle."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from agent.shared.tasks import running
from hub.ai.news import Bell, News
from hub.identity.service import NewAccount
from hub.redis import SharedRedis
from tests.fakes.ollama import FakeOllama
from tests.hub.asking import Json, fakes, streamed, text_of
from tests.hub.redis import Redis, redis
from tests.hub.serving import PASSWORD, running_hub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
SLOW: Json = {"messages": [{"role": "user", "content": "hi"}], "model": "qwen3:4b"}


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """One that may be ended."""
    with redis() as server:
        yield server


@asynccontextmanager
async def listening(server: Redis) -> AsyncIterator[News]:
    """A replica's, which hears already."""
    shared = SharedRedis(f"{server.url}0")
    news = News(shared)
    async with running(news=news.listen()):
        with news.of("first") as bell:
            await rung(bell)
        yield news
    await news.close()
    await shared.close()


async def rung(bell: Bell) -> None:
    async with asyncio.timeout(10):
        while not bell.has_rung:
            await bell.wait()


async def test_who_follows_a_run_is_woken_by_what_another_replica_wrote(own_redis: Redis) -> None:
    async with listening(own_redis) as here, listening(own_redis) as there:
        with there.of("mine") as mine, there.of("other") as other:
            there.unwanted.silence()
            here.tell_more(("mine",))
            await rung(mine)
            woken = (mine.has_rung, other.has_rung, there.unwanted.has_rung)
            await here.tell_unwanted("other")
            await rung(there.unwanted)

    assert woken == (True, False, False)


async def test_what_may_have_been_missed_is_looked_at(own_redis: Redis) -> None:
    async with listening(own_redis) as news:
        with news.of("mine") as mine:
            own_redis.stop()
            await rung(mine)
            mine.silence()
            news.tell_more(("mine",))
            await news.tell_unwanted("mine")
            own_redis.start()
            await rung(mine)


@dataclass(slots=True)
class Two:
    """Bob at two replicas, and the model server behind both."""

    one: httpx.AsyncClient
    other: httpx.AsyncClient
    near: FakeOllama


@pytest.fixture
async def two(shared: dict[str, str], own_redis: Redis, tmp_path: Path) -> AsyncIterator[Two]:
    async with AsyncExitStack() as stack:
        near, _ = await stack.enter_async_context(fakes())
        given = {
            **shared,
            "ORCA_HUB_REDIS_URL": f"{own_redis.url}0",
            "ORCA_HUB_OLLAMA_URLS": near.url,
        }
        hubs = [
            await stack.enter_async_context(running_hub(tmp_path / name, environment=given))
            for name in ("one", "other")
        ]
        await hubs[0].hub.local.add(NewAccount("bob", PASSWORD))
        one, other = [await hub.signed_in("bob") for hub in hubs]
        yield Two(one, other, near)


async def begun(two: Two) -> str:
    """A run of the first replica that has said something, and then waits."""
    before = len(two.near.requests)
    two.near.misbehave(path="/api/chat", stall_after=5, times=1)
    answer = await two.one.post("/ai/chat", json=SLOW)
    assert answer.status_code == 202, answer.text
    await two.near.until(
        lambda: any(
            one.path == "/api/chat" and one.frames_sent == 5 for one in two.near.requests[before:]
        )
    )
    run_id: str = answer.json()["run_id"]
    return run_id


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_run_of_another_replica_is_followed_and_stopped_while_redis_comes_and_goes(
    two: Two, own_redis: Redis, *, is_there: bool
) -> None:
    run_id = await begun(two)
    following = asyncio.ensure_future(streamed(two.other, f"/runs/{run_id}/events"))
    async with asyncio.timeout(20):
        while (await two.other.get(f"/runs/{run_id}")).json()["state"] != "running":
            pass  # asked until it is so
    if not is_there:
        own_redis.stop()
    stopped = await two.other.post(f"/runs/{run_id}/cancel")
    events = await following
    if not is_there:
        own_redis.start()
    kept = await streamed(two.one, f"/runs/{run_id}/events")
    two.near.behave_well()

    assert (stopped.json()["state"], events[-1].name) == ("cancelled", "cancelled")
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert (kept, text_of(events) != "") == (events, True)


async def test_an_answer_is_followed_to_its_end_although_redis_goes_in_the_middle(
    two: Two, own_redis: Redis
) -> None:
    answer = await two.one.post("/ai/chat", json=SLOW)
    run_id = answer.json()["run_id"]
    following = asyncio.ensure_future(streamed(two.other, f"/runs/{run_id}/events"))
    own_redis.stop()
    events = await following
    own_redis.start()
    after = (await two.one.post("/ai/chat", json=SLOW)).json()["run_id"]
    again = await streamed(two.other, f"/runs/{after}/events")

    assert (events[-1].name, again[-1].name) == ("done", "done")
    assert text_of(again) == text_of(events) != ""
