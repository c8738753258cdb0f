"""Asking a model outside of conversations: whole answers, streams, and what goes wrong."""

import asyncio
import base64
from pathlib import Path

import httpx
import pytest

from tests.agent.asking import (
    QUESTION,
    ask_for,
    events_of,
    lines_of,
    names_in,
    text_in,
    without_times,
)
from tests.agent.talking import MODEL, SEEING, Json, body, chats, every, picture, problem, upload
from tests.fakes.ollama import WRAPPED_ERROR, FakeOllama
from tests.serving import Served, running_agent
from tests.sse import events_of as sse_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALL = {"name": "set_temperature", "arguments": {"celsius": 215}}
TOOL = {"type": "function", "function": {"name": "set_temperature", "parameters": {}}}


async def test_a_prompt_is_answered_and_the_model_gets_what_was_asked(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="Because it is wet.")

    answer = body(
        await ask_for(
            client,
            "generate",
            system="Be brief.",
            options={"temperature": 0.2, "stop": ["\n"], "seed": 4, "num_ctx": 4096},
            keep_alive="10m",
        )
    )

    assert without_times(answer) == {
        "model": MODEL,
        "backend": "local",
        "content": "Because it is wet.",
        "thinking": "",
        "usage": without_times(answer)["usage"],
        "finish_reason": "stop",
        "cached": False,
    }
    assert answer["usage"]["completion_tokens"] > 3
    (asked,) = chats(fake)
    assert asked["messages"] == [{"role": "system", "content": "Be brief."}, QUESTION]
    assert asked["options"] == {
        "temperature": 0.2,
        "stop": ["\n"],
        "seed": 4,
        "num_ctx": 4096,
        "num_predict": 2048,
    }
    assert asked["keep_alive"] == "10m"


