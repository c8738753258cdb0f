"""An answer in a conversation is noted: what it took, how it ended, and no word of it."""

from io import StringIO
from pathlib import Path

import pytest

from agent.shared.logs import logging_to
from tests.agent.talking import MODEL, Json, ask, body, every, opened, post
from tests.agent.test_telemetry_service import holding
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent
from tests.sse import follow

CANARY = "canary-of-the-prompt"
ANSWER = "canary-of-the-answer"


async def noted(served: Served) -> list[Json]:
    """The requests, latest first."""
    return await every(served.client, "/api/v1/telemetry/requests")


async def test_an_answer_is_noted_with_what_it_took(served: Served) -> None:
    conversation = await opened(served.client, model=MODEL)

    cold = await ask(served.client, conversation["id"])
    warm = await ask(served.client, conversation["id"], "And at 230 degrees?")

    first, second = reversed(await noted(served))
    named = ("id", "kind", "outcome", "model", "backend", "provider", "was_cold", "code")
    assert [[one[name] for name in named] for one in (first, second)] == [
        [talk.run["id"], "chat", "done", MODEL, "local", "ollama", is_cold, ""]
        for talk, is_cold in ((cold, True), (warm, False))
    ]
    usage = cold.last["usage"]
    assert (first["prompt_tokens"], first["completion_tokens"]) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert 0 < first["first_token_ms"] <= first["total_ms"]
    assert 0 <= first["queued_ms"] < first["total_ms"]
    (of_model,) = body(await served.client.get("/api/v1/telemetry/performance"))["items"]
    assert (of_model["model"], of_model["requests"], of_model["cold"]) == (MODEL, 2, 1)


async def test_what_stopped_an_answer_is_noted(served: Served, fake: FakeOllama) -> None:
    conversation = await opened(served.client, model=MODEL)
    fake.misbehave(path="/api/chat", text="word " * 500, pace=100)
    run = body(await post(served.client, conversation["id"]), 202)["run"]
    await served.client.post(f"/api/v1/runs/{run['id']}/cancel")
    fake.behave_well()
    fake.misbehave(path="/api/chat", status=500)
    failed = await ask(served.client, conversation["id"], "Once more?")

    latest, first = await noted(served)
    assert (first["outcome"], first["code"]) == ("cancelled", "")
    assert latest["outcome"] == "failed"
    assert failed.last["problem"]["type"] == f"urn:orca:problem:{latest['code']}"


async def test_an_answer_that_the_end_of_the_agent_cuts_off_was_interrupted(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 500, pace=100)
    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        conversation = await opened(served.client, model=MODEL)
        await post(served.client, conversation["id"])

    async with running_agent(tmp_path / "data") as served:
        (one,) = await noted(served)
    assert (one["outcome"], one["model"]) == ("interrupted", MODEL)


async def test_neither_question_nor_answer_is_in_log_or_metrics(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=ANSWER)
    with logging_to(tmp_path / "logs", "debug", terminal=StringIO()):
        async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
            await served.agent.backend.until(lambda state: state.is_up)
            conversation = await opened(served.client, model=MODEL)
            run = body(await post(served.client, conversation["id"], CANARY), 202)["run"]
            await follow(served.client, run["id"])
            told = [
                (await served.client.get(path)).text
                for path in (
                    "/metrics",
                    *(f"/api/v1/telemetry/{of}" for of in ("requests", "projects", "performance")),
                )
            ]

    log = (tmp_path / "logs" / "agent.log").read_text("utf-8")
    assert run["id"] in log
    assert [text for text in (*told, log) if CANARY in text or ANSWER in text] == []
    assert {file.suffix for file in holding(tmp_path, CANARY)} == {".db"}  # the conversation itself


@pytest.mark.parametrize("path", ["requests", "projects", "performance"])
async def test_a_fresh_agent_has_nothing_to_tell(served: Served, path: str) -> None:
    assert body(await served.client.get(f"/api/v1/telemetry/{path}"))["items"] == []
