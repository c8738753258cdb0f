"""Conversations on two replicas of one database: one of them asks, the other shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.hub.asking import Asked, asked_hub, code, streamed, text_of
from tests.hub.serving import running_hub
from tests.hub.test_conversations_asked import opened, tree

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


@asynccontextmanager
async def two_replicas(
    folder: Path, shared: dict[str, str]
) -> AsyncIterator[tuple[Asked, httpx.AsyncClient]]:
    """The first, and bob's browser at the second."""
    async with asked_hub(folder / "one", shared) as first:
        environment = {**shared, "ORCA_HUB_OLLAMA_URLS": first.near.url}
        async with running_hub(folder / "two", environment=environment) as second:
            yield first, await second.signed_in("bob")


async def test_what_one_replica_asks_the_other_shows_while_it_grows(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with two_replicas(tmp_path, shared) as (first, elsewhere):
        one = await opened(first.bob)
        first.near.misbehave(path="/api/chat", text="An answer in several words.", pace=20)
        body = {"content": "Who hears it?"}
        begun = (await first.bob.post(f"/conversations/{one}/messages", json=body)).json()
        events = await streamed(elsewhere, f"/runs/{begun['run']['id']}/events")
        again = await elsewhere.post(f"/conversations/{one}/messages", json={"content": "And?"})
        shown = await tree(elsewhere, one)

    assert (events[-1].name, text_of(events)) == ("done", "An answer in several words.")
    assert [one["content"] for one in shown[:2]] == ["Who hears it?", text_of(events)]
    assert again.status_code == 202


async def test_of_twenty_questions_at_one_moment_each_is_kept_once_or_refused(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with two_replicas(tmp_path, shared) as (first, elsewhere):
        one = await opened(first.bob)
        path, before = (
            f"/conversations/{one}/messages",
            await first.bob.get(f"/conversations/{one}"),
        )
        await streamed(first.bob, path, {"content": "First?"})
        leaf = (await tree(first.bob, one))[-1]["id"]
        answers = await asyncio.gather(
            *(
                (first.bob, elsewhere)[number % 2].post(
                    path,
                    json={"content": f"Question {number}", "parent_id": leaf},
                    headers={"Idempotency-Key": f"key {number // 2}"},
                )
                for number in range(20)
            )
        )
        kept = [one for one in answers if one.status_code == 202]
        for answer in kept:
            await streamed(elsewhere, f"/runs/{answer.json()['run']['id']}/events")
        messages = await tree(elsewhere, one)
        now = (await first.bob.get(f"/conversations/{one}")).json()

    refused = {code(one) for one in answers if one.status_code != 202}
    assert refused == {(409, "idempotency-key-reused")}
    assert len(kept) == 10
    assert len(messages) == now["message_count"] == 2 + 2 * len(kept)
    assert {one["status"] for one in messages} == {"complete"}
    places = [one["rev"] for one in messages]
    assert len(set(places)) == len(places)
    assert now["rev"] >= max(places) > before.json()["rev"]


async def test_a_replica_that_dies_leaves_the_answer_as_far_as_it_came(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with asked_hub(tmp_path / "one", shared) as first:
        one = await opened(first.bob)
        first.near.misbehave(path="/api/chat", stall_after=3, times=1)
        await first.bob.post(f"/conversations/{one}/messages", json={"content": "Cut off?"})
        await first.near.sent(3, path="/api/chat")
    async with running_hub(tmp_path / "two", environment=shared) as second:
        bob = await second.signed_in("bob")
        messages = await tree(bob, one)

    assert [one["status"] for one in messages] == ["complete", "interrupted"]
    assert messages[1]["content"] != ""