async def test_messages_are_answered_with_a_message(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.add_model("thinker:1b", capabilities=["completion", "tools", "thinking"])
    fake.misbehave(path="/api/chat", thinking="Hm.", text="I set it.", tool_call=CALL)
    call = {"id": "1", "function": CALL}
    talk = [
        QUESTION,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_name": "set_temperature", "content": "done"},
    ]

    answer = body(
        await ask_for(client, "chat", model="thinker:1b", messages=talk, tools=[TOOL], think="low")
    )

    (answered,) = answer["message"].pop("tool_calls")
    assert answer["message"] == {"role": "assistant", "content": "I set it."}
    assert (answer["thinking"], answered["function"]) == ("Hm.", CALL)
    (asked,) = chats(fake)
    assert asked["think"] == "low"
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant", "tool"]
    assert asked["messages"][1]["tool_calls"] == [call]
    assert asked["messages"][2]["tool_name"] == "set_temperature"


async def test_pictures_come_by_hash_or_by_data_url(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    data = picture(shade=7)
    before = body(await client.get("/api/v1/images/stats"))["count"]
    sha256 = await upload(client, data)
    url = f"data:image/png;base64,{base64.b64encode(picture(shade=8)).decode()}"

    answer = body(await ask_for(client, "vlm", messages=[{**QUESTION, "images": [sha256, url]}]))

    (asked,) = chats(fake)
    sent = asked["messages"][0]["images"]
    assert (answer["model"], asked["model"]) == (SEEING, SEEING)
    assert len({base64.b64decode(image) for image in sent}) == 2
    # A picture that came with a question is not kept for others to find.
    assert body(await client.get("/api/v1/images/stats"))["count"] == before + 1


async def test_texts_become_vectors(client: httpx.AsyncClient, fake: FakeOllama) -> None:
    two = body(await ask_for(client, "embed", dimensions=8))
    one = body(await ask_for(client, "embed", input="one", dimensions=8))

    assert (two["model"], two["backend"], len(two["embeddings"])) == ("emb:latest", "local", 2)
    assert one["embeddings"] == two["embeddings"][:1]
    assert two["usage"]["prompt_tokens"] > one["usage"]["prompt_tokens"] > 0
    assert problem(await ask_for(client, "embed", model=MODEL)) == (422, "no-embedding")
    assert problem(await ask_for(client, "embed", model="nosuch")) == (404, "model-not-found")
    assert [seen.path for seen in fake.requests].count("/api/embed") == 2


# --- streams ------------------------------------------------------------------------------------


async def test_a_stream_ends_with_the_whole_answer(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", thinking="Hm hm.", text="Because it\nis wet. ✓")

    events = await lines_of(client, "chat", model="think", think=True)
    whole = body(await ask_for(client, "chat", model="think", think=True))

    assert names_in(events) == ["started", "thinking", "token", "done"]
    assert (text_in(events, "thinking"), text_in(events)) == ("Hm hm.", "Because it\nis wet. ✓")
    assert without_times(events[-1][1]) == without_times(whole)


async def test_a_stream_comes_as_events_to_who_accepts_these(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="Dry it.", tool_call=CALL)
    fake.add_model("tools:1b", capabilities=["completion", "tools"])
    asked = {"prompt": "?", "stream": True, "model": "tools:1b"}
    headers = {"Accept": "text/event-stream"}

    async with client.stream("POST", "/api/v1/generate", json=asked, headers=headers) as reply:
        events = [event async for event in sse_of(reply)]

    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.name for event in events if event.name != "token"] == ["started", "tool", "done"]
    assert events[-1].data["content"] == "Dry it."


async def test_who_waits_for_a_model_to_load_is_told(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.add_model("slow:1b", capabilities=["completion"])
    fake.misbehave(path="/api/chat", load_seconds=0.5, text="There.")

    events = await lines_of(client, "generate", model="slow:1b")

    assert events[:2] == [
        ("loading", {"model": "slow:1b"}),
        ("started", {"model": "slow:1b", "backend": "local", "provider": "ollama"}),
    ]
    assert names_in(events) == ["loading", "started", "token", "done"]


@pytest.mark.parametrize("stream", [True, False])
async def test_who_leaves_stops_the_model(
    served: Served, fake: FakeOllama, *, stream: bool
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 1000, pace=50)
    project = f"leaving-{stream}"
    asked: Json = {"messages": [QUESTION], "stream": stream}
    sent: Json = {"json": asked, "headers": {"X-Project": project}}

    if stream:
        async with served.client.stream("POST", "/api/v1/chat", **sent) as reply:
            await anext(reply.aiter_raw())
    else:
        asking = asyncio.ensure_future(served.client.post("/api/v1/chat", **sent))
        await fake.saw(path="/api/chat")
        asking.cancel()

    await fake.client_left()
    fake.behave_well()
    await ask_for(served.client, "generate", project=project)
    noted = await every(served.client, "/api/v1/telemetry/requests", project=project)
    queue = body(await served.client.get("/api/v1/queues"))["items"][0]
    assert [(one["kind"], one["outcome"]) for one in noted] == [
        ("generate", "done"),
        ("chat", "cancelled"),
    ]
    assert (queue["waiting"], queue["running"]) == (0, 0)


async def test_a_stream_is_told_that_the_agent_ends(tmp_path: Path, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="word " * 1000, pace=50)
    asked = {"messages": [QUESTION], "stream": True}
    lines = b""
    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        async with served.client.stream("POST", "/api/v1/chat", json=asked) as reply:
            async for part in reply.aiter_raw():
                lines += part
                await served.agent.end_streams()

    name, data = events_of(lines)[-1]
    assert (name, data["problem"]["type"]) == ("error", "urn:orca:problem:agent-stopping")
    await fake.client_left()


async def test_who_reads_slowly_holds_the_model_back(served: Served, fake: FakeOllama) -> None:
    fake.full_speed(200_000)
    asked = {"messages": [QUESTION], "stream": True}

    async with served.client.stream("POST", "/api/v1/chat", json=asked) as reply:
        first = await anext(reply.aiter_raw())
        still, sent = 0, -1
        while still < 20:
            before, sent = sent, fake.stats()["frames_sent"]
            still = still + 1 if sent == before else 0
            await served.client.get("/api/v1/queues")
        left = fake.stats()["frames_sent"]

    fake.full_speed(None)
    assert first.startswith(b'{"event":"')
    assert left < 200_000


# --- what is refused before any model is asked --------------------------------------------------

REFUSED: list[tuple[str, Json, int, str, str]] = [
    ("generate", {"surprise": 1}, 422, "invalid-fields", "surprise"),
    ("generate", {"prompt": None}, 422, "invalid-fields", "prompt"),
    ("generate", {"options": {"warmth": 1}}, 422, "invalid-options", "options.warmth"),
    ("generate", {"options": {"temperature": 6}}, 422, "invalid-options", "options.temperature"),
    ("generate", {"format": "xml"}, 422, "invalid-fields", "format"),
    ("generate", {"format": {"type": "text"}}, 422, "bad-format", "format"),
    ("generate", {"think": "hard"}, 422, "invalid-fields", "think"),
    ("generate", {"think": True}, 422, "no-thinking", ""),
    ("generate", {"keep_alive": "soon"}, 422, "invalid-fields", "keep_alive"),
    ("generate", {"top_logprobs": 21}, 422, "invalid-fields", "top_logprobs"),
    ("generate", {"images": ["a.png"]}, 422, "invalid-fields", "images.0"),
    ("generate", {"model": "nosuch"}, 404, "model-not-found", ""),
    ("chat", {"messages": []}, 422, "invalid-fields", "messages"),
    ("chat", {"messages": [{"role": "wizard"}]}, 422, "invalid-fields", "messages.0.role"),
    ("chat", {"tools": [TOOL]}, 422, "no-tools", ""),
    ("chat", {"model": "emb"}, 422, "no-chat", ""),
    ("chat", {"messages": [{**QUESTION, "images": ["0" * 64]}]}, 404, "no-such-image", ""),
    ("vlm", {}, 422, "invalid-fields", "(body)"),
    (
        "vlm",
        {"messages": [{**QUESTION, "images": ["data:image/png;base64,!"]}]},
        422,
        "bad-data-url",
        "",
    ),
    (
        "vlm",
        {"model": MODEL, "messages": [{**QUESTION, "images": ["0" * 64]}]},
        422,
        "no-vision",
        "",
    ),
    ("embed", {"input": []}, 422, "invalid-fields", "input"),
    ("embed", {"model": ""}, 422, "invalid-fields", "model"),
]


async def test_what_cannot_be_asked_is_refused_before_a_model_is_loaded(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    told = []
    for use, fields, *_ in REFUSED:
        reply = await ask_for(client, use, **fields)
        first = (reply.json().get("errors") or [{"field": ""}])[0]["field"]
        told.append((use, fields, *problem(reply), first))

    assert told == REFUSED
    assert [seen.path for seen in fake.requests if seen.path in ("/api/chat", "/api/embed")] == []


async def test_what_cannot_hold_is_clamped_and_the_answer_says_so(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    long = {"role": "user", "content": "word " * 8000}
    fake.add_model("large:1b", capabilities=["completion"], context_length=262_144)
    large: Json = {"num_ctx": 64_000, "num_predict": 60_000}

    fits = body(await ask_for(client, "chat", model="large:1b", options=large))
    tight = body(
        await ask_for(client, "chat", model="large:1b", options=large, messages=[long, QUESTION])
    )
    small = body(await ask_for(client, "chat", model=SEEING, options=large))
    alone = body(await ask_for(client, "chat", model="large:1b", options={"num_predict": 60_000}))
    events = await lines_of(client, "chat", model=SEEING, options=large)

    sent = [chat["options"] for chat in chats(fake)]
    assert "clamped" not in fits
    assert tight["clamped"] == {"num_predict": {"asked": 60_000, "used": sent[1]["num_predict"]}}
    assert 50_000 < sent[1]["num_predict"] < 56_000
    assert small["clamped"]["num_ctx"] == {"asked": 64_000, "used": 40_960}
    assert "clamped" not in alone
    assert sent[3]["num_ctx"] > 60_000
    assert [data["clamped"] for name, data in events if name in ("started", "done")] == [
        small["clamped"]
    ] * 2


async def test_how_likely_each_token_was_is_told_to_who_asks(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="Dry it.")

    answer = body(await ask_for(client, "generate", logprobs=True, top_logprobs=2))
    events = await lines_of(client, "generate", logprobs=True)

    assert "".join(one["token"] for one in answer["logprobs"]) == "Dry it."
    assert [(chat["logprobs"], chat["top_logprobs"]) for chat in chats(fake)] == [
        (True, 2),
        (True, 0),
    ]
    pieces = [data for name, data in events if name == "token"]
    assert all(piece["logprobs"][0]["token"] == piece["text"] for piece in pieces)


# --- failures -----------------------------------------------------------------------------------

FAILURES: list[tuple[Json, int, str]] = [
    ({"reset_after": 3}, 503, "answer-incomplete"),
    ({"end_after": 3}, 503, "answer-incomplete"),
    ({"die_after": 3}, 503, "model-crashed"),
    ({"broken_line_after": 3}, 503, "ollama-garbled"),
    ({"stall_after": 3}, 504, "ollama-stalled"),
    ({"delay": 30}, 504, "ollama-too-slow"),
    ({"status": 500}, 503, "ollama-failed"),
    ({"status": 400, "error": WRAPPED_ERROR}, 422, "bad-image"),
    ({"vanished": True}, 404, "model-not-found"),
    ({"html": True}, 503, "ollama-garbled"),
    ({"garbage": True}, 503, "ollama-garbled"),
    ({"redirect": "http://127.0.0.1:9/"}, 503, "ollama-garbled"),
]
EARLY = ("delay", "status", "vanished", "html", "garbage", "redirect")


@pytest.mark.timeout(60)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("failures", "first_s", "stall_s", "outcomes"),
    [
        ([one for one in FAILURES if one[2] == "ollama-too-slow"], 0.6, 5, {"done", "timed-out"}),
        (
            [one for one in FAILURES if one[2] != "ollama-too-slow"],
            5,
            1,
            {"done", "failed", "timed-out"},
        ),
    ],
    ids=["slow", "other"],
)
async def test_every_failure_of_ollama_is_told_by_every_route(
    tmp_path: Path,
    fake: FakeOllama,
    failures: list[tuple[Json, int, str]],
    first_s: float,
    stall_s: float,
    outcomes: set[str],
) -> None:
    image = {**QUESTION, "images": [f"data:image/png;base64,{_small()}"]}
    async with running_agent(
        tmp_path / "data", ollama_url=fake.url, first_token_seconds=first_s, stall_seconds=stall_s
    ) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        client = served.client
        for behaviour, status, code in failures:
            is_early = behaviour.keys() & set(EARLY)
            for path in ("/api/chat", "/api/embed"):
                fake.misbehave(path=path, text="one two three four five", **behaviour)
            told = [problem(await ask_for(client, "generate"))]
            told.append(problem(await ask_for(client, "vlm", messages=[image])))
            if is_early and "error" not in behaviour:
                told.append(problem(await ask_for(client, "embed")))
            streamed = await ask_for(client, "chat", stream=True)
            fake.behave_well()
            if streamed.status_code == 200:
                name, data = events_of(streamed.content)[-1]
                assert name == "error"
                told.append((data["problem"]["status"], data["problem"]["type"][17:]))
            else:
                told.append(problem(streamed))
            assert set(told) == {(status, code)}, behaviour
            assert body(await ask_for(client, "generate"))["finish_reason"] == "stop"
        queues = body(await client.get("/api/v1/queues"))["items"]
        noted = await every(client, "/api/v1/telemetry/requests")

    assert [(queue["waiting"], queue["running"]) for queue in queues] == [(0, 0), (0, 0)]
    assert {one["outcome"] for one in noted} == outcomes


def _small() -> str:
    return base64.b64encode(picture()).decode()


async def test_without_any_model_server_one_is_told_so(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        told = [problem(await ask_for(served.client, use)) for use in ("generate", "chat", "embed")]

    assert told == [(503, "ollama-down")] * 3


async def test_requests_are_noted_by_project_and_use(served: Served) -> None:
    headers = {"X-Project": "farm"}
    for use, fields in (("generate", {"prompt": "?"}), ("chat", {"messages": [QUESTION]})):
        await served.client.post(f"/api/v1/{use}", json=fields, headers=headers)

    noted = await every(served.client, "/api/v1/telemetry/requests", project="farm")
    bad = await served.client.post(
        "/api/v1/generate", json={"prompt": "?"}, headers={"X-Project": "a b"}
    )

    assert [(one["kind"], one["model"], one["cached"]) for one in noted] == [
        ("chat", MODEL, False),
        ("generate", MODEL, False),
    ]
    assert problem(bad) == (400, "bad-project")
