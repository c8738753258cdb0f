"""Ollama's own package against the agent, unchanged: everything that it can ask of models."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import ollama
import orjson
import pytest
import pytest_asyncio

from agent.compat.ollama_answers import Lines, Said
from agent.inference.rules import Batch, Finish, Frame, ToolCall, Usage
from tests.agent.other_clients import ASKED, NAMES, SAID, TOOL, as_new, one_agent, one_server
from tests.agent.talking import MODEL, SEEING, chats, picture
from tests.clock import MovingClock
from tests.fakes.ollama import FakeOllama
from tests.serving import NO_TLS, NOBODY, Served, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHED = {"/api/version", "/api/tags", "/api/ps"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[FakeOllama]:
    async with one_server() as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory, server: FakeOllama
) -> AsyncIterator[Served]:
    async with one_agent(tmp_path_factory.mktemp("compat"), server) as served:
        yield served


@pytest.fixture
def fake(server: FakeOllama) -> FakeOllama:
    return as_new(server)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(served: Served) -> AsyncIterator[ollama.AsyncClient]:
    async with package(served.url, served.token) as client:
        yield client


def package(url: str, token: str) -> ollama.AsyncClient:
    """A client as people make it."""
    headers = {"Authorization": f"Bearer {token}"}
    return ollama.AsyncClient(f"{url}/ollama", headers=headers, verify=NO_TLS, trust_env=False)


async def test_a_chat_is_answered_whole(client: ollama.AsyncClient, fake: FakeOllama) -> None:
    answer = await client.chat(
        "SHORT", messages=ASKED, options={"temperature": 0.5, "mirostat": 2, "seed": 7}
    )

    assert (answer.model, answer.message.role, answer.message.content) == (
        "SHORT",
        "assistant",
        SAID,
    )
    assert (answer.done, answer.done_reason, answer.eval_count) == (True, "stop", 15)
    assert (answer.prompt_eval_duration or 0) > 0
    sent = chats(fake)[-1]
    options = sent.pop("options")
    assert sent == {
        "model": "SHORT",
        "messages": ASKED,
        "tools": [],
        "stream": True,
        "keep_alive": "5m",
    }
    assert options.pop("num_ctx") >= 512
    assert options.pop("num_predict") > 0
    assert options == {"temperature": 0.5, "seed": 7}


async def test_a_stream_is_the_servers_own_lines(served: Served, fake: FakeOllama) -> None:
    """Streamed where nothing else is said, as Ollama does."""
    asked = {"model": "think", "messages": ASKED, "truncate": False}

    through = await served.client.post("/ollama/api/chat", json=asked)
    direct = await served.client.post(f"{fake.url}/api/chat", json=asked)

    assert through.headers["content-type"] == direct.headers["content-type"]
    assert _without_times(through.content) == _without_times(direct.content)
    assert chats(fake)[0]["truncate"] is False


async def test_a_stream_is_read_with_thoughts(client: ollama.AsyncClient) -> None:
    parts = [part async for part in await client.chat("think", messages=ASKED, stream=True)]
    quiet = await client.chat("think", messages=ASKED, think=False)

    thought = "".join(part.message.thinking or "" for part in parts)
    said = "".join(part.message.content or "" for part in parts)
    assert (thought.strip()[:8], said.strip()[:5]) == ("The user", "Raise")
    assert [part.done for part in parts[-2:]] == [False, True]
    assert (quiet.message.thinking, (quiet.message.content or "").strip()[:5]) == (None, "Raise")


async def test_tools_are_called_and_their_results_read(
    client: ollama.AsyncClient, fake: FakeOllama
) -> None:
    whole = await client.chat("toolgo", messages=ASKED, tools=[TOOL])

    calls = whole.message.tool_calls or []
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_printer_status", {"printer": "Ender 3"})
    ]

    result = {"role": "tool", "tool_name": "get_printer_status", "content": "printing"}
    await client.chat("toolgo", messages=[*ASKED, whole.message, result], tools=[TOOL])

    assert chats(fake)[-1]["messages"][-1] == result


async def test_pictures_are_looked_at(client: ollama.AsyncClient, fake: FakeOllama) -> None:
    looking = {"role": "user", "content": "What is it?", "images": [picture()]}

    chat = await client.chat(SEEING, messages=[looking])
    generated = await client.generate(SEEING, prompt="What is it?", images=[picture()])

    assert "I looked at 1 picture." in (chat.message.content or "")
    assert "I looked at 1 picture." in str(generated.response)


async def test_a_prompt_is_gone_on_with(client: ollama.AsyncClient, fake: FakeOllama) -> None:
    whole = await client.generate("short", prompt="Why?", system="Be short.")
    parts = [part async for part in await client.generate("short", prompt="Why?", stream=True)]
    raw = await client.generate(
        MODEL, prompt="G1 X", suffix="Y10", format={"type": "object"}, keep_alive="1m"
    )

    assert (whole.response, whole.done_reason, bool(whole.context)) == (SAID, "stop", True)
    assert "".join(str(part.response) for part in parts) == SAID
    sent = next(one.body for one in fake.requests if one.body and one.body.get("suffix"))
    assert (sent["suffix"], sent["format"], sent["keep_alive"]) == ("Y10", {"type": "object"}, "1m")
    assert raw.response == "{}"


async def test_models_are_loaded_and_unloaded(
    client: ollama.AsyncClient, fake: FakeOllama, served: Served
) -> None:
    loaded = await client.generate("short", keep_alive=-1)
    shown = [model.model for model in (await client.ps()).models]
    unloaded = await client.chat("short", messages=[], keep_alive=0)
    streams = await served.client.post("/ollama/api/chat", json={"model": "short"})

    assert (loaded.done_reason, loaded.done, loaded.response) == ("load", True, "")
    assert "short:latest" in shown
    assert unloaded.done_reason == "unload"
    assert streams.headers["content-type"] == "application/json"
    assert streams.json()["done_reason"] == "load"


async def test_embeddings_are_made(client: ollama.AsyncClient) -> None:
    several = await client.embed("emb", ["first", "second"], dimensions=64)
    legacy = await client.embeddings("emb", "first")
    none = await client.embed("emb", [])

    assert [len(vector) for vector in several.embeddings] == [64, 64]
    assert math.isclose(math.hypot(*several.embeddings[0]), 1, rel_tol=1e-5)
    assert (several.model, len(legacy.embedding), list(none.embeddings)) == ("emb", 640, [])


async def test_models_are_listed_and_shown(client: ollama.AsyncClient, fake: FakeOllama) -> None:
    listed = (await client.list()).models
    shown = await client.show("think")

    names = {model.model for model in listed}
    assert names == NAMES
    assert all(model.size and model.digest and model.modified_at for model in listed)
    assert all(model.details and model.details.family for model in listed)
    assert set(shown.capabilities or []) == {"completion", "thinking"}
    assert (bool(shown.template), bool(shown.modelinfo)) == (True, True)


async def test_it_says_that_it_is_there(served: Served) -> None:
    root = await served.client.get("/ollama")
    head = await served.client.head("/ollama/api/tags")
    version = await served.client.get("/ollama/api/version")

    assert (root.text, head.status_code) == ("Ollama is running", 200)
    assert version.json() == {"version": "0.33.0-rc2"}


async def test_what_would_change_models_is_not_there(
    client: ollama.AsyncClient, fake: FakeOllama, served: Served
) -> None:
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: client.create("mine", from_="short"),
        lambda: client.push("mine"),
        lambda: client.pull("qwen3:4b"),
        lambda: client.copy("short", "other"),
        lambda: client.delete("short"),
        lambda: client.create_blob(__file__),
    ]
    told: list[tuple[int, str]] = []
    for change in changes:
        with pytest.raises(ollama.ResponseError) as refused:
            await change()
        told.append((refused.value.status_code, refused.value.error))
    wrong_method = await served.client.get("/ollama/api/chat")

    assert told == [(404, "404 page not found")] * len(changes)
    assert (wrong_method.status_code, wrong_method.text) == (405, "405 method not allowed")
    assert wrong_method.headers["Allow"] == "POST"
    assert {seen.path for seen in fake.requests} <= WATCHED


BAD: list[tuple[str, object, int, str]] = [
    ("chat", {"messages": ASKED}, 400, "model: Field required."),
    ("chat", {"model": "nosuch", "messages": ASKED}, 404, "nosuch"),
    ("chat", {"model": "short", "options": {"temperature": "hot"}}, 400, "options.temperature"),
    ("chat", {"model": "short", "format": "yaml", "messages": ASKED}, 400, "format"),
    ("chat", {"model": "short", "think": "extreme", "messages": ASKED}, 400, "think"),
    ("chat", {"model": "short", "think": True, "messages": ASKED}, 400, "think"),
    ("chat", {"model": "short", "tools": [TOOL], "messages": ASKED}, 400, "tools"),
    ("chat", {"model": "short", "top_logprobs": 21, "messages": ASKED}, 400, "top_logprobs"),
    ("chat", {"model": "short", "keep_alive": "soon", "messages": ASKED}, 400, "soon"),
    ("chat", {"model": "emb", "messages": ASKED}, 400, "emb"),
    ("chat", {"model": "short", "messages": [{"role": "user", "images": ["x"]}]}, 400, "see"),
    ("chat", {"model": SEEING, "messages": [{"role": "user", "images": ["x"]}]}, 400, "base64"),
    ("chat", [], 400, "JSON object"),
    ("generate", {"prompt": "x"}, 400, "model: Field required."),
    ("show", {}, 400, "model is required"),
    ("show", {"model": "nosuch"}, 404, "nosuch"),
    ("embed", {"model": "nosuch", "input": "x"}, 404, "nosuch"),
    ("embed", {"model": "emb", "input": 5}, 400, "input"),
]


@pytest.mark.parametrize(("route", "asked", "status", "about"), BAD)
async def test_what_cannot_be_done_is_told_as_ollama_does(
    served: Served, fake: FakeOllama, route: str, asked: object, status: int, about: str
) -> None:
    answer = await served.client.post(f"/ollama/api/{route}", json=asked)

    told = answer.json()
    assert (answer.status_code, list(told)) == (status, ["error"])
    assert about in told["error"]


async def test_strangers_and_small_scopes_are_refused(served: Served) -> None:
    made = await served.client.post("/api/v1/tokens", json={"name": "n", "scopes": ["models"]})

    told = []
    for token in ("wrong", made.json()["token"]):
        async with package(served.url, token) as other:
            with pytest.raises(ollama.ResponseError) as refused:
                await other.list()
            told.append((refused.value.status_code, refused.value.error))

    assert told == [
        (401, "This token or session is not valid, or not any more."),
        (403, "This needs a token with the scope chat."),
    ]


async def test_nobody_to_ask_and_too_many_requests_say_when_to_come_back(tmp_path: Path) -> None:
    async with running_agent(tmp_path, ollama_url=NOBODY, requests_per_minute=1) as served:
        asked = {"model": "short", "messages": ASKED}
        down = await served.client.post("/ollama/api/chat", json=asked)
        limited = await served.client.post("/ollama/api/chat", json=asked)
        version = await served.client.get("/ollama/api/version")

    assert (down.status_code, down.headers["Retry-After"]) == (503, "2")
    assert (limited.status_code, list(limited.json())) == (429, ["error"])
    assert int(limited.headers["Retry-After"]) > 50
    assert version.json() == {"version": "0.33.0"}


async def test_a_model_that_dies_is_an_error_before_and_after_the_first_word(
    client: ollama.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", die_after=3)
    heard: list[str] = []

    async def listen() -> None:
        async for part in await client.chat("short", messages=ASKED, stream=True):
            heard.append(part.message.content or "")  # noqa: PERF401 - it ends early

    with pytest.raises(ollama.ResponseError) as later:
        await listen()
    with pytest.raises(ollama.ResponseError) as whole:
        await client.chat("short", messages=ASKED)

    assert "".join(heard) == "Your print is"
    assert (later.value.error, whole.value.status_code) == (whole.value.error, 503)


@pytest.mark.parametrize("streams", [True, False])
async def test_the_model_stops_when_the_client_leaves(
    client: ollama.AsyncClient, fake: FakeOllama, *, streams: bool
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 1000, pace=20)

    async def ask() -> None:
        asking: Any = client.chat  # Any: its overloads want a literal
        answer = await asking("short", messages=ASKED, stream=streams)
        async for _ in answer:
            await answer.aclose()
            return

    if streams:
        await ask()
    else:
        asking = asyncio.ensure_future(ask())
        await fake.saw(path="/api/chat")
        asking.cancel()

    gone = await fake.client_left()
    assert (len(gone), gone[0].seen.frames_sent < 100) == (1, True)


async def test_what_was_asked_is_noted_by_its_project(
    client: ollama.AsyncClient, served: Served, fake: FakeOllama
) -> None:
    headers = {"X-Project": "drawer"}
    asked = {"model": "short", "messages": ASKED}
    await served.client.post("/ollama/api/chat", json=asked, headers=headers)
    await served.client.post("/v1/chat/completions", json=asked, headers=headers)
    bad = await served.client.post("/v1/embeddings", json=asked, headers={"X-Project": "a b"})

    noted = (await served.client.get("/api/v1/telemetry/requests?project=drawer")).json()["items"]
    told = {(one["kind"], one["outcome"], one["model"], one["backend"]) for one in noted}
    assert told == {
        ("compat-ollama", "done", "short:latest", "local"),
        ("compat-openai", "done", "short:latest", "local"),
    }
    assert {one["client"] for one in noted} == {"main"}
    assert bad.status_code == 400


async def test_a_model_of_an_openai_shaped_server_answers_in_ollamas_words(
    client: ollama.AsyncClient, served: Served
) -> None:
    async with FakeOllama(models=[]) as cloud:
        cloud.add_model("faraway", words=["far", " away"])
        asked = {"name": "cloud", "provider": "openai", "url": f"{cloud.url}/v1"}
        made = (await served.client.post("/api/v1/backends", json=asked)).json()
        try:
            whole = await client.chat("faraway", messages=ASKED)
            stream = await client.generate("faraway", prompt="Where?", stream=True)
            parts = [part async for part in stream]
            loaded = await client.generate("faraway", keep_alive=0)
            shown = await client.show("faraway")
            with pytest.raises(ollama.ResponseError) as refused:
                await client.generate("faraway", prompt="Where?", raw=True)
        finally:
            await served.client.delete(f"/api/v1/backends/{made['id']}")

    assert (whole.message.content, whole.done, whole.done_reason) == ("far away", True, "stop")
    assert "".join(str(part.response) for part in parts) == "far away"
    assert [part.done for part in parts] == [False, False, True]
    assert (loaded.done_reason, shown.capabilities) == ("unload", ["completion", "tools"])
    assert refused.value.error == "The server of faraway:latest has no words for raw."


# --- without a server ---------------------------------------------------------------------------


async def test_answers_of_other_servers_are_put_into_ollamas_words() -> None:
    usage = Usage(3, 4, 2.0, 0.0, 8.0, 1500.0)
    call = ToolCall("t", {"a": 1}, "id1")
    batch = Batch(
        [
            Frame("thinking", "Hm."),
            Frame("token", 'a "b"\n'),
            Frame("tool", "", (call,)),
            Finish("stop", usage),
        ]
    )
    lines, said = Lines("m", MovingClock(), is_chat=True), Said()
    said.take(batch)

    streamed = [orjson.loads(line) for line in lines.batch(batch).splitlines()]
    whole = lines.whole(said)

    head = {"model": "m", "created_at": "2026-01-31T09:05:00.000000Z"}
    calls = [{"id": "id1", "function": {"index": 0, "name": "t", "arguments": {"a": 1}}}]
    end = {
        "done": True,
        "done_reason": "stop",
        "total_duration": 1_500_000_000,
        "load_duration": 2_000_000,
        "prompt_eval_count": 3,
        "eval_count": 4,
        "eval_duration": 500_000_000,
    }
    empty = {"role": "assistant", "content": ""}
    assert streamed == [
        {**head, "message": {**empty, "thinking": "Hm."}, "done": False},
        {**head, "message": {**empty, "content": 'a "b"\n'}, "done": False},
        {**head, "message": {**empty, "tool_calls": calls}, "done": False},
        {**head, "message": empty, **end},
    ]
    message = {**empty, "content": 'a "b"\n', "thinking": "Hm.", "tool_calls": calls}
    assert whole == {**head, "message": message, **end}


async def test_plain_prompts_of_other_servers_are_put_into_ollamas_words() -> None:
    lines = Lines("m", MovingClock(), is_chat=False)

    streamed = [
        orjson.loads(line) for line in lines.batch(Batch([Frame("token", "a")])).splitlines()
    ]

    head = {"model": "m", "created_at": "2026-01-31T09:05:00.000000Z"}
    assert streamed == [{**head, "response": "a", "done": False}]


def _without_times(stream: bytes) -> list[dict[str, object]]:
    """The lines without what differs from one time to the next."""
    return [
        {
            name: value
            for name, value in orjson.loads(line).items()
            if name != "created_at" and not name.endswith(("_duration", "_count"))
        }
        for line in stream.splitlines()
    ]
