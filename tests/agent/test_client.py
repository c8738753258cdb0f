"""The Python clients against a running agent. Every scenario holds for both of them."""

import asyncio
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio

from agent import runfile
from agent.client import (
    AgentError,
    Answer,
    AsyncAgent,
    Conflict,
    ConnectionLost,
    Denied,
    Invalid,
    NotFound,
    NotRunning,
)
from agent.client.pictures import ImageSource
from agent.runfile import RunningAgent
from agent.shared.clock import rfc3339, system_clock
from tests.agent.both import KINDS, Kind, client_of
from tests.agent.talking import MODEL, SEEING, chats, picture
from tests.fakes.ollama import FakeOllama
from tests.fakes.relay import always, relayed
from tests.serving import Served, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = "Why does PETG string?"
LONG = " ".join(map(str, range(300)))


module = pytest_asyncio.fixture(scope="module", loop_scope="module")


@module
async def shared_fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=["short", "emb"], num_parallel=64) as fake:
        fake.add_model(MODEL, capabilities=["completion"], size=2_500_000_000)
        fake.add_model(SEEING, capabilities=["completion", "vision"], size=1_500_000_000)
        yield fake


@module
async def served(
    tmp_path_factory: pytest.TempPathFactory, shared_fake: FakeOllama
) -> AsyncIterator[Served]:
    """One agent for all: starting it takes longer than most of what is asked of it here."""
    folder = tmp_path_factory.mktemp("client") / "data"
    async with running_agent(folder, ollama_url=shared_fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        yield served


@pytest.fixture
def fake(shared_fake: FakeOllama) -> Iterator[FakeOllama]:
    shared_fake.requests.clear()
    shared_fake.departures.clear()
    yield shared_fake
    shared_fake.behave_well()


@pytest_asyncio.fixture(loop_scope="module", params=KINDS)
async def agent(served: Served, request: pytest.FixtureRequest) -> AsyncIterator[AsyncAgent]:
    kind: Kind = request.param
    async with client_of(kind, served.url, served.token, project=kind) as agent:
        yield agent


async def test_a_question_is_answered_as_it_is_written_and_kept(
    agent: AsyncAgent, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", thinking="Hm.", text="Because it is wet. " * 8)

    reply = await agent.ask(QUESTION, system="Be brief.", options={"seed": 1})
    pieces = [text async for text in reply.texts()]
    answer = await reply.message()
    again = await (await agent.regenerate(answer["id"])).message()
    more = await (await agent.ask("And PLA?", conversation=reply.conversation_id)).message()
    kept = [one async for one in agent.messages(reply.conversation_id, limit=2)]

    assert "".join(pieces) == answer["content"] == reply.heard.text == "Because it is wet. " * 8
    assert (reply.heard.thinking, answer["status"]) == ("Hm.", "complete")
    assert reply.question["content"] == QUESTION
    assert again["parent_id"] == answer["parent_id"] == reply.question["id"]
    assert [one["id"] for one in kept][2] == again["id"]
    assert kept[-1]["id"] == more["id"]
    assert len(kept) == 5
    assert chats(fake)[0]["messages"][0]["content"].startswith("Be brief.")
    assert (await anext(aiter(agent.runs(state="done"))))["id"] == more["run_id"]


async def test_conversations_are_found_changed_taken_away_and_brought_back(
    agent: AsyncAgent,
) -> None:
    first = await agent.new_conversation(title="Silk PLA", model=MODEL)
    second = await agent.new_conversation(title="PETG")
    changed = await agent.change_conversation(first["id"], title="Silky", pinned=True, model=None)
    listed = [one["id"] async for one in agent.conversations(limit=1)]
    found = [one["id"] async for one in agent.search("silk")]
    document = await agent.export_conversation(first["id"])
    text = await agent.export_markdown(first["id"])
    counts = await agent.import_conversations(document)
    await agent.delete_conversation(first["id"])
    with pytest.raises(NotFound) as gone:
        await agent.conversation(first["id"])
    back = await agent.restore_conversation(first["id"])

    assert (changed["title"], changed["pinned"], changed["model"]) == ("Silky", True, None)
    assert listed[0] == first["id"]
    assert second["id"] in listed[1:]
    assert first["id"] in found
    assert text.startswith("# Silky")
    assert counts == {"created": 0, "updated": 0, "unchanged": 1, "messages_added": 0}
    assert (gone.value.status, gone.value.code) == (404, "no-such-conversation")
    assert back["id"] == first["id"]


async def test_a_run_is_cancelled_followed_again_and_told_of(
    agent: AsyncAgent, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 5000, pace=200)

    reply = await agent.ask(QUESTION)
    async for event in reply:
        if event.text:
            break
    run = await reply.cancel()
    stopped = await reply.message()
    same = agent.follow(reply.run_id, after=reply.heard.seq - 1)
    rest = [event.name async for event in same]

    assert run["state"] == (await agent.run(reply.run_id))["state"] == "cancelled"
    assert (stopped["status"], stopped["content"]) == ("stopped", reply.heard.text)
    assert rest == ["cancelled"]
    with pytest.raises(AgentError) as ended:
        await same.result()
    assert ended.value.code == "cancelled"


async def test_what_is_refused_says_how_to_react_and_leaves_nothing_behind(
    agent: AsyncAgent, served: Served
) -> None:
    before = [one["id"] async for one in agent.conversations()]

    with pytest.raises(NotFound) as no_model:
        await agent.ask(QUESTION, model="nothing-here")
    with pytest.raises(Invalid) as too_long:
        await agent.new_conversation(title="x" * 301)
    with pytest.raises(Conflict):
        await agent.json("DELETE", "/tokens/main")
    with pytest.raises(NotFound):
        _ = [event async for event in agent.events("no-such-run")]
    async with client_of("asyncio", served.url, "no token", retry_for=0) as stranger:
        with pytest.raises(Denied) as denied:
            await stranger.queues()
        health = await stranger.ready()

    assert no_model.value.code == "model-not-found"
    assert no_model.value.request_id
    assert (too_long.value.status, too_long.value.code) == (422, "invalid-fields")
    assert too_long.value.extra["errors"]
    assert (denied.value.status, denied.value.code) == (401, "unauthenticated")
    assert health == {"status": "ready"}
    assert [one["id"] async for one in agent.conversations()] == before


async def test_answers_outside_of_conversations_come_whole_and_in_pieces(
    agent: AsyncAgent, fake: FakeOllama
) -> None:
    fake.add_model("tools:1b", capabilities=["completion", "tools"])
    fake.misbehave(path="/api/chat", model=MODEL, text='{"celsius": 215}')
    call = {"name": "heat", "arguments": {"celsius": 215}}
    fake.misbehave(path="/api/chat", model="tools:1b", text="I do.", tool_call=call)
    tool = {"type": "function", "function": {"name": "heat", "parameters": {}}}

    made = await agent.generate(QUESTION, model=MODEL, format="json", options={"temperature": 0})
    stream = agent.generate_stream(QUESTION, model=MODEL)
    pieces = [piece async for piece in stream.texts()]
    called = await agent.chat(QUESTION, model="tools:1b", tools=[tool])
    talk = [{"role": "user", "content": QUESTION}]
    streamed = await agent.chat_stream(talk, model="tools:1b", tools=[tool]).answer()
    vectors = await agent.embed(["one", "two"], model="emb")

    assert (made.json(), made.model, made.finish_reason) == ({"celsius": 215}, MODEL, "stop")
    assert made.usage["completion_tokens"] > 0
    assert "".join(pieces) == made.content == (await stream.answer()).content
    assert [one["function"] for one in called.tool_calls] == [call]
    assert [one["function"] for one in streamed.tool_calls] == [call]
    assert (streamed.content, streamed.backend) == ("I do.", "local")
    assert len(vectors["embeddings"]) == 2


async def test_pictures_come_from_wherever_they_are(
    agent: AsyncAgent, fake: FakeOllama, tmp_path: Path
) -> None:
    files = [picture(shade=shade) for shade in range(5)]
    (tmp_path / "print.png").write_bytes(files[0])
    held = await agent.upload(files[4])
    data_url = f"data:image/png;base64,{b64encode(files[3]).decode()}"
    sources: list[ImageSource] = [
        tmp_path / "print.png",
        files[1],
        BytesIO(files[2]),
        data_url,
        held,
    ]

    seen = await agent.vlm("What went wrong?", images=sources, model=SEEING)
    drawn = await agent.vlm_stream("And here?", images=[str(tmp_path / "print.png")]).answer()
    asked = await agent.ask("And here?", images=[files[1]])
    answer = await asked.message()

    assert seen.model == drawn.model == answer["model"] == SEEING
    assert len(chats(fake)[0]["messages"][0]["images"]) == 5
    assert len(asked.question["images"]) == 1
    assert len({str(image) for image in chats(fake)[0]["messages"][0]["images"]}) == 5
    nothing: list[ImageSource] = [tmp_path / "none.png", b"no picture", "data:image/png;base64,***"]
    for wrong in nothing:
        with pytest.raises((OSError, Invalid)):
            await agent.vlm("What?", images=[wrong])
    with pytest.raises(TypeError):
        await agent.vlm("What?", images="print.png")


async def test_a_batch_tells_what_came_of_each_as_they_finish(
    agent: AsyncAgent, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="A word.", pace=100)
    good = [{"id": f"nr {number}", "messages": f"Question {number}"} for number in range(6)]

    batch = await agent.batch([*good, {"messages": []}, "And?"], concurrency=2, model=MODEL)
    results = {one["id"]: one async for one in batch.results()}
    seen = await agent.batch(
        [{"messages": "What?", "images": [picture(shade=number)]} for number in range(2)],
        order="given",
    )
    mixed = await agent.batch(
        [
            {"id": "cut", "messages": "What?", "images": [b"no picture"]},
            {"id": "whole", "messages": "What?", "images": [picture()]},
        ]
    )
    bad = {one["id"]: (one["status"], one.get("problem")) async for one in mixed.results()}
    answers = [Answer.of(one["answer"]) async for one in seen.results()]
    late = [one["id"] async for one in seen.results()]
    again = [one["id"] async for one in agent.follow_batch(seen.run_id).results()]

    assert [one["status"] for one in results.values()].count("done") == 7
    assert results["6"]["problem"]["status"] == 422
    assert results["nr 3"]["answer"]["message"]["content"] == "A word."
    assert batch.heard.progress is not None
    assert batch.heard.progress.fraction == 1.0
    assert [one.model for one in answers] == [SEEING, SEEING]
    assert (late, again) == ([], ["0", "1"])
    assert bad["whole"] == ("done", None)
    assert bad["cut"][0] == "failed"
    assert "not-an-image" in str(bad["cut"][1])


async def test_a_batch_is_cancelled_and_keeps_what_is_done(
    agent: AsyncAgent, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 20, pace=200)

    batch = await agent.batch([f"Question {number}" for number in range(50)], concurrency=1)
    results = batch.results()
    first = await anext(aiter(results))
    run = await batch.cancel()
    rest = [one["status"] async for one in results]

    assert first["status"] == "done"
    assert run["state"] == "cancelled"
    assert "cancelled" in rest


async def test_leaving_a_stream_stops_the_model(agent: AsyncAgent, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="word " * 5000, pace=200)

    async with agent.chat_stream(QUESTION) as stream:
        async for event in stream:
            if event.text:
                break

    await until(lambda: bool(fake.departures))


async def test_what_is_around_is_told(agent: AsyncAgent) -> None:
    await (await agent.ask(QUESTION, model=MODEL)).result()
    me = agent.project
    health, queues, runtime = await agent.ready(), await agent.queues(), await agent.runtime()
    requests = [one async for one in agent.requests(project=me, limit=5)]
    days = [one async for one in agent.projects(project=me)]
    fast = await agent.performance(model=MODEL)
    advice = await agent.recommended()

    assert health["status"] == "ready"
    assert {queue["name"] for queue in queues} == {"text", "vision"}
    assert [one["name"] for one in runtime["backends"]] == ["local"]
    assert (requests[0]["model"], requests[0]["outcome"]) == (MODEL, "done")
    assert {day["project"] for day in days} == {me}
    assert [one["model"] for one in fast] == [MODEL]
    assert advice["why"]
    assert (await agent.ticket()).startswith("http://127.0.0.1:")


async def test_models_are_listed_pulled_loaded_and_deleted(
    agent: AsyncAgent, fake: FakeOllama
) -> None:
    fake.add_pullable("new:1b", seconds=0.3, capabilities=["completion"])

    pull = await agent.pull("new:1b")
    fractions = [event.fraction async for event in pull if event.name == "progress"]
    result = await pull.result()
    names = [one["name"] async for one in agent.models()]
    loaded = await agent.load("new:1b", keep_alive="10m")
    unloaded = await agent.unload("new:1b")
    await agent.delete_model("new:1b")
    with pytest.raises(NotFound):
        await agent.model("new:1b")

    assert result["result"]["model"] == "new:1b"
    assert fractions[-1] == 1.0
    assert "new:1b" in names
    assert (loaded["loaded"], unloaded["loaded"]) == (True, False)
    assert (await agent.model(MODEL))["context_length"]


async def test_a_model_server_is_added_tested_and_removed(
    agent: AsyncAgent, fake: FakeOllama
) -> None:
    async with FakeOllama(models=["short"]) as other:
        made = await agent.add_backend("other", other.url, limits={"text": 2})
        tested = await agent.check_backend(made["id"])
        names = [one["name"] async for one in agent.backends()]
        await agent.delete_backend(made["id"])

    assert (tested["state"], len(tested["models"])) == ("up", 1)
    assert names == ["local", "other"]
    assert [one["name"] async for one in agent.backends()] == ["local"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["closed", "reset"])
async def test_no_piece_is_lost_or_doubled_however_often_the_line_breaks(
    served: Served, fake: FakeOllama, kind: Kind, end: str
) -> None:
    fake.misbehave(path="/api/chat", text=LONG, pace=2000)
    port = int(served.url.rpartition(":")[2])

    async with (
        relayed(port, always(5000), is_reset=end == "reset") as relay,
        client_of(kind, relay.url, served.token) as agent,
    ):
        here = await served.client.post("/api/v1/conversations", json={})
        reply = await agent.ask("Count.", conversation=here.json()["id"])
        numbers = [event.seq async for event in reply]
        answer = await reply.message()

    assert reply.heard.text == answer["content"] == LONG
    assert numbers == list(range(1, len(numbers) + 1))
    assert relay.broken >= 3


@pytest.mark.parametrize("kind", KINDS)
async def test_a_question_whose_answer_got_lost_is_asked_once(
    served: Served, fake: FakeOllama, kind: Kind
) -> None:
    port = int(served.url.rpartition(":")[2])
    here = (await served.client.post("/api/v1/conversations", json={})).json()["id"]

    async with (
        relayed(port, [0, 40, None, 0], is_reset=True) as relay,
        client_of(kind, relay.url, served.token) as agent,
    ):
        await (await agent.ask("Once?", conversation=here)).message()
        relay.drop()
        with pytest.raises(ConnectionLost):  # it has no key: doing it twice would make two
            await agent.new_conversation()

    async with AsyncAgent(served.url, served.token) as direct:
        kept = [one["role"] async for one in direct.messages(here)]
    assert kept == ["user", "assistant"]
    assert len(chats(fake)) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stateless_stream_that_breaks_says_so(
    served: Served, fake: FakeOllama, kind: Kind
) -> None:
    fake.misbehave(path="/api/chat", text=LONG, pace=2000)
    port = int(served.url.rpartition(":")[2])

    async with (
        relayed(port, always(2500)) as relay,
        client_of(kind, relay.url, served.token) as agent,
    ):
        stream = agent.chat_stream("Count.", model=MODEL)
        with pytest.raises(ConnectionLost):
            _ = [text async for text in stream.texts()]

    assert LONG.startswith(stream.heard.text)
    assert stream.heard.text


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_that_was_replaced_is_looked_up(served: Served, kind: Kind) -> None:
    folder, port = served.settings.data_dir, int(served.url.rpartition(":")[2])
    moment = rfc3339(system_clock())
    there = RunningAgent(served.url, port, os.getpid(), served.token, moment, "1")

    async with client_of(kind, served.url, "an old one", data_dir=folder) as agent:
        with pytest.raises(Denied):
            await agent.queues()
        runfile.write(folder, there)
        found = await agent.queues()
        (folder / runfile.FILE_NAME).unlink()

    assert len(found) == 2


@pytest.mark.slow
async def test_a_hundred_questions_at_once_through_one_client(
    served: Served, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="yes no")

    async with AsyncAgent(served.url, served.token) as agent:
        here = (await agent.new_conversation())["id"]

        async def asked(number: int) -> tuple[str, str]:
            reply = await agent.ask(f"Question {number}", conversation=here, parent_id=None)
            return reply.question["content"], (await reply.message())["content"]

        answers = await asyncio.gather(*map(asked, range(100)))

    assert answers == [(f"Question {number}", "yes no") for number in range(100)]


async def test_nobody_there_is_told_at_once_or_after_some_patience(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        AsyncAgent.local(tmp_path)
    async with AsyncAgent("http://127.0.0.1:9", "t", retry_for=0.3) as agent:
        with pytest.raises(NotRunning) as nobody:
            await agent.queues()

    assert (nobody.value.status, nobody.value.code) == (0, "not-running")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
