"""The processes that decode: none without work, none that outlives it."""

import asyncio
from collections.abc import Callable

import psutil
import pytest

from agent.images.decoders import Decoders
from agent.shared.errors import Unavailable
from tests.agent.photographs import endless_jpeg
from tests.agent.talking import picture

PNG, JPEG = {"mime": "image/png"}, {"mime": "image/jpeg"}
SIZE = ({"size": [8, 6]}, b"")


def children() -> set[psutil.Process]:
    return set(psutil.Process().children())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the system tells nobody of new children
        await asyncio.sleep(0)


async def test_a_process_begins_with_the_first_picture_and_ends_when_no_more_come() -> None:
    before = children()
    decoders = Decoders(limit_s=10, idle_s=0.05)
    idle = children()

    answers = [await decoders.ask(PNG, picture()) for _ in range(3)]
    (process,) = children() - before
    await asyncio.to_thread(process.wait, 5)
    again = await decoders.ask(PNG, picture())
    await decoders.close()

    assert idle == before
    assert [*answers, again] == [SIZE] * 4
    assert children() <= before


async def test_never_more_processes_than_places() -> None:
    before = children()
    decoders = Decoders(limit_s=10, processes=2)

    answers = await asyncio.gather(*(decoders.ask(PNG, picture()) for _ in range(12)))
    at_work = len(children() - before)
    await decoders.close()

    assert answers == [SIZE] * 12
    assert at_work == 2
    assert children() <= before


async def test_who_gives_up_takes_the_process_along_and_frees_the_place() -> None:
    before = children()
    decoders = Decoders(limit_s=30, processes=1)
    try:
        async with asyncio.timeout(0.3):
            await decoders.ask(JPEG, endless_jpeg())
    except TimeoutError:
        pass
    else:
        pytest.fail("the picture was to take longer")

    answer = await decoders.ask(PNG, picture())
    await decoders.close()

    assert answer == SIZE
    await until(lambda: children() <= before)


async def test_closing_ends_what_is_at_work() -> None:
    before = children()
    decoders = Decoders(limit_s=30)
    await decoders.ask(PNG, picture())  # so that one is there already
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_refused(decoders))
        await until(lambda: decoders.at_work == 1)

        await decoders.close()

    assert asking.result() == "agent-stopping"
    await until(lambda: children() <= before)


async def _refused(decoders: Decoders) -> str:
    with pytest.raises(Unavailable) as refused:
        await decoders.ask(JPEG, endless_jpeg())
    return refused.value.code
