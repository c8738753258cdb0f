"""A limit for many waits: it ends the one that lasts too long, and no other."""

import asyncio

from agent.shared.patience import patience


async def test_a_wait_that_lasts_too_long_is_ended() -> None:
    ended = asyncio.Event()
    with patience(ended.set) as limit:
        limit.begin(0.01)
        await ended.wait()
        assert limit.is_over


async def test_a_shorter_patience_counts_after_a_longer_one() -> None:
    ended = asyncio.Event()
    with patience(ended.set) as limit:
        limit.begin(60)
        limit.end()
        limit.begin(0.01)
        await ended.wait()


async def test_a_wait_is_measured_from_its_own_beginning() -> None:
    order: list[str] = []
    ended, between = asyncio.Event(), asyncio.Event()
    with patience(ended.set) as limit, patience(between.set) as other:
        limit.begin(0.02)
        limit.end()
        other.begin(0.03)  # the first timer rings meanwhile, and finds nobody, or the next wait
        limit.begin(0.05)
        for one, name in ((between, "other"), (ended, "limit")):
            await one.wait()
            order.append(name)
            assert limit.is_over == ended.is_set()

    assert order == ["other", "limit"]


async def test_nobody_is_disturbed_after_the_wait_nor_after_the_block() -> None:
    rung: list[str] = []
    later = asyncio.Event()
    with patience(lambda: rung.append("ended")) as limit:
        limit.begin(0.01)
        limit.end()
        with patience(later.set) as other:
            other.begin(0.02)
            await later.wait()
        limit.begin(0.01)
    later.clear()
    with patience(later.set) as other:
        other.begin(0.02)
        await later.wait()

    assert rung == []
