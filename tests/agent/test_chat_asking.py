"""Asking: what is answered at once, the events, the tree and keys."""

import asyncio
from pathlib import Path

import httpx
import orjson
import pytest

from tests.agent.talking import (
    MODEL,
    Json,
    ask,
    body,
    chats,
    messages,
    opened,
    post,
    problem,
)
from tests.fakes.ollama import FakeOllama
from tests.serving import running_agent
from tests.sse import follow, text_of


async def test_a_question_is_acknowledged_before_it_is_answered(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", delay=0.2)
    conversation = await opened(client)

    reply = await post(client, conversation["id"], "Why?")

    posted = body(reply, 202)
    message, run = posted["message"], posted["run"]
    assert posted == {
        "message": {
            "id": message["id"],
            "conversation_id": conversation["id"],
            "parent_id": None,
            "role": "user",
            "content": "Why?",
            "thinking": "",
            "images": [],
            "model": None,
            "provider": None,
            "status": "complete",
            "created_at": message["created_at"],
            "run_id": None,
            "usage": None,
            "sources": [],
            "trimmed": 0,
            "problem": None,
            "context": None,
        },
        "run": {
            "id": run["id"],
            "kind": "chat",
            "state": "queued",
            "conversation_id": conversation["id"],
            "message_id": run["message_id"],
            "created_at": run["created_at"],
            "started_at": None,
            "ended_at": None,
            "last_seq": 0,
            "problem": None,
        },
    }
    assert reply.headers["Location"] == f"/api/v1/runs/{run['id']}"
    await follow(client, run["id"])


async def test_the_events_come_in_order_and_numbered_from_one(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", delay=0.5, thinking="Hmm, let me see.", text="Dry it well.")
    conversation = await opened(client)

    talk = await ask(client, conversation["id"], "Why does PETG string?")

    assert [event.seq for event in talk.events] == list(range(1, len(talk.events) + 1))
    assert talk.names == ["loading", "started", "sources", "thinking", "token", "done"]
    assert talk.first("loading") == {"model": MODEL}
    assert talk.first("started") == {"model": MODEL, "backend": "local", "provider": "ollama"}
    assert {"title", "ref"} == talk.first("sources")["items"][0].keys()
    assert text_of(talk.events) == "Dry it well."


async def test_done_carries_the_message_and_what_it_cost(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", thinking="Hmm, let me see.", text="Dry it well.")
    conversation = await opened(client)

    talk = await ask(client, conversation["id"], "Why does PETG string?")

    answer, usage = talk.answer, talk.last["usage"]
    assert answer == {
        "id": talk.run["message_id"],
        "conversation_id": conversation["id"],
        "parent_id": talk.message["id"],
        "role": "assistant",
        "content": "Dry it well.",
        "thinking": "Hmm, let me see.",
        "images": [],
        "model": MODEL,
        "provider": "ollama",
        "status": "complete",
        "created_at": talk.run["created_at"],
        "run_id": talk.run["id"],
        "usage": usage,
        "sources": talk.first("sources")["items"],
        "trimmed": 0,
        "problem": None,
        "context": None,
    }
    assert usage.keys() >= {
        "prompt_tokens",
        "completion_tokens",
        "load_ms",
        "first_token_ms",
        "tokens_per_second",
    }
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert await messages(client, conversation["id"]) == [talk.message, answer]
    run = body(await client.get(f"/api/v1/runs/{talk.run['id']}"))
    assert run == talk.run | {
        "state": "done",
        "started_at": run["started_at"],
        "ended_at": run["ended_at"],
        "last_seq": len(talk.events),
    }
    shown = body(await client.get(f"/api/v1/conversations/{conversation['id']}"))
    assert (shown["active_message_id"], shown["message_count"]) == (answer["id"], 2)


async def test_who_accepts_events_gets_them_as_the_answer_of_the_post(
    client: httpx.AsyncClient,
) -> None:
    conversation = await opened(client)

    async with client.stream(
        "POST",
        f"/api/v1/conversations/{conversation['id']}/messages",
        json={"content": "Why?"},
        headers={"Accept": "text/event-stream"},
    ) as reply:
        raw = b"".join([data async for data in reply.aiter_raw()])

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    run_id = reply.headers["X-Run-ID"]
    retry, posted, events = raw.split(b"\n\n", maxsplit=2)
    assert retry == b"retry: 1000"
    assert events.startswith(b"id: 1\nevent: started\ndata: {")
    async with client.stream("GET", f"/api/v1/runs/{run_id}/events") as again:
        assert b"".join([data async for data in again.aiter_raw()]) == retry + b"\n\n" + events
    # Before the events, and without a number: what the post would have answered otherwise.
    name, _, data = posted.partition(b"\ndata: ")
    told = orjson.loads(data)
    assert (name, set(told)) == (b"event: posted", {"message", "run"})
    assert [told["message"]] == (await messages(client, conversation["id"]))[:1]
    assert (told["run"]["id"], told["run"]["kind"]) == (run_id, "chat")


async def test_the_same_key_gives_the_same_run_whatever_is_accepted(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    path = f"/api/v1/conversations/{conversation['id']}/messages"
    key = {"Idempotency-Key": "once"}
    first = body(await client.post(path, json={"content": "Why?"}, headers=key), 202)

    again = await client.post(
        path, json={"content": "Why?"}, headers={**key, "Accept": "text/event-stream"}
    )

    told = orjson.loads(again.text.split("event: posted\ndata: ")[1].split("\n")[0])
    assert told["message"] == first["message"]
    assert again.headers["X-Run-ID"] == told["run"]["id"] == first["run"]["id"]
    assert "event: done" in again.text
    assert len(chats(fake)) == 1


# --- the tree -----------------------------------------------------------------------------------


async def test_an_edited_first_question_is_a_new_beginning(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)
    first = await ask(client, conversation["id"], "Why?")

    edited = await ask(client, conversation["id"], "Why, really?", parent_id=None)

    assert (first.message["parent_id"], edited.message["parent_id"]) == (None, None)
    told = await messages(client, conversation["id"])
    assert told == [first.message, first.answer, edited.message, edited.answer]
    shown = body(await client.get(f"/api/v1/conversations/{conversation['id']}"))
    assert (shown["active_message_id"], shown["message_count"]) == (edited.answer["id"], 4)


async def test_an_edited_question_stands_beside_the_old_one_and_sees_only_its_own_branch(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    first = await ask(client, conversation["id"], "One?")
    second = await ask(client, conversation["id"], "Two?")

    edited = await ask(client, conversation["id"], "Two, edited?", parent_id=first.answer["id"])

    assert second.message["parent_id"] == edited.message["parent_id"] == first.answer["id"]
    sent = [(one["role"], one["content"]) for one in chats(fake)[-1]["messages"][1:]]
    assert sent == [
        ("user", "One?"),
        ("assistant", first.answer["content"]),
        ("user", "Two, edited?"),
    ]


async def test_without_a_parent_the_active_branch_goes_on(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    first = await ask(client, conversation["id"], "One?")

    second = await ask(client, conversation["id"], "Two?")

    assert second.message["parent_id"] == first.answer["id"]
    assert [one["content"] for one in chats(fake)[-1]["messages"][1:]] == [
        "One?",
        first.answer["content"],
        "Two?",
    ]


async def test_regenerating_makes_a_sibling_and_keeps_the_old_answer(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    first = await ask(client, conversation["id"], "Why?")
    fake.misbehave(path="/api/chat", text="Another answer.")

    path = f"/api/v1/messages/{first.answer['id']}/regenerate"
    posted = body(await client.post(path, json={"options": {"temperature": 1.5}}), 202)
    events = await follow(client, posted["run"]["id"])
    by_question = body(
        await client.post(f"/api/v1/messages/{first.message['id']}/regenerate", json={}), 202
    )
    third = await follow(client, by_question["run"]["id"])

    closing: list[Json] = [dict(events[-1].data), dict(third[-1].data)]
    answers = [data["message"] for data in closing]
    assert posted["message"] == by_question["message"] == first.message
    assert [one["parent_id"] for one in answers] == [first.message["id"]] * 2
    assert [one["content"] for one in answers] == ["Another answer."] * 2
    assert await messages(client, conversation["id"]) == [first.message, first.answer, *answers]
    assert chats(fake)[1]["options"]["temperature"] == 1.5
    shown = body(await client.get(f"/api/v1/conversations/{conversation['id']}"))
    assert (shown["active_message_id"], shown["message_count"]) == (answers[1]["id"], 4)


async def test_an_answer_that_is_being_written_cannot_be_answered(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", times=1, stall_after=2)
    conversation = await opened(client)
    running = body(await post(client, conversation["id"]), 202)["run"]

    reply = await post(client, conversation["id"], "Already?")
    beside = await ask(client, conversation["id"], "Beside", parent_id=None)

    assert problem(reply) == (409, "still-answering")
    assert reply.json()["run_id"] == running["id"]
    assert beside.events[-1].name == "done"
    await client.post(f"/api/v1/runs/{running['id']}/cancel")
    assert len(await messages(client, conversation["id"])) == 4


async def test_only_messages_of_the_conversation_can_be_parents(
    client: httpx.AsyncClient,
) -> None:
    one, other = await opened(client), await opened(client)
    talk = await ask(client, other["id"])

    replies = [
        await post(client, one["id"], parent_id=parent)
        for parent in (talk.answer["id"], "x", "the active branch!")
    ]

    assert [problem(reply) for reply in replies] == [(422, "no-such-parent")] * 3
    assert await messages(client, one["id"]) == []


# --- keys ---------------------------------------------------------------------------------------


async def test_the_same_key_again_is_the_same_run(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)
    first = body(await post(client, conversation["id"], "Why?", key="k1"), 202)
    await follow(client, first["run"]["id"])

    again = body(await post(client, conversation["id"], "Why?", key="k1"), 202)

    assert again["message"] == first["message"]
    assert (again["run"]["id"], again["run"]["state"]) == (first["run"]["id"], "done")
    assert len(await messages(client, conversation["id"])) == 2


async def test_a_key_used_for_something_else_is_a_conflict(client: httpx.AsyncClient) -> None:
    conversation, other = await opened(client), await opened(client)
    talk = await ask(client, conversation["id"], "Why?", key="k1")

    replies = [
        await post(client, conversation["id"], "Why not?", key="k1"),
        await post(client, conversation["id"], "Why?", key="k1", options={"seed": 1}),
        await post(client, other["id"], "Why?", key="k1"),
        await client.post(
            f"/api/v1/messages/{talk.answer['id']}/regenerate",
            json={},
            headers={"Idempotency-Key": "k1"},
        ),
    ]

    assert [problem(reply) for reply in replies] == [(409, "key-reused")] * 4


async def test_twenty_identical_posts_at_once_make_one_run(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)

    replies = await asyncio.gather(
        *(post(client, conversation["id"], "Why?", key="k1") for _ in range(20))
    )

    posted = [body(reply, 202) for reply in replies]
    assert len({one["run"]["id"] for one in posted}) == 1
    assert all(one["message"] == posted[0]["message"] for one in posted)
    await follow(client, posted[0]["run"]["id"])
    assert len(await messages(client, conversation["id"])) == 2
    assert len(chats(fake)) == 1


async def test_a_key_holds_for_regenerating_too(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    talk = await ask(client, conversation["id"], "Why?")
    path = f"/api/v1/messages/{talk.answer['id']}/regenerate"
    headers = {"Idempotency-Key": "k2"}

    replies = await asyncio.gather(
        *(client.post(path, json={}, headers=headers) for _ in range(20))
    )
    other = await client.post(path, json={"options": {"seed": 4}}, headers=headers)

    runs = {body(reply, 202)["run"]["id"] for reply in replies}
    assert len(runs) == 1
    assert problem(other) == (409, "key-reused")
    await follow(client, runs.pop())
    assert len(await messages(client, conversation["id"])) == 3
    assert len(chats(fake)) == 2


async def test_a_key_outlives_the_agent_and_the_model(tmp_path: Path, fake: FakeOllama) -> None:
    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        conversation = await opened(served.client)
        first = await ask(served.client, conversation["id"], "Why?", key="k1", model=MODEL)
    fake.remove_model(MODEL)

    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        again = await post(served.client, conversation["id"], "Why?", key="k1", model=MODEL)

    assert body(again, 202)["run"]["id"] == first.run["id"]


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_a_key_has_a_length(client: httpx.AsyncClient, key: str) -> None:
    conversation = await opened(client)
    path = f"/api/v1/conversations/{conversation['id']}/messages"

    reply = await client.post(path, json={"content": "x"}, headers={"Idempotency-Key": key})

    assert problem(reply) == (400, "bad-idempotency-key")
