"""An answer that begins goes first, and nobody waits for it for long."""

import asyncio

from agent.inference.first_words import FirstWords
from tests.agent.talking import ask, opened
from tests.fakes.ollama import FakeOllama
from tests.serving import Served
from tests.sse import text_of


async def test_nobody_waits_when_nothing_begins() -> None:
    words = FirstWords()
    waiting = words.let_pass().__await__()

    assert next(waiting, None) is None


async def test_who_writes_waits_for_who_begins() -> None:
    words = FirstWords()
    words.expect()
    writing = asyncio.create_task(words.let_pass())
    await asyncio.sleep(0)
    has_waited = not writing.done()
    await writing

    assert has_waited


async def test_who_writes_goes_on_though_others_never_cease_to_begin() -> None:
    words, written = FirstWords(), 0

    async def begin() -> None:
        while True:
            words.expect()
            await asyncio.sleep(0)

    others = [asyncio.create_task(begin()) for _ in range(10)]
    async with asyncio.timeout(20):
        while written < 100:
            await words.let_pass()
            written += 1
    for one in others:
        one.cancel()

    assert written == 100


async def test_answers_are_whole_while_others_begin(served: Served, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="word " * 60, pace=100)
    conversations = [(await opened(served.client))["id"] for _ in range(12)]

    async def asked(number: int, conversation_id: str) -> str:
        await asyncio.sleep(0.02 * number)
        return text_of((await ask(served.client, conversation_id, "Why?")).events)

    answers = await asyncio.gather(
        *(asked(number, one) for number, one in enumerate(conversations))
    )

    assert answers == ["word " * 60] * 12
