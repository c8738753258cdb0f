"""Where models and their servers are limited by settings: enforced at every door."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.inference.allowed import Allowed, patterns, servers
from agent.inference.resolving import FarAwayError, NearResolver
from tests.agent.ollama_program import QUICK, a_free_port
from tests.agent.talking import MODEL, SEEING
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_binary import OllamaProgram
from tests.serving import Served, running_agent

REFUSED = "urn:orca:problem:not-allowed-here"


@pytest.mark.parametrize(
    ("listed", "name", "is_allowed"),
    [
        ("", "anything:1b", True),
        ("qwen3", "qwen3:4b", True),
        ("qwen3", "Qwen3", True),
        ("qwen3", "qwen3-vl:4b", False),
        ("qwen3:4b", "qwen3:8b", False),
        ("qwen3:4b", "registry.ollama.ai/library/qwen3:4b", True),
        ("qwen*", "qwen3-vl:4b", True),
        ("*:4b, llama3.2", "gemma3:4b", True),
        ("*:4b, llama3.2", "llama3.2:1b", True),
        ("hf.co/acme/*", "hf.co/acme/m:q4", True),
        ("hf.co/acme/*", "hf.co/other/m:q4", False),
        ("*-vl:8b", "qwen3-vl:8b", True),
        ("*-vl:8b", "hf.co/evil/x-vl:8b", False),
        ("*-vl:8b", "http://evil.example/x-vl:8b", False),
        ("qwen*", "qwen/x:1b", False),
        ("*", "hf.co/acme/m:q4", True),
    ],
)
def test_models_are_listed_by_name_or_pattern(listed: str, name: str, is_allowed: bool) -> None:  # noqa: FBT001
    assert (Allowed(models=patterns(listed)).why_not_model(name) is None) is is_allowed


@pytest.mark.parametrize(
    ("name", "is_cloud"),
    [
        ("qwen3-coder:480b-cloud", True),
        ("kimi-k2:cloud", True),
        ("gpt-oss:120b", False),
        ("cloud:7b", False),
        ("hf.co/x/y:Q4-cloud", True),
    ],
)
def test_without_the_cloud_models_of_a_cloud_are_known_by_their_tag(
    name: str,
    is_cloud: bool,  # noqa: FBT001
) -> None:
    assert (Allowed(cloud=False).why_not_model(name) is not None) is is_cloud
    assert Allowed(cloud=False).why_not_model(name, is_passed_on=True) is not None


@pytest.mark.parametrize(
    ("url", "is_near"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://192.168.1.5:11434", True),
        ("http://10.0.0.7/v1", True),
        ("http://100.64.3.2:11434", True),
        ("http://[fd00::5]:11434", True),
        ("http://8.8.8.8:11434", False),
        ("http://[2001:4860:4860::8888]:11434", False),
        ("http://[::ffff:8.8.8.8]:11434", False),
        ("http://[64:ff9b::808:808]:11434", False),
    ],
)
def test_without_the_cloud_an_address_outside_is_refused(
    url: str,
    is_near: bool,  # noqa: FBT001
) -> None:
    assert (Allowed(cloud=False).why_not_server(url) is None) is is_near


@pytest.mark.parametrize(
    ("listed", "url", "is_allowed"),
    [
        ("http://127.0.0.1:11434", "http://localhost:11434", True),
        ("localhost", "http://127.0.0.1:11434", True),
        ("localhost", "http://127.0.0.1:11435", False),
        ("gpu:11434, https://llm.firm.example", "https://llm.firm.example/v1", True),
        ("https://llm.firm.example/a", "https://llm.firm.example/ab", False),
        ("http://h:1/a", "http://h:1/a/b", True),
        ("http://h:1/a", "http://h:1/a/b..c", True),
        ("http://h:1/a", "http://h:1/a/../b", False),
        ("http://h:1/a", "http://h:1/a/%2e%2e/b", False),
        ("http://h:1/a", "http://h:1/a/%252E./b", False),
        ("http://h:1/a", "http://h:1/a/x%2f..%2f../b", False),
        ("http://h:1/a", "http://h:1/a/..;/b", False),
        ("https://llm.firm.example", "http://llm.firm.example", False),
        ("https://llm.firm.example", "https://llm.firm.example.evil.example", False),
    ],
)
def test_servers_are_listed_by_address(listed: str, url: str, is_allowed: bool) -> None:  # noqa: FBT001
    assert (Allowed(servers=servers(listed)).why_not_server(url) is None) is is_allowed


@pytest.fixture
async def limited(tmp_path: Path, fake: FakeOllama) -> AsyncIterator[Served]:
    """Knows one of the two models, and no cloud."""
    fake.add_model("kimi-k2:cloud", capabilities=["completion"])
    async with running_agent(
        tmp_path / "data",
        ollama_url=fake.url,
        cloud=False,
        allowed_models=MODEL,
        default_model=SEEING,
    ) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        yield served


async def test_models_that_are_not_allowed_are_neither_shown_nor_used(limited: Served) -> None:
    client = limited.client
    lists: list[Any] = [  # Any: JSON
        [one["name"] for one in (await client.get("/api/v1/models")).json()["items"]],
        [one["id"] for one in (await client.get("/v1/models")).json()["data"]],
        [one["name"] for one in (await client.get("/ollama/api/tags")).json()["models"]],
    ]
    recommended = (await client.get("/api/v1/model-profiles")).json()["models"]
    question = {"messages": [{"role": "user", "content": "hello"}]}
    refused = [
        await client.post("/api/v1/chat", json={"model": SEEING, **question}),
        await client.post("/api/v1/generate", json={"model": "kimi-k2:cloud", "prompt": "x"}),
        await client.get(f"/api/v1/models/{SEEING}"),
        await client.post(f"/api/v1/models/{SEEING}/load", json={}),
        await client.post("/api/v1/models/pull", json={"model": "llama3.2:1b"}),
        await client.post("/api/v1/models/pull", json={"model": "kimi-k2:cloud"}),
        await client.post("/api/v1/embed", json={"model": SEEING, "input": ["x"]}),
    ]
    foreign = [
        await client.post("/v1/chat/completions", json={"model": SEEING, **question}),
        await client.post("/ollama/api/chat", json={"model": SEEING, **question}),
        await client.post("/ollama/api/show", json={"model": SEEING}),
    ]
    unnamed = await client.post("/api/v1/chat", json=question)

    assert lists == [[MODEL]] * 3
    assert recommended == {}
    assert [(one.status_code, one.json()["type"]) for one in refused] == [(403, REFUSED)] * 7
    assert [one.status_code for one in foreign] == [403] * 3
    assert (unnamed.status_code, unnamed.json()["model"]) == (200, MODEL)


async def test_a_conversation_cannot_use_what_is_not_allowed(limited: Served) -> None:
    made = await limited.client.post("/api/v1/conversations", json={})
    path = f"/api/v1/conversations/{made.json()['id']}/messages"

    answer = await limited.client.post(path, json={"content": "hello", "model": SEEING})

    assert (answer.status_code, answer.json()["type"]) == (403, REFUSED)


async def test_servers_outside_cannot_be_added_without_the_cloud(limited: Served) -> None:
    asked = [
        {"name": "far", "provider": "openai", "url": "https://8.8.8.8/v1", "force": True},
        {"name": "far", "provider": "ollama", "url": "http://[2001:4860:4860::8888]:11434"},
    ]

    answers = [await limited.client.post("/api/v1/backends", json=one) for one in asked]

    assert [(one.status_code, one.json()["type"]) for one in answers] == [(403, REFUSED)] * 2


async def test_a_name_is_not_followed_outside_without_the_cloud() -> None:
    resolver = NearResolver()

    near = await resolver.resolve("127.0.0.1", 80)
    with pytest.raises(FarAwayError):
        await resolver.resolve("8.8.8.8", 80)
    await resolver.close()

    assert [one["host"] for one in near] == ["127.0.0.1"]


async def test_a_server_that_was_added_before_is_not_asked_any_more(
    tmp_path: Path, fake: FakeOllama
) -> None:
    data = tmp_path / "data"
    async with running_agent(data, ollama_url=fake.url) as before:
        other = {"name": "other", "provider": "openai", "url": f"{fake.url}/v1", "force": True}
        assert (await before.client.post("/api/v1/backends", json=other)).status_code == 201
    requests = len(fake.requests)

    async with running_agent(data, ollama_url=fake.url, allowed_backends="gpu:11434") as after:
        items = (await after.client.get("/api/v1/backends")).json()["items"]
        tested = await after.client.post(f"/api/v1/backends/{items[1]['id']}/test", json={})
        ready = (await after.client.get("/api/v1/health/ready")).json()
        runtime = (await after.client.get("/api/v1/runtime")).json()
        models = (await after.client.get("/api/v1/models")).json()["items"]
        pull = await after.client.post("/api/v1/models/pull", json={"model": "qwen3:4b"})

    refusal = f"{fake.url} is not among the model servers that are allowed here."
    assert [(one["state"], one["detail"]) for one in items] == [
        ("down", refusal),
        ("down", f"{fake.url}/v1 is not among the model servers that are allowed here."),
    ]
    assert (tested.json()["state"], tested.json()["models"]) == ("down", [])
    assert (ready["status"], models) == ("degraded", [])
    assert (pull.status_code, pull.json()["detail"]) == (403, refusal)
    assert refusal in str(runtime)
    assert len(fake.requests) == requests


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the test double is started by a shell script")
async def test_an_ollama_that_the_agent_starts_is_told_that_there_is_no_cloud(
    tmp_path: Path,
) -> None:
    ollama = OllamaProgram(tmp_path / "bin")
    url = f"http://127.0.0.1:{a_free_port()}"

    async with (
        asyncio.timeout(60),
        running_agent(
            tmp_path / "data",
            ollama_url=url,
            manage_ollama="auto",
            ollama_binary=ollama.path,
            cloud=False,
            pace=QUICK,
        ) as served,
    ):
        while True:
            told = (await served.client.get("/api/v1/runtime")).json()["ollama"]
            if told["state"] == "running":
                break
            await asyncio.sleep(0.02)

    assert told["environment"]["OLLAMA_NO_CLOUD"] == "1"
