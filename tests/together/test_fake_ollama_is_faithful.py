"""The fake Ollama answers every recorded request as the real one did, byte for byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from fnmatch import fnmatch

import pytest

from tests.fakes.ollama import Behaviour, FakeOllama
from tests.fakes.raw_http import Wire, connected, exchange, post
from tests.fakes.replay import answer_of, compared, names, request_of, says_any_words, settled

FIRST_MODELS = (
    *("qtool", "short", "tool", "tool_nt", "tiny2", "fakevision", "tiny", "toolgo", "think_nt"),
    *("think2", "short_nt", "think", "shortgo", "thinkgo", "qthink"),
)
LATER_MODELS = (*FIRST_MODELS, "tinygo", "tinyemb")
REGISTRY = "http://127.0.0.1:21500/library/short"
LAYERS = (
    ("d4005c1f066d5fe56e5e3879123efc05b962d4c7a2602b323bd05e31e66c35ea", 59339456),
    ("b507b9c2f6ca642bffcd06665ea7c91f235fd32daeefdf875a0f938db05fb315", 13),
    ("7d332d21e3f1e7179b91b02b87f51b63e5ce8f82266589c45557a9b01771e907", 15),
    ("414b0a4ab9fb6d07caafac7f7f271927de76a1004558dcf5e70fbcd958afd2ef", 430),
)

# What hangs on what came before, each with the test that replays it in its order.
JOURNEYS = {
    "empty": ("00-tags-empty", "00-ps-empty"),
    "listed": ("10-tags", "50-v1-models"),
    "load": ("20-generate-load", "21-ps-loaded"),
    "memory": (
        *("61-ps-two", "63-keepalive-0", "63-ps-after-keepalive-0", "63-keepalive-forever"),
        *("63-ps-forever", "63-unload", "63-ps-after-unload", "63-stop-unloaded-again"),
        *("63-unload-chat", "67-numctx-option-reload", "67-ps-numctx"),
    ),
    "copy": ("64-copy", "64-show-copy", "64-delete", "64-delete-again"),
    "vision listed": ("81-vision-tags",),
    "format": ("28-chat-format-schema",),
    "pull": (
        *("70-pull-insecure-refused", "70-pull-manifest-unknown-nostream", "70-pull-cancel"),
        *("70-pull-progress", "70-pull-again-uptodate", "70-tags-after-pull"),
        *("70-delete-pulled", "70-pull-nostream"),
    ),
    "no registry": ("69-pull-unreachable-nostream",),
    "disconnect": ("60-disconnect-during-load", "60-after-disconnect-next"),
    "runner": (
        *("73-runner-killed-midstream-native", "73-after-runner-killed-native"),
        "73-after-runner-killed-gotemplate",
    ),
    "queue": (
        *("76-busy-second-waits-for-unload", "76-busy-third-in-queue", "76-ps-busy"),
        *("76-busy-fourth-queue-full", "76-busy-fifth-queue-full-nostream"),
        "76-busy-same-model-not-queue-limited",
    ),
}
IN_JOURNEYS = {name for journey in JOURNEYS.values() for name in journey}
ALONE = [name for name in names() if name not in IN_JOURNEYS]


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    models = (*LATER_MODELS, "vis", "emb")
    async with FakeOllama(models=models, max_loaded=100) as fake:
        yield fake


async def replayed(fake: FakeOllama, name: str) -> Wire:
    """Sends the recorded request; checks that the answer is the recorded one."""
    wire = await exchange(fake.port, request_of(name))
    same(wire, name)
    return wire


def same(wire: Wire, name: str) -> None:
    free = says_any_words(name)
    assert compared(wire, any_words=free) == compared(answer_of(name), any_words=free)


# Recorded but not kept in tests/fakes/recordings, so not replayed.
LEFT_OUT = {
    "04-*": "blobs are never uploaded",
    "05-*": "blobs are never uploaded",
    "06-*": "blobs are never uploaded",
    "07-*": "models are never created",
    "08-*": "models are never created",
    "09-*": "models are never created",
    "30-*-tool-result": "_debug_render_only prints a prompt and generates nothing",
    "51-*": "/v1/messages is not used",
    "52-*": "/v1/responses is not used",
    "53-*": "services of ollama.com are not used",
    "62-*": "the frames of 25; waiting for a slot has a test beside the misbehaviours",
    "69-me": "services of ollama.com are not used",
    "69-push-*": "models are never pushed",
    "72-*": "models are never created",
    "76-busy-first": "329 KB of the frames of 25; the queue test sends them again",
    "*-create-*": "models are never created",
    "*-blob*": "blobs are never uploaded",
}


def test_every_recording_is_replayed_once_or_left_out_for_a_reason() -> None:
    assert [name for name in names() if any(fnmatch(name, left) for left in LEFT_OUT)] == []
    ordered = [name for journey in JOURNEYS.values() for name in journey]

    assert sorted([*ordered, *ALONE]) == names()


@pytest.mark.parametrize("name", ALONE)
async def test_a_recorded_request_is_answered_as_recorded(fake: FakeOllama, name: str) -> None:
    await replayed(fake, name)


async def test_a_server_without_models_lists_none() -> None:
    async with FakeOllama(models=()) as fake:
        for name in JOURNEYS["empty"]:
            await replayed(fake, name)


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("10-tags", FIRST_MODELS),
        ("50-v1-models", FIRST_MODELS),
        ("81-vision-tags", (*LATER_MODELS, "vis")),
    ],
)
async def test_models_are_listed_as_recorded_in_whatever_order(
    name: str, models: tuple[str, ...]
) -> None:
    async with FakeOllama(models=models) as fake:
        wire = await exchange(fake.port, request_of(name))

    assert in_any_order(wire) == in_any_order(answer_of(name))


def in_any_order(wire: Wire) -> list[str]:
    """Models of one second come in any order in a real list."""
    head = compared(wire)[: len(wire.head)]
    listed = json.loads(wire.body)
    items = listed.get("models") or listed.get("data")
    return [*head, *sorted(settled(json.dumps(item).encode()) for item in items)]


async def test_a_loaded_model_is_in_memory() -> None:
    async with FakeOllama(models=FIRST_MODELS) as fake:
        for name in JOURNEYS["load"]:
            await replayed(fake, name)


async def test_memory_is_kept_and_freed_as_recorded(fake: FakeOllama) -> None:
    for model in ("qthink", "short", "tiny"):
        body = b'{"model":"%b","messages":[]}' % model.encode()
        await exchange(fake.port, post("/api/chat", body))

    for name in JOURNEYS["memory"]:
        await replayed(fake, name)


async def test_a_copy_is_shown_and_deleted_as_recorded(fake: FakeOllama) -> None:
    for name in JOURNEYS["copy"]:
        wire = await exchange(fake.port, request_of(name))
        assert without_date(wire) == without_date(answer_of(name))


def without_date(wire: Wire) -> list[str]:
    """The copy was made when it was made."""
    lines = compared(wire)
    start = '"modified_at":"20'
    return [line.partition(start)[0] if start in line else line for line in lines]


async def test_an_answer_in_a_schema_has_the_recorded_frames(fake: FakeOllama) -> None:
    name = "28-chat-format-schema"
    wire, recorded = await exchange(fake.port, request_of(name)), answer_of(name)

    texts, kinds = [], []
    for one in (wire, recorded):
        frames = [json.loads(chunk) for chunk in one.chunks]
        texts.append(json.loads("".join(frame["message"]["content"] for frame in frames)))
        kinds.append([one.head[0], *({tuple(frame) for frame in frames})])

    assert [sorted(text) for text in texts] == [["confidence", "verdict"]] * 2
    assert sorted(map(str, kinds[0])) == sorted(map(str, kinds[1]))


async def test_pulls_go_as_recorded() -> None:
    async with FakeOllama(models=LATER_MODELS) as fake:
        fake.add_pullable(REGISTRY, like="127.0.0.1:21500/library/short", layers=LAYERS, seconds=4)
        await replayed(fake, "70-pull-insecure-refused")
        await replayed(fake, "70-pull-manifest-unknown-nostream")

        async with connected(fake.port) as (reader, writer):
            writer.write(request_of("70-pull-cancel"))
            cancelled = Wire()
            while cancelled.data.count(b"completed") < 3:
                cancelled.data += await reader.read(1 << 16)
        await fake.client_left()

        fake.behave = Behaviour(pace=10_000)
        went_on = await exchange(fake.port, request_of("70-pull-progress"))
        assert pulled(cancelled) == pulled(answer_of("70-pull-cancel"))
        assert [*pulled(went_on)] == [*pulled(answer_of("70-pull-progress"))]
        assert completed(cancelled)[-1] <= completed(went_on)[0]

        await replayed(fake, "70-pull-again-uptodate")
        listed = await exchange(fake.port, request_of("70-tags-after-pull"))
        assert in_any_order(listed) == in_any_order(answer_of("70-tags-after-pull"))
        await replayed(fake, "70-delete-pulled")
        await replayed(fake, "70-pull-nostream")


def pulled(wire: Wire) -> list[object]:
    """The head and what the frames say, the progress of a layer once; small layers, which show
    themselves by chance, not at all."""
    shown: list[object] = [*compared(wire)[: len(wire.head)]]
    for chunk in wire.chunks:
        frame = json.loads(chunk)
        if frame.get("total", 1 << 20) >= 1 << 20:
            said = (frame["status"], *frame)
            shown += [said] if said not in shown else []
    return shown


def completed(wire: Wire) -> list[int]:
    frames = [json.loads(chunk) for chunk in wire.chunks]
    return [frame["completed"] for frame in frames if frame.get("completed", 0) > 1000]


async def test_a_pull_without_a_registry_fails_as_recorded(fake: FakeOllama) -> None:
    fake.state.registry_up = False

    await replayed(fake, "69-pull-unreachable-nostream")


async def test_a_client_that_leaves_during_a_load_frees_the_server(fake: FakeOllama) -> None:
    fake.misbehave(model="tiny2", load_seconds=60)
    async with connected(fake.port) as (_, writer):
        writer.write(request_of("60-disconnect-during-load"))
        await fake.saw(1)
    await fake.client_left()

    await replayed(fake, "60-after-disconnect-next")
    assert fake.loaded == ["tiny:latest"]


async def test_a_killed_runner_ends_the_stream_as_recorded(fake: FakeOllama) -> None:
    fake.misbehave(times=1, die_after=93)

    for name in JOURNEYS["runner"]:
        await replayed(fake, name)


async def test_a_full_queue_answers_as_recorded() -> None:
    async with FakeOllama(models=FIRST_MODELS, max_loaded=1, max_queue=1) as fake:
        fake.misbehave(path="/api/chat", times=1, pace=100)
        first = post(
            "/api/chat",
            b'{"model":"tiny","messages":[{"role":"user","content":"x"}],'
            b'"options":{"num_predict":150,"seed":1}}',
        )
        waiting = ("76-busy-second-waits-for-unload", "76-busy-third-in-queue")
        async with asyncio.TaskGroup() as group, connected(fake.port) as (reader, writer):
            writer.write(first)
            await reader.readuntil(b"\r\n\r\n")
            tasks = []
            for number, name in enumerate(waiting):
                tasks.append(group.create_task(exchange(fake.port, request_of(name))))
                await fake.saw(number + 2)
            await replayed(fake, "76-busy-fourth-queue-full")
            await replayed(fake, "76-busy-fifth-queue-full-nostream")
            await replayed(fake, "76-ps-busy")
            await replayed(fake, "76-busy-same-model-not-queue-limited")
            await reader.readuntil(b"\r\n0\r\n\r\n")
        for name, task in zip(waiting, tasks, strict=True):
            same(task.result(), name)
