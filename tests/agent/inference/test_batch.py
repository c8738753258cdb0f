"""Batches: many questions as one run, kept as they are answered, gone on with after a restart."""

import asyncio
import base64
from pathlib import Path

import httpx
import pytest

from agent.runfile import RunningAgent
from tests.agent.asking import QUESTION
from tests.agent.program import events_of as events_in
from tests.agent.program import fake_ollama, program, until
from tests.agent.talking import MODEL, SEEING, Json, body, chats, every, picture, problem, upload
from tests.fakes.ollama import FakeOllama
from tests.serving import NO_TLS, Served, http, running_agent
from tests.sse import events_of as events
from tests.sse import follow

pytestmark = pytest.mark.asyncio(loop_scope="module")


def item(text: str = "Why?", **fields: object) -> Json:
    return {"messages": [{"role": "user", "content": text}], **fields}


async def begin(
    client: httpx.AsyncClient, items: list[Json], use: str = "chat", **fields: object
) -> Json:
    """The run of a batch."""
    asked = {"items": items, **fields}
    return body(await client.post(f"/api/v1/batch/{use}", json=asked), 202)


async def results(client: httpx.AsyncClient, run_id: str) -> list[Json]:
    """All of them; the batch has ended."""
    return await every(client, f"/api/v1/runs/{run_id}/results", limit=3)


async def test_every_item_is_answered_and_progress_is_told(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="Because.")

    run = await begin(client, [item(id="a"), item(), item(id="c")], order="given")
    events = await follow(client, run["id"])
    found = await results(client, run["id"])

    progress = [event.data for event in events if event.name == "progress"]
    assert (run["kind"], run["state"]) == ("batch", "queued")
    assert progress[0] == {"status": "answering", "completed": 0, "total": 3, "failed": 0}
    assert progress[-1] == {"status": "answering", "completed": 3, "total": 3, "failed": 0}
    assert [(event.seq, event.name) for event in events] == [
        *((seq, "progress") for seq in range(1, len(events))),
        (len(events), "done"),
    ]
    assert events[-1].data == {"result": {"completed": 3, "total": 3, "failed": 0, "cancelled": 0}}
    assert [(one["id"], one["status"]) for one in found] == [
        ("a", "done"),
        ("1", "done"),
        ("c", "done"),
    ]
    assert found[0]["answer"]["message"] == {"role": "assistant", "content": "Because."}
    assert found[0]["answer"]["model"] == MODEL


