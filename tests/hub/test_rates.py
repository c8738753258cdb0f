"""Counting requests while Redis hangs: it takes connections and answers nothing."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from agent.shared.clock import system_clock
from agent.shared.errors import Unavailable
from hub.limits.buckets import Rate
from hub.limits.rates import AWAY_S, Rates
from hub.redis import SharedRedis
from tests.hub.redis import Redis

RATE = Rate(600, 60)


class Later:
    """The time, and what was skipped of it."""

    def __init__(self) -> None:
        self.skipped = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.skipped


@contextmanager
def hanging(server: Redis) -> Iterator[None]:
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.slow
async def test_a_redis_that_hangs_is_left_alone_and_tried_by_one_at_a_time(
    redis_server: Redis,
) -> None:
    redis, clock = SharedRedis(f"{redis_server.url}63"), Later()
    rates = Rates(redis, clock)
    try:
        with hanging(redis_server):
            at_once = [rates.hit("user", "ada", RATE) for _ in range(4)]
            first = await asyncio.gather(*at_once)  # waits for one of them alone
            with pytest.raises(Unavailable) as alone:
                await rates.check()
            clock.skipped += timedelta(seconds=AWAY_S)
            probe = asyncio.ensure_future(rates.hit("user", "bob", RATE))
            await asyncio.sleep(0)
            others = [await rates.hit("user", name, RATE) for name in ("ada", "cid")]
            is_still_asking = not probe.done()
            await probe
        clock.skipped += timedelta(seconds=AWAY_S)
        back = await rates.hit("user", "dan", RATE)
        await rates.check()
    finally:
        await rates.close()
        await redis.close()

    assert [one.wait_s for one in (*first, *others, back)] == [0.0] * 7
    assert (alone.value.code, is_still_asking, rates.fallbacks) == ("limits-alone", True, 7)
