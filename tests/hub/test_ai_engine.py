"""A real engine behind the hub: llama.cpp's server as a provider."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from agent.inference.openai import OpenAI
from agent.inference.rules import ChatRequest, Finish, Message
from hub.identity.service import NewAccount
from tests.hub.asking import Json, streamed, text_of
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.together.test_real_engine import engine, idle

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120, method=METHOD)]
SAID: Json = {"messages": [{"role": "user", "content": "Why does PETG string?"}]}
__all__ = ["engine"]  # the fixture


@pytest.fixture
async def hub(engine: str, tmp_path: Path) -> AsyncIterator[Served]:
    environment = {"ORCA_HUB_OPENAI_URL": engine, "ORCA_HUB_DEFAULT_MODEL": "tiny"}
    async with running_hub(tmp_path / "data", environment=environment) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        yield served


async def test_the_engine_answers_the_team_by_runs_and_as_openai_does(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    wish = {**SAID, "options": {"num_predict": 60, "seed": 3}}
    events = await streamed(ada, "/ai/chat", wish)
    asked = {**SAID, "model": "tiny", "max_tokens": 60, "seed": 3, "temperature": 0.8}
    whole = (await ada.post(f"{hub.url}/v1/chat/completions", json=asked, timeout=60)).json()
    tested = await ada.post("/providers/environment-openai/test")
    measured = (await ada.get("/ai/models")).json()["items"][0]

    usage = events[-1].data["usage"]
    assert isinstance(usage, dict)
    assert (events[-1].name, usage["completion_tokens"], text_of(events) != "") == (
        "done",
        60,
        True,
    )
    assert (whole["usage"]["completion_tokens"], whole["choices"][0]["finish_reason"]) == (
        60,
        "length",
    )
    assert (tested.json()["is_up"], tested.json()["models"]) == (True, ["tiny"])
    assert (measured["is_cloud"], measured["tokens_per_second"] > 0) == (False, True)


async def test_stopping_a_run_stops_the_engine(hub: Served, engine: str) -> None:
    ada = await hub.signed_in("ada")
    before = await idle(engine)
    wish = {**SAID, "options": {"num_predict": 1900}}
    run_id = (await ada.post("/ai/chat", json=wish)).json()["run_id"]
    async with asyncio.timeout(60):
        async with ada.stream("GET", f"/runs/{run_id}/events") as answer:
            async for part in answer.aiter_bytes():
                if b"event: token" in part:
                    break
    stopped = (await ada.post(f"/runs/{run_id}/cancel")).json()

    after = await idle(engine)
    made = after["tokens_predicted_total"] - before["tokens_predicted_total"]
    assert (stopped["state"], made < 1900 / 2) == ("cancelled", True)


async def test_an_agents_client_speaks_to_the_hub_as_to_any_server(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    key = (await ada.post("/keys", json={"name": "agent", "scopes": ["ai"]})).json()["key"]
    request = ChatRequest("tiny", (Message("user", "hi"),), {"num_ctx": 2048, "num_predict": 20})
    async with OpenAI(f"{hub.url}/v1", key=key) as agent:
        models = await agent.tags()
        async with aclosing(agent.chat(request)) as stream:
            batches = [batch async for batch in stream]

    finish = batches[-1][-1]
    assert [(one.name, one.is_remote) for one in models] == [("tiny", False)]
    assert isinstance(finish, Finish)
    assert (finish.reason, finish.usage.completion_tokens) == ("length", 20)
