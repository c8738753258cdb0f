"""How runs end: cancelled, failed, refused by a full queue, or cut off with the agent."""

import asyncio
import gc
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.agent.talking import (
    MODEL,
    Json,
    ask,
    body,
    code,
    messages,
    opened,
    post,
    problem,
)
from tests.fakes.ollama import WRAPPED_ERROR, FakeOllama
from tests.serving import Served, http, running_agent
from tests.sse import events_of, follow, text_of

EVENTS = "/api/v1/runs/{}/events"


async def begun(client: httpx.AsyncClient, **fields: object) -> tuple[str, Json]:
    """A question that was posted: its conversation and its run."""
    conversation = await opened(client)
    posted = body(await post(client, conversation["id"], **fields), 202)  # type: ignore[arg-type] # any field
    return conversation["id"], posted["run"]


async def until(client: httpx.AsyncClient, run_id: str, name: str) -> None:
    """Returns when the run has said an event of that name."""
    async with client.stream("GET", EVENTS.format(run_id)) as reply:
        async for event in events_of(reply):
            if event.name == name:
                return
    raise AssertionError(f"the run ended without {name}")


async def cancelled(client: httpx.AsyncClient, run_id: str) -> Json:
    return body(await client.post(f"/api/v1/runs/{run_id}/cancel"))


# --- cancel -------------------------------------------------------------------------------------


async def test_cancelling_reaches_ollama_and_keeps_the_text(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 2000, pace=100)
    conversation_id, run = await begun(client)
    await until(client, run["id"], "token")

    began = time.monotonic()
    ended = await cancelled(client, run["id"])
    (departure,) = await fake.client_left()

    assert departure.at - began < 5  # the answer takes twenty
    assert departure.seen.path == "/api/chat"
    events = await follow(client, run["id"])
    closing: Json = dict(events[-1].data)
    assert (ended["state"], events[-1].name) == ("cancelled", "cancelled")
    assert ended == body(await client.get(f"/api/v1/runs/{run['id']}"))
    assert closing["message"]["status"] == "stopped"
    assert closing["message"]["content"] == text_of(events) != ""
    assert (await messages(client, conversation_id))[-1] == closing["message"]


