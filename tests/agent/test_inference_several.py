"""Which backend answers, what happens when it fails, and that no place is lost."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from agent.inference.breaker import Breaker
from agent.inference.inference import Who
from agent.inference.rules import EmbedRequest
from agent.shared.errors import OrcaError
from tests.agent.several import question, several

Fault = dict[str, Any]  # Any: fields of the fake's Behaviour


async def test_a_model_in_memory_is_preferred_then_whoever_has_less_to_do() -> None:
    async with several(2, limit=4) as s:
        a, b = s.backends
        await b.provider.load("tiny")
        await b.check_now()

        first = await s.whole(question())
        await a.provider.load("tiny")
        await a.check_now()
        s.fakes[1].misbehave(path="/api/chat", pace=2.0)
        async with aclosing(s.inference.chat(question(), Who(), only="b")) as slow:
            await anext(slow)
            await s.whole(question())

    assert first
    assert s.answered_by == ["b", "a"]


async def test_only_a_backend_that_has_the_model_is_asked() -> None:
    async with several(2) as s:
        s.fakes[1].add_model("rare")
        await list(s.backends)[1].until(lambda state: len(state.models) == 2)

        await s.whole(question("rare"))
        with pytest.raises(OrcaError) as nowhere:
            await s.whole(question("nowhere"))

    assert s.answered_by == ["b"]
    assert nowhere.value.code == "model-not-found"


@pytest.mark.parametrize(
    "fault",
    [
        {"reset_after": 0},
        {"die_after": 0},
        {"status": 500},
        {"full": True},
        {"html": True},
        {"vanished": True},
    ],
)
async def test_another_backend_takes_over_before_the_first_word(fault: Fault) -> None:
    async with several(2) as s:
        s.fakes[0].misbehave(path="/api/chat", **fault)

        text = await s.whole(question())
        state = s.queues.text.state

    assert text
    assert s.answered_by[-1] == "b"
    assert (state.running, state.waiting) == (0, 0)


async def test_nobody_takes_over_after_the_first_word() -> None:
    async with several(2) as s:
        s.fakes[0].misbehave(path="/api/chat", die_after=2)

        with pytest.raises(OrcaError) as error:
            await s.whole(question())
        asked_b = await s.fakes[1].saw(0, path="/api/chat")

    assert error.value.code == "model-crashed"
    assert asked_b == []


async def test_a_busy_server_is_asked_again_and_answers() -> None:
    async with several(1) as s:
        s.fakes[0].misbehave(path="/api/chat", full=True, times=2)

        text = await s.whole(question())
        seen = await s.fakes[0].saw(3, path="/api/chat")

    assert text
    assert [one.status for one in seen] == [503, 503, 200]


async def test_a_bad_request_is_not_asked_twice() -> None:
    async with several(2) as s:
        s.fakes[0].misbehave(path="/api/chat", status=400, error="invalid option")
        s.fakes[1].misbehave(path="/api/chat", status=400, error="invalid option")

        with pytest.raises(OrcaError):
            await s.whole(question())
        seen = [len(await fake.saw(0, path="/api/chat")) for fake in s.fakes]

    assert sum(seen) == 1


async def test_asking_for_what_a_model_cannot_do_rests_no_server() -> None:
    async with several(2) as s:
        codes = []
        for _ in range(12):
            with pytest.raises(OrcaError) as error:
                await s.inference.embed(EmbedRequest("tiny", ("one",)), Who())
            codes.append(error.value.code)
        text = await s.whole(question())
        states = [one.breaker.state for one in s.backends]

    assert codes == ["no-embedding"] * 12
    assert text
    assert states == ["closed", "closed"]


async def test_the_deadline_bounds_every_try_together() -> None:
    async with several(1) as s:
        s.fakes[0].misbehave(path="/api/chat", full=True)

        began = asyncio.get_running_loop().time()
        with pytest.raises(OrcaError) as error:
            await s.whole(question(), deadline_s=0.3)
        took_s = asyncio.get_running_loop().time() - began
        state = s.queues.text.state

    assert error.value.code == "deadline-passed"
    assert took_s < 20  # and not for ever: how soon is no question of a test
    assert (state.running, state.waiting) == (0, 0)


async def test_who_waits_is_told_at_once_when_the_last_backend_goes() -> None:
    async with several(1, limit=1) as s:
        s.fakes[0].misbehave(path="/api/chat", pace=1.0)
        async with aclosing(s.inference.chat(question(), Who())) as running:
            await anext(running)
            waiting = asyncio.ensure_future(s.whole(question()))
            await asyncio.sleep(0)
            await s.fakes[0].stop()
            with pytest.raises(OrcaError) as error:
                await waiting

    assert error.value.code == "ollama-down"


async def test_a_backend_that_keeps_failing_is_left_alone_and_tried_again() -> None:
    async with several(1) as s:
        (backend,) = s.backends
        now = [0.0]
        backend.breaker = Breaker(threshold=3, rest_s=5, monotonic=lambda: now[0])
        s.fakes[0].misbehave(path="/api/chat", html=True)
        codes = []
        for _ in range(4):
            with pytest.raises(OrcaError) as error:
                await s.whole(question())
            codes.append((error.value.code, error.value.extra.get("retry_after_s")))
        s.fakes[0].behave_well()
        now[0] = 5.0
        states = [backend.breaker.state]
        text = await s.whole(question())
        states.append(backend.breaker.state)

    assert codes == [("ollama-garbled", None)] * 3 + [("backend-resting", 5)]
    assert (bool(text), states) == (True, ["half-open", "closed"])


def test_half_open_lets_one_through_and_a_failure_doubles_the_rest() -> None:
    now = [0.0]
    breaker = Breaker(threshold=2, rest_s=5, longest_s=12, monotonic=lambda: now[0])
    seen: list[object] = []
    for _ in range(2):
        breaker.began()
        opened = breaker.failed()
    seen.append((opened, breaker.state, breaker.allows))
    for rest_s in (5, 10, 12, 12):
        now[0] += rest_s - 0.1
        seen.append((breaker.state, breaker.allows))
        now[0] += 0.1
        seen.append((breaker.state, breaker.allows))
        breaker.began()
        seen.append((breaker.state, breaker.allows))
        breaker.failed()

    assert seen[0] == (True, "open", False)
    assert seen[1:] == [("open", False), ("half-open", True), ("half-open", False)] * 4


def test_a_trial_whose_client_leaves_frees_the_way_for_the_next() -> None:
    now = [0.0]
    breaker = Breaker(threshold=1, rest_s=5, monotonic=lambda: now[0])
    breaker.began()
    breaker.failed()
    now[0] = 5.0
    breaker.began()
    breaker.left()

    assert (breaker.state, breaker.allows) == ("half-open", True)
