"""Answers that are given again: what makes two requests the same, and what is let go of."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inference.cache import AnswerCache, key_of
from agent.inference.rules import ChatRequest, Message, ToolCall
from agent.migrations import migrate
from agent.shared.database import Database
from tests.clock import MovingClock

OPTIONS = {"num_ctx": 4096, "num_predict": 100, "temperature": 0, "seed": 7}
REQUEST = ChatRequest(
    "qwen3:4b",
    (
        Message("system", "Be brief."),
        Message("user", "Why?", ("aW1hZ2U=",)),
        Message("assistant", "", (), "hm", (ToolCall("read", {"a": 1, "b": 2}, "1"),)),
        Message("tool", "220", tool_name="read"),
    ),
    OPTIONS,
    format={"type": "object", "properties": {"a": {}, "b": {}}},
    tools=({"type": "function", "function": {"name": "read", "parameters": {}}},),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def shuffled(value: Any, chance: random.Random) -> Any:  # Any: JSON values
    """The same value, with the members of each object in another order."""
    if isinstance(value, dict):
        members = [(name, shuffled(one, chance)) for name, one in value.items()]
        chance.shuffle(members)
        return dict(members)
    return [shuffled(one, chance) for one in value] if isinstance(value, list) else value


@pytest.mark.slow
@given(format_=JSON, options=st.dictionaries(st.text(max_size=4), JSON), chance=st.randoms())
def test_the_order_of_members_makes_no_other_key(
    format_: Any,  # Any: JSON values
    options: dict[str, Any],  # Any: JSON values
    chance: random.Random,
) -> None:
    one = replace(REQUEST, format=format_, options={**OPTIONS, **options})
    other = replace(
        one, format=shuffled(format_, chance), options=shuffled({**OPTIONS, **options}, chance)
    )

    assert key_of(one, "ollama a") == key_of(other, "ollama a")


@given(one=JSON, other=JSON)
def test_another_format_makes_another_key(one: Any, other: Any) -> None:  # Any: JSON values
    keys = [key_of(replace(REQUEST, format=value), "ollama a") for value in (one, other)]

    # True == 1 in Python, and not in JSON.
    assert (keys[0] == keys[1]) == (repr(shuffled_out(one)) == repr(shuffled_out(other)))


def shuffled_out(value: Any) -> Any:  # Any: JSON values
    """The same value in the one order that does not depend on who wrote it."""
    if isinstance(value, dict):
        return {name: shuffled_out(one) for name, one in sorted(value.items())}
    return [shuffled_out(one) for one in value] if isinstance(value, list) else value


def test_all_that_changes_an_answer_makes_another_key() -> None:
    first, question, *rest = REQUEST.messages
    others = [
        replace(REQUEST, messages=(first, replace(question, content="Why? "), *rest)),
        replace(REQUEST, messages=(first, replace(question, images=("aW1hZ2V=",)), *rest)),
        replace(REQUEST, messages=(first, replace(question, images=()), *rest)),
        replace(REQUEST, messages=(question, first, *rest)),
        replace(REQUEST, options={**OPTIONS, "seed": 8}),
        replace(REQUEST, options={**OPTIONS, "top_k": 1}),
        replace(REQUEST, think=True),
        replace(REQUEST, think="low"),
        replace(REQUEST, format="json"),
        replace(REQUEST, tools=()),
        replace(REQUEST, logprobs=True),
        replace(REQUEST, logprobs=True, top_logprobs=3),
    ]

    keys = [
        key_of(REQUEST, "ollama a"),
        key_of(REQUEST, "ollama b"),
        key_of(REQUEST, "openai a"),
        *(key_of(other, "ollama a") for other in others),
    ]

    assert len(set(keys)) == len(keys)


def test_how_long_a_model_stays_makes_no_other_key() -> None:
    assert key_of(replace(REQUEST, keep_alive="1h"), "a") == key_of(REQUEST, "a")


# --- what is kept -------------------------------------------------------------------------------


@asynccontextmanager
async def opened(
    folder: Path, clock: MovingClock, *, limit_bytes: int = 1 << 20
) -> AsyncIterator[AnswerCache]:
    migrate(folder / "agent.db", now=clock())
    database = Database(folder / "agent.db")
    cache = AnswerCache(database, clock, limit_bytes=limit_bytes, age=timedelta(hours=24))
    await cache.open()
    try:
        yield cache
    finally:
        await cache.close()
        await database.close()


async def test_answers_outlive_the_program(tmp_path: Path) -> None:
    clock = MovingClock()
    async with opened(tmp_path, clock) as cache:
        cache.put("a", {"content": "Because."})
        at_once = await cache.get("a")
    async with opened(tmp_path, clock) as again:
        found = [await again.get("a"), await again.get("b")]
        stats = again.stats()

    assert [at_once, *found] == [{"content": "Because."}, {"content": "Because."}, None]
    assert stats == {"hits": 1, "misses": 1, "entries": 1, "size_bytes": 22}


async def test_what_is_too_old_or_from_the_future_is_not_given(tmp_path: Path) -> None:
    clock = MovingClock()
    async with opened(tmp_path, clock) as cache:
        cache.put("a", {"content": "x"})
        clock.passes(hours=23, minutes=59)
        young = await cache.get("a")
        clock.passes(minutes=2)
        old = await cache.get("a")
        clock.passes(hours=-48)
        early = await cache.get("a")
    async with opened(tmp_path, clock) as again:
        clock.passes(hours=49)
        removed = await again.tidy()
        stats = again.stats()

    assert (young, old, early) == ({"content": "x"}, None, None)
    assert (removed, stats["entries"], stats["size_bytes"]) == (1, 0, 0)


async def test_bytes_are_counted_and_what_was_used_last_stays(tmp_path: Path) -> None:
    clock = MovingClock()
    large = "x" * 900
    async with opened(tmp_path, clock, limit_bytes=10_000) as cache:
        for number in range(10):
            clock.passes(seconds=1)
            cache.put(f"{number}", {"content": large})
            await cache.get("0")
        cache.put("giant", {"content": "x" * 5000})
    async with opened(tmp_path, clock, limit_bytes=10_000) as again:
        left = [number for number in range(10) if await again.get(f"{number}")]
        giant = await again.get("giant")
        size = again.stats()["size_bytes"]
        clock.passes(seconds=1)
        await again.get("0")
        again.put("new", {"content": large})
        again.put("newer", {"content": large})
    async with opened(tmp_path, clock, limit_bytes=10_000) as last:
        still = [name for name in (*map(str, range(10)), "newer") if await last.get(name)]

    assert left == list(range(10))
    assert giant is None
    assert size <= 10_000
    assert len(still) < 10
    assert {"0", "newer"} <= set(still)
