"""Model servers added, tested and removed, through the front door."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from keyring.core import init_backend

from agent.migrations import migrate
from tests.agent.talking import ask, body, opened, problem
from tests.fakes.keyrings.kept import VARIABLE
from tests.fakes.ollama import FakeOllama
from tests.serving import NOBODY, Served, running_agent

Json = dict[str, Any]  # Any: JSON values
BACKENDS = "/api/v1/backends"
KEY = "sk-canary-0123456789"
IN_FILE = "file secrets.json, readable by you alone"


@pytest.fixture
async def other() -> AsyncIterator[FakeOllama]:
    """A server somewhere else, with a model that nobody here has."""
    async with FakeOllama(models=["short"]) as other:
        other.add_model("faraway", words=["far", " away"])
        yield other


async def added(client: httpx.AsyncClient, url: str, status: int = 201, **more: object) -> Json:
    asked = {"name": "big", "provider": "ollama", "url": url, **more}
    return body(await client.post(BACKENDS, json=asked), status)


async def refused(client: httpx.AsyncClient, url: str, **more: object) -> tuple[int, str]:
    asked = {"name": "big", "provider": "ollama", "url": url, **more}
    return problem(await client.post(BACKENDS, json=asked))


async def names(client: httpx.AsyncClient) -> list[str]:
    return [one["name"] for one in body(await client.get(BACKENDS))["items"]]


async def test_a_server_that_was_added_answers_at_once_and_after_a_restart(
    tmp_path: Path, fake: FakeOllama, other: FakeOllama
) -> None:
    async with running_agent(tmp_path, ollama_url=fake.url) as served:
        made = await added(served.client, other.url, limits={"text": 2, "vision": 1})
        conversation = await opened(served.client, model="faraway")
        talk = await ask(served.client, conversation["id"])
        listed = body(await served.client.get(BACKENDS))["items"]
    async with running_agent(tmp_path, ollama_url=fake.url) as again:
        told = body(await again.client.post(f"{BACKENDS}/{made['id']}/test"))

    assert made == {
        "id": made["id"],
        "name": "big",
        "source": "added",
        "provider": "ollama",
        "url": other.url,
        "state": "up",
        "version": "0.33.0-rc2",
        "since": made["since"],
        "detail": None,
        "warning": made["warning"],
        "models_count": 2,
        "breaker": "closed",
        "in_flight": 0,
        "limits": {"text": 2, "vision": 1},
        "organisation": "",
        "ca_file": None,
        "sees": [],
        "has_key": False,
        "key_place": None,
        "created_at": made["created_at"],
    }
    assert talk.answer["content"] == "far away"
    assert talk.first("started") == {
        "model": "faraway:latest",
        "backend": "big",
        "provider": "ollama",
    }
    assert [one["name"] for one in listed] == ["local", "big"]
    assert [model["name"] for model in told["models"]] == ["faraway:latest", "short:latest"]
    assert told["state"] == "up"


async def test_an_openai_shaped_server_answers_beside_ollama(
    served: Served, other: FakeOllama
) -> None:
    about: Json = {"provider": "openai", "key": KEY, "organisation": "org-1", "sees": ["far*"]}
    made = await added(served.client, other.url, **about)
    conversation = await opened(served.client, model="faraway")

    talk = await ask(served.client, conversation["id"])

    seen = other.requests[-1]
    assert talk.answer["content"] == "far away"
    assert talk.first("started")["provider"] == "openai"
    assert (made["url"], made["version"]) == (f"{other.url}/v1", "")
    assert (made["has_key"], made["key_place"]) == (True, IN_FILE)
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["openai-organization"] == "org-1"
    told = body(await served.client.post(f"{BACKENDS}/{made['id']}/test"))
    assert {m["name"]: m["capabilities"] for m in told["models"]}["faraway:latest"] == [
        "completion",
        "tools",
        "vision",
    ]


async def test_what_cannot_be_added_is_refused_in_words(served: Served, other: FakeOllama) -> None:
    client, url = served.client, other.url
    refusals = [
        await refused(client, url, name="local"),
        await refused(client, served.settings.ollama_url),
        await refused(client, url, name="Big one"),
        await refused(client, "ftp://10.60.4.77"),
        await refused(client, "http://169.254.169.254"),
        await refused(client, "10.60.4.77", provider="openai"),
        await refused(client, url, ca_file="relative.pem"),
        await refused(client, url, ca_file=str(served.settings.data_dir / "token")),
        await refused(client, url, key="two words"),
        await refused(client, url, surprise=1),
        await refused(client, NOBODY),
        await refused(client, url, provider="openai", name="x" * 41),
        problem(await client.delete(f"{BACKENDS}/local")),
        problem(await client.delete(f"{BACKENDS}/nosuch")),
        problem(await client.post(f"{BACKENDS}/nosuch/test")),
        problem(await served.stranger.get(BACKENDS)),
    ]

    assert refusals == [
        (409, "backend-exists"),
        (409, "backend-address-exists"),
        (422, "invalid-fields"),
        (422, "invalid-address"),
        (422, "invalid-address"),
        (422, "invalid-address"),
        (422, "bad-ca-file"),
        (422, "bad-ca-file"),
        (422, "invalid-key"),
        (422, "invalid-fields"),
        (503, "ollama-down"),
        (422, "invalid-fields"),
        (409, "configured-backend"),
        (404, "no-such-backend"),
        (404, "no-such-backend"),
        (401, "unauthenticated"),
    ]
    assert await names(client) == ["local"]


async def test_a_server_that_is_down_is_added_by_force_and_told_so(served: Served) -> None:
    made = await added(served.client, NOBODY, force=True)
    tested = body(await served.client.post(f"{BACKENDS}/{made['id']}/test"))
    twice = await refused(served.client, f"{NOBODY}/proxy", force=True)

    assert (made["state"], tested["state"], tested["models"]) == ("down", "down", [])
    assert NOBODY in made["detail"]
    assert twice == (409, "backend-exists")


async def test_a_server_that_is_removed_takes_its_key_along(
    tmp_path: Path, served: Served, other: FakeOllama
) -> None:
    made = await added(served.client, other.url, key=KEY)
    file = served.settings.data_dir / "secrets.json"
    kept = _text(file)

    removed = await served.client.delete(f"{BACKENDS}/{made['id']}")

    assert KEY in kept
    assert removed.status_code == 204
    assert KEY not in _text(file)
    assert await names(served.client) == ["local"]
    shown = await served.client.get("/api/v1/models/faraway")
    assert problem(shown) == (404, "model-not-found")


async def test_what_a_removed_server_answers_goes_on_to_its_end(
    served: Served, other: FakeOllama
) -> None:
    other.misbehave(text="far away and slow", pace=8)
    made = await added(served.client, other.url)
    conversation = await opened(served.client, model="faraway")
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(ask(served.client, conversation["id"]))
        await other.until(lambda: any(seen.frames_sent for seen in other.requests[-1:]))
        await served.client.delete(f"{BACKENDS}/{made['id']}")

    await other.until(lambda: other.stats()["connections"] == 0)
    assert asking.result().answer["content"] == "far away and slow"
    assert await names(served.client) == ["local"]


async def test_a_key_never_shows_anywhere_but_where_it_is_kept(
    tmp_path: Path, fake: FakeOllama, other: FakeOllama, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    data = tmp_path / "data"
    told: list[str] = []
    async with running_agent(data, ollama_url=fake.url, log_level="debug") as served:
        client = served.client
        about = {"provider": "openai", "key": KEY, "url": other.url}
        other.misbehave(path="/v1/models", times=1, status=401, error=f"Incorrect API key: {KEY}")
        told.append((await client.post(BACKENDS, json={"name": "no", **about})).text)
        told.append((await client.post(BACKENDS, json={"name": "N O", **about})).text)
        told.append((await client.post(BACKENDS, json={**about, "name": "a", "key": [KEY]})).text)
        made = await client.post(BACKENDS, json={"name": "cloud", **about})
        identity = made.json()["id"]
        conversation = await opened(client, model="faraway")
        await ask(client, conversation["id"])
        for status in (400, 401, 500):
            other.misbehave(path="/v1/chat/completions", status=status, error=f"{KEY} is bad")
            talk = await ask(client, conversation["id"])
            told.append(str([event.data for event in talk.events]))
        other.misbehave(status=500, error=f"about {KEY}")
        told += [
            made.text,
            (await client.post(f"{BACKENDS}/{identity}/test")).text,
            (await client.get(BACKENDS)).text,
            (await client.get("/api/v1/runtime")).text,
            (await client.get("/api/v1/health/ready")).text,
            (await client.get("/metrics")).text,
            (await client.get(f"/api/v1/conversations/{conversation['id']}/messages")).text,
            (await client.get("/api/v1/telemetry/requests")).text,
        ]

    assert made.status_code == 201
    assert [text for text in told if KEY in text] == []
    assert KEY not in caplog.text
    assert _holding(KEY, tmp_path) == ["secrets.json"]


@pytest.mark.parametrize("keyring", ["Kept", "Locked"])
async def test_a_key_in_the_keyring_is_found_again_and_a_locked_one_is_told(
    tmp_path: Path, other: FakeOllama, monkeypatch: pytest.MonkeyPatch, keyring: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "ring.json"))
    usual = os.environ["PYTHON_KEYRING_BACKEND"]
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.fakes.keyrings.kept.Kept")
    init_backend()
    async with running_agent(tmp_path / "data") as served:
        made = await added(served.client, other.url, provider="openai", key=KEY)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"tests.fakes.keyrings.kept.{keyring}")
    init_backend()
    other.requests.clear()
    try:
        async with running_agent(tmp_path / "data") as served:
            tested = body(await served.client.post(f"{BACKENDS}/{made['id']}/test"))
            removed = await served.client.delete(f"{BACKENDS}/{made['id']}")
    finally:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", usual)
        init_backend()

    assert made["key_place"] == "keyring: kept"
    assert removed.status_code == 204
    if keyring == "Kept":
        assert tested["state"] == "up"
        assert other.requests[0].headers["authorization"] == f"Bearer {KEY}"
    else:
        assert (tested["state"], tested["models"], other.requests) == ("unknown", [], [])
        assert "Unlock it" in tested["detail"]


def test_the_table_has_no_place_for_a_key(tmp_path: Path) -> None:
    migrate(tmp_path / "agent.db", now=datetime(2026, 1, 31, tzinfo=UTC))
    with closing(sqlite3.connect(tmp_path / "agent.db")) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(backend)")]

    assert [name for name in columns if "key" in name or "secret" in name] == ["key_place"]


def _text(file: Path) -> str:
    return file.read_text("utf-8")


def _holding(text: str, folder: Path) -> list[str]:
    """The files below a folder that hold a text."""
    found = [file for file in folder.rglob("*") if file.is_file()]
    return [file.name for file in found if text.encode() in file.read_bytes()]
