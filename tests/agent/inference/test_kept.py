"""Answers that keep a format, and answers that are given again, over HTTP."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.agent.asking import QUESTION, ask_for, lines_of, names_in, text_in, without_times
from tests.agent.talking import MODEL, Json, body, chats, every, picture, problem
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
LAYER = {
    "type": "object",
    "properties": {"height": {"type": "number"}},
    "required": ["height"],
    "additionalProperties": False,
}
GOOD, BAD = '{"height": 0.2}', '{"height": "thin"}'
WRONG = {"field": "$.height", "detail": "'thin' is not of type 'number'."}


def repeatable(seed: int) -> Json:
    """What makes a request one that is kept; each test has a seed of its own."""
    return {"cache": True, "options": {"temperature": 0, "seed": seed}}


HITS = re.compile(r"^orca_agent_answer_cache_hits_total [1-9]", re.MULTILINE)

# --- formats ------------------------------------------------------------------------------------


async def test_an_answer_that_keeps_the_format_says_so(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=GOOD)

    answer = body(await ask_for(client, "generate", format=LAYER))
    events = await lines_of(client, "generate", format="json")

    assert (answer["content"], answer["format_ok"]) == (GOOD, True)
    assert "repaired" not in answer
    assert events[-1][1]["format_ok"] is True
    assert [chat["format"] for chat in chats(fake)] == [LAYER, "json"]


async def test_a_faulty_answer_is_repaired_once_by_its_model(
    served: Served, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=GOOD)
    fake.misbehave(path="/api/chat", times=1, text=BAD)

    answer = body(await ask_for(served.client, "chat", project="repaired", format=LAYER))

    first, second = chats(fake)
    (noted,) = await every(served.client, "/api/v1/telemetry/requests", project="repaired")
    assert answer["message"]["content"] == GOOD
    assert (answer["format_ok"], answer["repaired"]) == (True, True)
    assert second["messages"][:2] == [QUESTION, {"role": "assistant", "content": BAD}]
    assert WRONG["detail"] in second["messages"][2]["content"]
    assert (second["format"], second["options"]) == (LAYER, first["options"])
    # Both attempts are paid for.
    assert noted["completion_tokens"] == answer["usage"]["completion_tokens"] > 5


async def test_a_format_that_is_not_kept_twice_is_a_problem_with_the_answer_in_it(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=BAD)

    told = await ask_for(client, "generate", format=LAYER)

    document = told.json()
    assert problem(told) == (422, "format-not-kept")
    assert (document["answer"], document["errors"]) == (BAD, [WRONG])
    assert len(chats(fake)) == 2


async def test_an_answer_that_was_cut_is_not_asked_for_again(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text='{"height": 0', done_reason="length")

    told = await ask_for(client, "generate", format=LAYER)

    assert problem(told) == (422, "format-not-kept")
    assert "num_predict" in told.json()["detail"]
    assert len(chats(fake)) == 1


async def test_a_stream_that_does_not_keep_its_format_ends_with_an_error(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=BAD)

    events = await lines_of(client, "chat", format=LAYER)

    assert names_in(events) == ["started", "token", "error"]
    assert text_in(events) == BAD
    assert events[-1][1]["problem"]["answer"] == BAD
    assert len(chats(fake)) == 1


async def test_a_call_of_a_tool_needs_no_format(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    call = {"name": "measure", "arguments": {}}
    tool = {"type": "function", "function": {"name": "measure", "parameters": {}}}
    fake.add_model("tools:1b", capabilities=["completion", "tools"])
    fake.misbehave(path="/api/chat", text="", tool_call=call)

    answer = body(await ask_for(client, "chat", model="tools:1b", tools=[tool], format=LAYER))

    assert answer["message"]["tool_calls"][0]["function"] == call
    assert "format_ok" not in answer


# --- the cache ----------------------------------------------------------------------------------


async def test_the_very_same_request_is_answered_from_the_cache(
    served: Served, fake: FakeOllama
) -> None:
    client = served.client
    fake.misbehave(path="/api/chat", thinking="Hm.", text="Dry it.")
    asked: Json = {**repeatable(1), "model": "think", "logprobs": True, "keep_alive": "1m"}

    first = body(await ask_for(client, "chat", **asked))
    again = body(await ask_for(client, "chat", **{**asked, "keep_alive": "2m"}))
    streamed = await lines_of(client, "chat", **asked)
    prompted = body(await ask_for(client, "generate", **asked))

    assert (first["cached"], again["cached"]) == (False, True)
    assert without_times({**again, "cached": False}) == without_times(first)
    assert again["usage"]["total_ms"] == 0
    assert names_in(streamed) == ["started", "thinking", "token", "done"]
    assert streamed[-1][1] == again
    assert (prompted["content"], prompted["cached"]) == ("Dry it.", True)
    assert len(chats(fake)) == 1
    noted = await every(client, "/api/v1/telemetry/requests", model="think:latest")
    assert [one["cached"] for one in noted] == [True, True, True, False]
    assert HITS.search((await client.get("/metrics")).text)


OTHERS: list[Json] = [
    {"cache": True, "options": {"temperature": 0.1}},
    {"cache": True, "options": {"seed": -1}},
    {"cache": True},
    {"options": {"temperature": 0}},
    {"cache": False, "options": {"temperature": 0}},
]


async def test_only_who_asks_for_it_and_can_be_answered_alike_gets_an_answer_again(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    for fields in (*OTHERS, *OTHERS):
        assert body(await ask_for(client, "generate", **fields))["cached"] is False

    seeded = [
        body(await ask_for(client, "generate", cache=True, options={"seed": 5}))["cached"]
        for _ in range(2)
    ]
    assert seeded == [False, True]
    assert len(chats(fake)) == 2 * len(OTHERS) + 1


async def test_pictures_and_versions_of_models_make_other_answers(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    def seen(shade: int) -> list[Json]:
        url = f"data:image/png;base64,{base64.b64encode(picture(shade=shade)).decode()}"
        return [{**QUESTION, "images": [url]}]

    told = [
        body(await ask_for(client, "vlm", messages=seen(shade), **repeatable(2)))["cached"]
        for shade in (1, 2, 1)
    ]
    before = body(await ask_for(client, "generate", **repeatable(2)))["cached"]
    fake.state.add(replace(fake.state.get(MODEL, missing=MODEL), digest="0" * 64))
    fake.misbehave(path="/api/chat", text="Other.")
    await client.get("/api/v1/models/nosuch")  # has the list of models read anew
    after = body(await ask_for(client, "generate", **repeatable(2)))

    assert told == [False, False, True]
    assert (before, after["cached"], after["content"]) == (False, False, "Other.")


async def test_failures_are_not_kept(client: httpx.AsyncClient, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", times=1, text="one two", die_after=1)
    fake.misbehave(path="/api/chat", times=3, text=BAD)

    broken = await ask_for(client, "generate", **repeatable(3))
    faulty = await ask_for(client, "generate", format=LAYER, **repeatable(3))
    fake.behave_well()
    fake.misbehave(path="/api/chat", text=GOOD)
    found = [
        body(await ask_for(client, "generate", **repeatable(3)))["cached"],
        body(await ask_for(client, "generate", format=LAYER, **repeatable(3)))["cached"],
    ]

    assert (broken.status_code, faulty.status_code, found) == (503, 422, [False, False])


async def test_the_setting_asks_for_everybody_and_answers_outlive_the_agent(
    tmp_path: Path, fake: FakeOllama
) -> None:
    told = []
    for _ in range(2):
        async with running_agent(
            tmp_path / "data", ollama_url=fake.url, answer_cache=True
        ) as served:
            await served.agent.backend.until(lambda state: state.is_up)
            seeded: Json = {"options": {"seed": 1}}
            answers = [await ask_for(served.client, "generate", **seeded) for _ in range(2)]
            told.append([body(answer)["cached"] for answer in answers])

    assert told == [[False, True], [True, True]]


async def test_batches_are_answered_from_the_cache_too(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    await ask_for(client, "chat", **repeatable(4))
    items = [{"messages": [QUESTION], **repeatable(4)} for _ in range(3)]

    run = body(await client.post("/api/v1/batch/chat", json={"items": items}), 202)
    async with client.stream("GET", f"/api/v1/runs/{run['id']}/events") as reply:
        await reply.aread()
    found = await every(client, f"/api/v1/runs/{run['id']}/results")

    assert [one["answer"]["cached"] for one in found] == [True] * 3
    assert len(chats(fake)) == 1