async def test_a_run_that_waits_its_turn_can_be_cancelled(tmp_path: Path, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", stall_after=1)
    async with running_agent(tmp_path / "data", ollama_url=fake.url, concurrent_chats=1) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        _, first = await begun(served.client)
        _, second = await begun(served.client)
        await until(served.client, second["id"], "queued")

        ended = await cancelled(served.client, second["id"])

        assert (ended["state"], ended["started_at"]) == ("cancelled", None)
        events = await follow(served.client, second["id"])
        assert [event.name for event in events] == ["queued", "cancelled"]
        queue = body(await served.client.get("/api/v1/queues"))["items"][0]
        assert (queue["waiting"], queue["running"]) == (0, 1)
        await cancelled(served.client, first["id"])


async def test_a_model_that_is_being_loaded_can_be_cancelled(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", load_seconds=60)
    _, run = await begun(client)
    await until(client, run["id"], "loading")

    ended = await cancelled(client, run["id"])

    await fake.client_left()
    events = await follow(client, run["id"])
    assert ended["state"] == "cancelled"
    assert [event.name for event in events] == ["loading", "cancelled"]


async def test_a_model_that_thinks_can_be_cancelled(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", thinking="hmm " * 500, pace=100)
    _, run = await begun(client)
    await until(client, run["id"], "thinking")

    await cancelled(client, run["id"])

    await fake.client_left()
    closing: Json = dict((await follow(client, run["id"]))[-1].data)
    assert closing["message"]["status"] == "stopped"
    assert closing["message"]["thinking"].startswith("hmm hmm"[:3])
    assert closing["message"]["content"] == ""


async def test_a_run_that_has_ended_is_answered_as_it_is(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)
    talk = await ask(client, conversation["id"])

    ended = await cancelled(client, talk.run["id"])
    again = await cancelled(client, talk.run["id"])

    assert ended == again == body(await client.get(f"/api/v1/runs/{talk.run['id']}"))
    assert ended["state"] == "done"
    assert (await messages(client, conversation["id"]))[-1] == talk.answer


async def test_cancelling_at_any_moment_leaves_a_whole_run(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 2000, pace=400)
    ids = []
    for delay_ms in range(0, 40, 2):
        conversation_id, run = await begun(client)
        await asyncio.sleep(delay_ms / 1000)  # the moment is the point
        replies = await asyncio.gather(*(cancelled(client, run["id"]) for _ in range(3)))
        assert {reply["state"] for reply in replies} == {"cancelled"}
        ids.append((conversation_id, run["id"]))

    for conversation_id, run_id in ids:
        events = await follow(client, run_id)
        closing: Json = dict(events[-1].data)
        answer = (await messages(client, conversation_id))[-1]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert answer == closing["message"]
        assert (answer["status"], answer["content"]) == ("stopped", text_of(events))


# --- failures -----------------------------------------------------------------------------------

FAILURES: list[tuple[Json, str, str]] = [
    ({"reset_after": 3}, "answer-incomplete", "one two three"),
    ({"close_after": 3}, "answer-incomplete", "one two three"),
    ({"end_after": 3}, "answer-incomplete", "one two three"),
    ({"die_after": 3}, "model-crashed", "one two three"),
    ({"broken_line_after": 3}, "ollama-garbled", "one two three"),
    ({"stall_after": 3}, "ollama-stalled", "one two three"),
    ({"stall_after": 0}, "ollama-too-slow", ""),
    ({"delay": 30}, "ollama-too-slow", ""),
    ({"die_after": 0}, "model-crashed", ""),
    ({"status": 500}, "ollama-failed", ""),
    ({"status": 400, "error": WRAPPED_ERROR}, "bad-image", ""),
    ({"status": 500, "error": "model requires more system memory"}, "model-load-failed", ""),
    ({"full": True}, "ollama-busy", ""),
    ({"vanished": True}, "model-not-found", ""),
    ({"html": True}, "ollama-garbled", ""),
    ({"garbage": True}, "ollama-garbled", ""),
    ({"redirect": "http://127.0.0.1:9/"}, "ollama-garbled", ""),
]


@pytest.mark.timeout(40)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("failures", "first_s", "stall_s"),
    [
        ([one for one in FAILURES if one[1] == "ollama-too-slow"], 0.4, 5),
        ([one for one in FAILURES if one[1] != "ollama-too-slow"], 5, 1),
    ],
    ids=["slow", "other"],
)
async def test_every_failure_of_ollama_is_told_and_keeps_the_text(
    tmp_path: Path,
    fake: FakeOllama,
    failures: list[tuple[Json, str, str]],
    first_s: float,
    stall_s: float,
) -> None:
    async with running_agent(
        tmp_path / "data", ollama_url=fake.url, first_token_seconds=first_s, stall_seconds=stall_s
    ) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        seen = []
        for behaviour, _, _ in failures:
            fake.behave_well()
            fake.misbehave(path="/api/chat", text="one two three four five", **behaviour)
            conversation = await opened(served.client)
            talk = await ask(served.client, conversation["id"])
            answer = (await messages(served.client, conversation["id"]))[-1]
            run = body(await served.client.get(f"/api/v1/runs/{talk.run['id']}"))
            assert talk.last == {"message": answer, "problem": run["problem"]}
            assert (talk.events[-1].name, run["state"]) == ("error", "failed")
            assert (answer["status"], answer["problem"]) == ("failed", run["problem"])
            assert text_of(talk.events) == answer["content"]
            seen.append((behaviour, code(run["problem"]), answer["content"]))
        fake.behave_well()
        last = await ask(served.client, (await opened(served.client))["id"])
        queue = body(await served.client.get("/api/v1/queues"))["items"][0]

    assert seen == failures
    assert last.events[-1].name == "done"
    assert (queue["waiting"], queue["running"]) == (0, 0)


async def test_odd_streams_that_are_whole_are_read_whole(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    for behaviour in (
        {"split": 1},
        {"split": 3},
        {"coalesce": True},
        {"extra_field": True},
        {"metrics": False},
        {"done_text": "!"},
        {"giant": 300_000},
    ):
        fake.behave_well()
        fake.misbehave(path="/api/chat", text="wörd 🦑 ünïcödé", **behaviour)
        talk = await ask(client, (await opened(client))["id"])

        expected = "x" * 300_000 if "giant" in behaviour else "wörd 🦑 ünïcödé"
        expected += str(behaviour.get("done_text", ""))
        assert (talk.events[-1].name, talk.answer["content"]) == ("done", expected)


async def test_a_call_of_a_tool_that_nobody_offered_is_told_and_not_run(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    call = {"name": "delete_everything", "arguments": {"path": "/"}}
    fake.misbehave(path="/api/chat", text="I will.", tool_call=call)

    talk = await ask(client, (await opened(client))["id"])

    assert talk.names == ["started", "sources", "token", "tool", "done"]
    assert talk.first("tool") == call


# --- the queue ----------------------------------------------------------------------------------


async def test_who_waits_is_told_the_position_and_a_full_queue_refuses(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", stall_after=1)
    async with running_agent(
        tmp_path / "data", ollama_url=fake.url, concurrent_chats=1, waiting_chats=2
    ) as served:
        client = served.client
        await served.agent.backend.until(lambda state: state.is_up)
        runs = [(await begun(client))[1] for _ in range(3)]
        await until(client, runs[2]["id"], "queued")
        conversation = await opened(client)

        refused = await post(client, conversation["id"])
        states = [body(await client.get(f"/api/v1/runs/{run['id']}"))["state"] for run in runs]
        for run in runs:
            await cancelled(client, run["id"])
        positions = [
            [
                event.data["position"]
                for event in await follow(client, run["id"])
                if event.name == "queued"
            ]
            for run in runs
        ]
        kept = await messages(client, conversation["id"])

    assert problem(refused) == (503, "queue-full")
    assert int(refused.headers["Retry-After"]) >= 1
    assert kept == []
    assert states == ["running", "queued", "queued"]
    assert positions == [[], [0], [1, 0]]


# --- the end of the agent -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_fifty_readers_are_told_when_the_agent_ends_and_it_ends_in_time(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 2000, pace=20)
    read: list[asyncio.Task[Json]] = []
    has_text = [asyncio.Event() for _ in range(50)]
    async with http(timeout=20) as outside:

        async def reading(url: str, token: str, run_id: str, seen: asyncio.Event) -> Json:
            headers = {"Authorization": f"Bearer {token}"}
            address = f"{url}{EVENTS.format(run_id)}"
            text, closing = "", {}
            async with outside.stream("GET", address, headers=headers) as reply:
                async for event in events_of(reply):
                    closing = {"name": event.name, **event.data}
                    if event.name == "token":
                        text += str(event.data["text"])
                        seen.set()
            return closing | {"text": text}

        async with running_agent(
            tmp_path / "data", ollama_url=fake.url, concurrent_chats=64
        ) as served:
            await served.agent.backend.until(lambda state: state.is_up)
            runs = [(await begun(served.client))[1]["id"] for _ in range(50)]
            for run_id, seen in zip(runs, has_text, strict=True):
                job = reading(served.url, served.token, run_id, seen)
                read.append(asyncio.create_task(job))
            await asyncio.gather(*(seen.wait() for seen in has_text))
            began = time.monotonic()
        took = time.monotonic() - began
        told = await asyncio.gather(*read)
    async with running_agent(tmp_path / "data") as again:
        kept = [body(await again.client.get(f"/api/v1/runs/{run_id}")) for run_id in runs]
        stored = [(await follow(again.client, run_id))[-1] for run_id in runs]

    assert took < 20  # the answers alone would take longer
    assert [one["name"] for one in told] == ["interrupted"] * 50
    assert [one["message"]["status"] for one in told] == ["interrupted"] * 50
    assert all(one["message"]["content"] == one["text"] != "" for one in told)
    assert [run["state"] for run in kept] == ["interrupted"] * 50
    assert [dict(event.data)["message"] for event in stored] == [one["message"] for one in told]
    assert len(await fake.client_left(50)) == 50


async def test_a_cut_off_run_tells_its_end_to_whoever_saw_more_than_was_saved(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 2000, pace=100)
    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        _, run = await begun(served.client)
        await until(served.client, run["id"], "token")
    async with running_agent(tmp_path / "data") as again:
        whole = await follow(again.client, run["id"])
        last = whole[-1].seq

        late = [await follow(again.client, run["id"], after=last + n) for n in (-1, 0, 1, 40)]

    assert whole[-1].name == "interrupted"
    closing = [(event.seq, event.name, event.data) for events in late for event in events]
    assert closing == [
        (seq, "interrupted", whole[-1].data) for seq in (last, last + 1, last + 2, last + 41)
    ]


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_fifty_openings_leave_nothing_behind(tmp_path: Path) -> None:
    async def once(*, asks: bool = True) -> None:
        async with running_agent(tmp_path / "data") as served:
            conversation = await opened(served.client)
            if asks:
                await ask(served.client, conversation["id"])

    def alive() -> tuple[int, int, int]:
        gc.collect()
        return (
            len(asyncio.all_tasks()),
            threading.active_count(),
            psutil.Process().num_fds(),
        )

    pause = threading.Event()  # that is never set: the pool of threads grows to its size
    await asyncio.gather(*(asyncio.to_thread(pause.wait, 0.05) for _ in range(40)))
    for _ in range(3):
        await once()
    before = alive()
    for number in range(47):
        await once(asks=number % 8 == 0)

    after = alive()
    assert [now <= then for now, then in zip(after, before, strict=True)] == [True] * 3, (
        before,
        after,
    )


async def test_logs_hold_nothing_that_was_said(
    served: Served, fake: FakeOllama, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    canary = "CANARYBIRD"
    fake.misbehave(path="/api/chat", times=1, text=f"{canary} sings.")
    conversation = await opened(served.client, title=canary, system=canary)
    await ask(served.client, conversation["id"], f"{canary}?", model=MODEL)
    fake.misbehave(path="/api/chat", text=f"{canary} sings.", die_after=2, die_text=canary)
    await ask(served.client, conversation["id"], f"{canary}?")
    await served.client.get("/api/v1/conversations", params={"q": canary})
    await served.client.post("/api/v1/conversations", json={canary: canary})
    await served.client.get(f"/api/v1/conversations/{canary}")
    await served.client.post("/api/v1/images", content=canary.encode())
    await served.stranger.get("/api/v1/runs", headers={"Authorization": f"Bearer {canary}"})

    ours = [record for record in caplog.records if record.name.startswith("agent")]
    told = "\n".join(f"{record.__dict__} {record.getMessage()}" for record in ours)
    assert ours
    assert canary not in told
    assert served.token not in told