async def test_a_bad_item_spoils_none_of_the_others(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", model="short", status=500)
    items = [
        item(id="good"),
        {"messages": "?", "id": "unreadable"},
        item(id="surprise", colour="red"),
        item(id="option", options={"temperature": 9}),
        item(id="model", model="nosuch"),
        item(id="server", model="short"),
        {"id": "picture", "messages": [{**QUESTION, "images": ["data:image/png;base64,eA=="]}]},
        item(id="also good"),
    ]

    run = await begin(client, items, order="given")
    events = await follow(client, run["id"])
    found = await results(client, run["id"])

    told = [(one["id"], one["status"], one.get("problem", {}).get("type")) for one in found]
    prefix = "urn:orca:problem:"
    assert told == [
        ("good", "done", None),
        ("unreadable", "failed", f"{prefix}invalid-fields"),
        ("surprise", "failed", f"{prefix}invalid-fields"),
        ("option", "failed", f"{prefix}invalid-options"),
        ("model", "failed", f"{prefix}model-not-found"),
        ("server", "failed", f"{prefix}ollama-failed"),
        ("picture", "failed", f"{prefix}not-an-image"),
        ("also good", "done", None),
    ]
    assert events[-1].data == {"result": {"completed": 8, "total": 8, "failed": 6, "cancelled": 0}}


REFUSED: list[tuple[Json, str]] = [
    ({"items": []}, "invalid-fields"),
    ({"items": [item()] * 1001}, "invalid-fields"),
    ({"items": [item()] * 10_000}, "invalid-fields"),
    ({"items": [item()], "concurrency": 0}, "invalid-fields"),
    ({"items": [item()], "order": "random"}, "invalid-fields"),
    ({"items": [item()], "surprise": 1}, "invalid-fields"),
    ({"items": [item(id="a"), item(id="a")]}, "same-id"),
    ({"items": [item(), item(id="0")]}, "same-id"),
]


async def test_a_batch_that_cannot_be_is_refused_as_a_whole(client: httpx.AsyncClient) -> None:
    before = [run["id"] for run in body(await client.get("/api/v1/runs"))["items"]]
    told = []
    for asked, _ in REFUSED:
        reply = await client.post("/api/v1/batch/chat", json=asked)
        told.append((asked, problem(reply)[1]))
        assert reply.status_code == 422
    too_many = await client.post("/api/v1/batch/chat", json=REFUSED[2][0])

    assert told == REFUSED
    assert "at most 1000 items" in too_many.json()["detail"]
    assert [run["id"] for run in body(await client.get("/api/v1/runs"))["items"]] == before


async def test_only_so_many_items_are_asked_at_once(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="one two three", pace=100)
    most = 0

    run = await begin(client, [item(str(number)) for number in range(12)], concurrency=2)
    while body(await client.get(f"/api/v1/runs/{run['id']}"))["state"] in ("queued", "running"):
        asked = [seen for seen in fake.requests if seen.path == "/api/chat"]
        most = max(most, sum(seen.ended_at is None for seen in asked))

    texts = [chat["messages"][0]["content"] for chat in chats(fake)]
    assert most == 2
    assert sorted(texts, key=int) == [str(number) for number in range(12)]


async def test_results_come_as_they_finish_or_as_they_were_given(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", model="short", stall_after=1)
    items = [item(id="slow", model="short"), *(item(id=str(n)) for n in range(3))]

    runs = [await begin(client, items, order=order) for order in ("as_finished", "given")]
    pages = []
    for run in runs:
        await _until_completed(client, run["id"], 3)
        pages.append(body(await client.get(f"/api/v1/runs/{run['id']}/results")))
        await client.post(f"/api/v1/runs/{run['id']}/cancel")
    ended = [await results(client, run["id"]) for run in runs]

    as_finished, given = pages
    assert sorted(one["id"] for one in as_finished["items"]) == ["0", "1", "2"]
    assert (as_finished["next_cursor"], given) == ("3", {"items": [], "next_cursor": "0"})
    assert [[one["id"] for one in found][-1] for found in ended] == ["slow", "2"]
    assert [one["status"] for one in ended[1]] == ["cancelled", "done", "done", "done"]
    cursor = {"cursor": as_finished["next_cursor"]}
    rest = body(await client.get(f"/api/v1/runs/{runs[0]['id']}/results", params=cursor))
    assert rest == {"items": [{"id": "slow", "status": "cancelled"}], "next_cursor": None}


async def test_a_batch_can_be_cancelled_and_keeps_what_it_has(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", stall_after=1)
    fake.misbehave(path="/api/chat", times=2, text="Quick.", stall_after=None)
    run = await begin(client, [item() for _ in range(20)], concurrency=4)
    await _until_completed(client, run["id"], 2)
    await fake.saw(6, path="/api/chat")  # the two, and the four that are asked when it ends

    ended = body(await client.post(f"/api/v1/runs/{run['id']}/cancel"))
    found = await results(client, run["id"])
    last = (await follow(client, run["id"]))[-1]

    await fake.client_left(4)
    statuses = [one["status"] for one in found]
    assert ended["state"] == "cancelled"
    assert (statuses.count("done"), statuses.count("cancelled")) == (2, 18)
    assert (last.name, last.data) == (
        "cancelled",
        {"result": {"completed": 2, "total": 20, "failed": 0, "cancelled": 18}},
    )
    assert len(chats(fake)) < 10


async def test_a_batch_is_cancelled_while_a_result_is_written_down(
    served: Served, fake: FakeOllama
) -> None:
    client, told = served.client, []
    for round_number in range(24):  # it takes some milliseconds to write these down
        fake.misbehave(path="/api/chat", text="word " * 500, pace=100)
        fake.misbehave(path="/api/chat", times=1, text="x" * 2_000_000)
        before = len(chats(fake))
        run = await begin(client, [item(), item()], concurrency=1)
        await fake.saw(before + 2, path="/api/chat")
        await asyncio.sleep(0.001 * (round_number % 12))
        ended = body(await client.post(f"/api/v1/runs/{run['id']}/cancel"))
        statuses = [one["status"] for one in await results(client, run["id"])]
        heard = await follow(client, run["id"])
        seqs = [event.seq for event in heard]
        told.append((ended["state"], statuses, seqs == [*range(1, len(heard) + 1)]))
        fake.behave_well()

    assert told == [("cancelled", ["done", "cancelled"], True)] * 24


async def test_pictures_of_a_batch_are_kept_as_pictures(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    url = f"data:image/png;base64,{base64.b64encode(picture(shade=3)).decode()}"
    sha256 = await upload(client, picture(shade=4))
    before = body(await client.get("/api/v1/images/stats"))["count"]
    items = [{"messages": [{**QUESTION, "images": [image]}]} for image in (url, sha256, "0" * 64)]

    run = await begin(client, items, "vlm", order="given")
    await follow(client, run["id"])

    found = await results(client, run["id"])
    assert [one["status"] for one in found] == ["done", "done", "failed"]
    assert {chat["model"] for chat in chats(fake)} == {SEEING}
    assert body(await client.get("/api/v1/images/stats"))["count"] == before + 1


async def test_the_same_key_is_the_same_batch(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    path, asked = "/api/v1/batch/chat", {"items": [item()]}

    first = body(await client.post(path, json=asked, headers=headers), 202)
    again = body(await client.post(path, json=asked, headers=headers), 202)
    other = await client.post(path, json={"items": [item("Else?")]}, headers=headers)

    assert again["id"] == first["id"]
    assert problem(other) == (409, "key-reused")


async def test_only_batches_have_results(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/api/v1/runs/nosuch/results")) == (404, "no-such-run")


async def test_whoever_talks_goes_before_a_batch(tmp_path: Path, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="one two", pace=50)
    async with running_agent(tmp_path / "data", ollama_url=fake.url, concurrent_chats=1) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        run = await begin(served.client, [item() for _ in range(10)], concurrency=4)
        await fake.saw(1, path="/api/chat")
        talked = await served.client.post("/api/v1/chat", json={"messages": [QUESTION]})
        answered = body(talked)
        noted = await every(served.client, "/api/v1/telemetry/requests", project="default")
        await served.client.post(f"/api/v1/runs/{run['id']}/cancel")

    assert answered["finish_reason"] == "stop"
    assert len([one for one in noted if one["kind"] == "batch"]) < 5


async def test_a_batch_waits_for_a_server_that_is_away_for_a_moment(
    served: Served, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", full=True)

    run = await begin(served.client, [item()])
    await fake.saw(2, path="/api/chat")
    fake.behave_well()

    await follow(served.client, run["id"])
    assert [one["status"] for one in await results(served.client, run["id"])] == ["done"]


async def test_a_batch_goes_on_where_the_agent_ended(tmp_path: Path, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="one two three four", pace=40)
    data = tmp_path / "data"
    async with (
        http() as outside,
        running_agent(data, ollama_url=fake.url, concurrent_chats=2) as served,
    ):
        outside.base_url, outside.headers = served.client.base_url, served.client.headers
        run = await begin(served.client, [item(str(n)) for n in range(8)], order="given")
        await _until_completed(served.client, run["id"], 2)
        reading = asyncio.create_task(follow(outside, run["id"]))
        before = await results_so_far(served.client, run["id"])
        await served.agent.end_streams()
        seen = await reading
    async with running_agent(data, ollama_url=fake.url) as again:
        still = body(await again.client.get(f"/api/v1/runs/{run['id']}"))
        rest = await follow(again.client, run["id"], after=seen[-1].seq)
        found = await results(again.client, run["id"])
        whole = await follow(again.client, run["id"])

    assert still["state"] in ("queued", "running")
    assert {event.name for event in seen} == {"progress"}
    assert [event.seq for event in (*seen, *rest)] == [event.seq for event in whole]
    assert [event.seq for event in whole] == list(range(1, len(whole) + 1))
    assert found[: len(before)] == before
    assert [one["status"] for one in found] == ["done"] * 8
    # What was being answered when the agent ended is asked again, and nothing else.
    assert len(chats(fake)) <= 8 + 2


@pytest.mark.slow
@pytest.mark.timeout(90)
async def test_a_killed_agent_loses_no_result_that_was_shown(tmp_path: Path) -> None:
    await asyncio.to_thread(_kill_and_look_again, tmp_path)


def _kill_and_look_again(tmp_path: Path) -> None:
    with fake_ollama("--model", MODEL, "--num-parallel", "8") as ollama:
        ollama.behave(path="/api/chat", text="one two three four", pace=30)
        with program(tmp_path / "data", ollama_url=ollama.url) as one:
            with _client_of(one.serve()) as agent:
                asked = {"items": [item(str(n)) for n in range(40)]}
                run = agent.post("/batch/chat", json=asked).json()["id"]
                until(lambda: len(_shown(agent, run)) >= 9)
                shown = _shown(agent, run)
                one.kill()
            with _client_of(one.serve()) as again:
                until(lambda: again.get(f"/runs/{run}").json()["state"] == "done", 30)
                found = _shown(again, run)
                events = events_in(again.get(f"/runs/{run}/events").text)

    assert found[: len(shown)] == shown
    assert sorted(int(one["id"]) for one in found) == list(range(40))
    assert {one["status"] for one in found} == {"done"}
    assert [data.get("completed") for _, data in events[:-1]] == sorted(
        data["completed"] for _, data in events[:-1]
    )
    assert events[-1] == (
        "done",
        {"result": {"completed": 40, "total": 40, "failed": 0, "cancelled": 0}},
    )


def _client_of(agent: RunningAgent) -> httpx.Client:
    return httpx.Client(
        base_url=f"{agent.url}/api/v1",
        headers={"Authorization": f"Bearer {agent.token}"},
        verify=NO_TLS,
        trust_env=False,
        timeout=20,
    )


def _shown(client: httpx.Client, run_id: str) -> list[Json]:
    reply = client.get(f"/runs/{run_id}/results", params={"limit": 200})
    found: list[Json] = body(reply)["items"]
    return found


async def results_so_far(client: httpx.AsyncClient, run_id: str) -> list[Json]:
    found: list[Json] = body(await client.get(f"/api/v1/runs/{run_id}/results"))["items"]
    return found


async def _until_completed(client: httpx.AsyncClient, run_id: str, count: int) -> None:
    path = f"/api/v1/runs/{run_id}/events"
    async with client.stream("GET", path) as reply:
        async for event in events(reply):
            if event.data.get("completed", 0) >= count:  # type: ignore[operator] # a number
                return
