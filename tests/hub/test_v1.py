"""The hub as OpenAI's clients know such servers: /v1."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.hub.asking import Asked, Json, asked_hub, chunks_of, streamed

pytestmark = pytest.mark.asyncio(loop_scope="module")
HI: Json = {"model": "qwen3:4b", "messages": [{"role": "user", "content": "hi"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("v1")
    async with asked_hub(folder / "data", environment) as one:
        one.near.add_model("bge-m3", capabilities=["embedding"])
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    """Bob's, with a key of his for models."""
    made = await asked.bob.post("/keys", json={"name": "editor", "scopes": ["ai"]})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    async with httpx.AsyncClient(base_url=f"{asked.hub.url}/v1", headers=headers) as client:
        yield client


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_whole_answer_and_a_stream_say_the_same(program: httpx.AsyncClient) -> None:
    whole = (await program.post("/chat/completions", json=HI)).json()
    wish = {**HI, "stream": True, "stream_options": {"include_usage": True}}
    answer = await program.post("/chat/completions", json=wish)

    frames = chunks_of(answer.content)
    said = "".join(one["delta"].get("content", "") for f in frames for one in f["choices"])
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert said == whole["choices"][0]["message"]["content"]
    assert (frames[-1]["usage"], frames[-2]["choices"][0]["finish_reason"]) == (
        whole["usage"],
        "stop",
    )
    assert answer.content.endswith(b"data: [DONE]\n\n")


async def test_an_answer_without_a_limit_gets_all_the_room(
    asked: Asked, program: httpx.AsyncClient
) -> None:
    await program.post("/chat/completions", json=HI)
    near = asked.near.requests[-1].body["options"]
    await program.post("/chat/completions", json={**HI, "model": "big:70b"})
    far = asked.far.requests[-1].body

    assert (near["num_ctx"], near["num_predict"] > 16_000) == (16_384, True)
    assert far["max_tokens"] > 16_000


async def test_models_are_listed_with_what_agents_want_to_know(
    asked: Asked, program: httpx.AsyncClient
) -> None:
    await asked.near.until(lambda: True)
    listed = (await program.get("/models")).json()["data"]
    one = (await program.get("/models/qwen3:4b")).json()

    named = {model["id"]: model for model in listed}
    assert one == named["qwen3:4b"]
    assert (one["context_length"], one["capabilities"]) == (32768, ["completion", "tools"])
    assert len(listed) == len(named)


async def test_plain_completions_and_embeddings_are_there(
    asked: Asked, program: httpx.AsyncClient
) -> None:
    providers = (await asked.ada.get("/providers")).json()["items"]
    await asked.ada.post(f"/providers/{providers[0]['id']}/test")
    text = await program.post("/completions", json={"model": "qwen3:4b", "prompt": "Once"})
    found = await program.post("/embeddings", json={"model": "bge-m3", "input": ["a", "b"]})
    none = await program.post("/embeddings", json={"model": "qwen3-coder:30b", "input": "a"})

    assert text.json()["choices"][0]["text"]
    assert [one["index"] for one in found.json()["data"]] == [0, 1]
    assert told(none) == (400, "no_embedding")


async def test_who_leaves_stops_the_model(asked: Asked, program: httpx.AsyncClient) -> None:
    asked.near.misbehave(path="/api/chat", stall_after=2, times=1)
    before = len(asked.near.departures)

    async with program.stream("POST", "/chat/completions", json={**HI, "stream": True}) as answer:
        await anext(answer.aiter_bytes())

    await asked.near.client_left(before + 1)
    asked.near.behave_well()


async def test_errors_are_told_in_openais_words(asked: Asked, program: httpx.AsyncClient) -> None:
    stranger = {"Authorization": "Bearer ohk_guessed"}

    assert told(await program.post("/chat/completions", json={**HI, "model": "no"})) == (
        404,
        "model_not_found",
    )
    assert told(await program.post("/chat/completions", content=b"{")) == (400, "bad_json")
    assert told(await program.post("/chat/completions", json={**HI, "n": 3})) == (
        400,
        "not_supported_here",
    )
    assert told(await program.get("/models", headers=stranger)) == (401, "invalid_api_key")
    assert told(await program.get("/nothing")) == (404, "unknown_url")


async def test_a_stream_that_fails_in_the_middle_says_so(
    asked: Asked, program: httpx.AsyncClient
) -> None:
    asked.near.misbehave(path="/api/chat", die_after=3, times=1)
    answer = await program.post("/chat/completions", json={**HI, "stream": True})
    asked.near.behave_well()

    assert answer.status_code == 200
    assert chunks_of(answer.content)[-1]["error"]["type"] == "server_error"
    assert b"[DONE]" not in answer.content


async def test_a_key_without_the_scope_asks_no_model(asked: Asked) -> None:
    made = await asked.bob.post("/keys", json={"name": "notes", "scopes": ["conversations"]})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    async with httpx.AsyncClient(base_url=f"{asked.hub.url}/v1", headers=headers) as client:
        answer = await client.post("/chat/completions", json=HI)

    assert told(answer) == (403, "scope_missing")


async def test_a_used_up_quota_is_told_before_the_model_is_asked(
    asked: Asked, program: httpx.AsyncClient
) -> None:
    body = {"subject_kind": "everybody", "period": "day", "requests": 0}
    made = await asked.ada.post("/quotas", json=body)
    assert made.status_code == 201, made.text
    before = len(asked.near.requests)
    try:
        answers = await asyncio.gather(
            program.post("/chat/completions", json=HI), asked.bob.post("/ai/chat", json=HI)
        )
    finally:
        await asked.ada.delete(f"/quotas/{made.json()['id']}")

    asks = [one for one in asked.near.requests[before:] if one.method == "POST"]
    assert ([one.status_code for one in answers], asks) == ([429, 429], [])
    assert int(answers[0].headers["Retry-After"]) > 0
    error, problem = answers[0].json()["error"], answers[1].json()
    assert error["code"] == "quota_exceeded"
    assert (error["left"], error["resets_at"]) == (problem["left"], problem["resets_at"])


@pytest.mark.slow
async def test_a_small_quota_shortens_the_answer_and_says_so(
    asked: Asked, program: httpx.AsyncClient
) -> None:
    body = {"subject_kind": "everybody", "period": "month", "is_each": True, "tokens": 10**6}
    made = (await asked.ada.post("/quotas", json=body)).json()
    path = f"/quotas/{made['id']}"
    word: Json = {"message": {"role": "assistant", "content": "word "}, "done": False}
    try:
        await asked.ada.patch(path, json={"tokens": 400})
        asked.near.misbehave(path="/api/chat", script=[(0, word)] * 600, times=2)
        events = await streamed(asked.bob, "/ai/chat", {**HI, "model": "qwen3:4b"})
        now = (await asked.ada.get(path)).json()
        refused = await program.post("/chat/completions", json=HI)
    finally:
        asked.near.behave_well()
        await asked.ada.delete(path)

    chats = [one for one in asked.near.requests if one.path == "/api/chat"]
    sent = chats[-1].body["options"]
    result, usage = events[-1].data["result"], events[-1].data["usage"]
    assert isinstance(result, dict)
    assert isinstance(usage, dict)
    bound = usage["quota_tokens"]
    assert 256 <= bound < 400
    assert (sent["num_predict"], usage["completion_tokens"]) == (bound, bound)
    assert (events[-1].name, result["finish_reason"]) == ("done", "length")
    assert now["tokens"] == 400
    assert refused.status_code == 429
