"""Who was passed over before a model was asked, and why: told like one that failed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from hub.ai.plainly import plain
from tests.hub.asking import (
    Asked,
    Json,
    asked_hub,
    chunks_of,
    cloud_at,
    code,
    streamed,
    text_of,
)
from tests.hub.serving import running_hub

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
HI: Json = {"messages": [{"role": "user", "content": "hi"}]}
NOWHERE = "http://127.0.0.1:9"
DEAD: Json = {"name": "dead", "kind": "ollama", "url": NOWHERE, "is_cloud": False}
OFF: Json = {**DEAD, "name": "off", "is_on": False}
LAST: Json = {"provider": "ollama", "model": "qwen3:4b"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("fallbacks")
    async with asked_hub(folder / "data", {}) as one:
        for server in (DEAD, OFF):
            assert (await one.ada.post("/providers", json=server)).status_code == 201
        yield one


@asynccontextmanager
async def route(ada: httpx.AsyncClient, *candidates: Json) -> AsyncIterator[None]:
    """Candidates behind the name team-code inside the block."""
    made = await ada.post("/routes", json={"pattern": "team-code", "candidates": list(candidates)})
    assert made.status_code == 201, made.text
    try:
        yield
    finally:
        await ada.delete(f"/routes/{made.json()['id']}")


def reason(instead_of: Json, code: str, said: str) -> Json:
    return {**LAST, "instead_of": instead_of, "code": code, "reason": said}


LONG = "What is asked, with all that was said before, is longer than m can read."
BY_DEAD = reason(
    {"provider": "dead", "model": "qwen3-coder"},
    "backend-down",
    "dead does not answer.",
)


async def test_a_server_that_was_never_up_is_told_in_every_answer(asked: Asked) -> None:
    async with route(asked.ada, {"provider": "dead", "model": "qwen3-coder"}, LAST):
        wish = {**HI, "model": "team-code"}
        events = await streamed(asked.bob, "/ai/chat", wish)
        made = await streamed(asked.bob, "/ai/generate", {"prompt": "x", "model": "team-code"})
        run = (await asked.bob.get("/runs")).json()["items"][0]
        opened = (await asked.bob.post("/conversations", json={"model": "team-code"})).json()
        path = f"/conversations/{opened['id']}/messages"
        sent = (await asked.bob.post(path, json={"content": "hi"})).json()
        await streamed(asked.bob, f"/runs/{sent['run']['id']}/events")
        kept = (await asked.bob.get(path)).json()["items"]
        at_v1 = f"{asked.hub.url}/v1/chat/completions"
        whole = await asked.bob.post(at_v1, json=wish)
        stream = await asked.bob.post(at_v1, json={**wish, "stream": True})

    result, answer = events[-1].data["result"], next(one for one in kept if one["usage"])
    assert isinstance(result, dict)
    assert [one.name for one in events[:2]] == ["backend", "started"]
    assert (events[0].data, result["fallbacks"]) == (BY_DEAD, [BY_DEAD])
    assert [one.data for one in made if one.name == "backend"] == [BY_DEAD]
    assert run["usage"]["fallbacks"] == answer["usage"]["fallbacks"] == [BY_DEAD]
    assert (whole.json()["fallbacks"], chunks_of(stream.content)[-1]["choices"][0]["index"]) == (
        [BY_DEAD],
        0,
    )
    headers = [one.headers["X-Orca-Fallbacks"] for one in (whole, stream)]
    assert list(map(json.loads, headers)) == [[BY_DEAD]] * 2


async def test_an_administrator_is_told_where_it_does_not_answer(asked: Asked) -> None:
    async with route(asked.ada, {"provider": "dead", "model": "qwen3-coder"}, LAST):
        events = await streamed(asked.ada, "/ai/chat", {**HI, "model": "team-code"})

    whole = f"Ollama does not answer at {NOWHERE}. Start it, or correct its address."
    assert events[0].data == {**BY_DEAD, "reason": whole}


@pytest.mark.parametrize(
    ("kind", "detail", "said"),
    [
        (
            "backend-rejected",
            "127.0.0.1:14711 refused the request for emb. It says: not at http://10.0.0.7:80/v1.",
            "lab refused the request for m. It says: not at lab.",
        ),
        ("model-not-found", "127.0.0.1:1 has no model called m.", "lab has no model called m."),
        ("model-not-found", "No model server has a model.", "No model server has a model."),
        (
            "context-exceeded",
            "The conversation is longer than the context of m. Shorten it or raise num_ctx.",
            f"{LONG} Shorten it, or begin anew.",
        ),
        (
            "model-load-failed",
            "Not enough memory for m. Ollama says: out of memory.",
            "lab could not load m. It says: out of memory.",
        ),
    ],
)
async def test_who_cannot_mend_a_server_hears_its_name_and_not_its_address(
    kind: str, detail: str, said: str
) -> None:
    assert plain(kind, detail, model="m", server="lab") == said


async def test_each_reason_is_told_in_the_order_of_the_route(asked: Asked) -> None:
    candidates: list[Json] = [
        {"provider": "off", "model": "a"},
        {"provider": "cloud", "model": "b"},
        {"provider": "*", "model": "c"},
        LAST,
        {"provider": "dead", "model": "d"},
    ]
    async with route(asked.ada, *candidates):
        events = await streamed(asked.bob, "/ai/chat", {**HI, "model": "team-code"})

    assert [one.data for one in events if one.name == "backend"] == [
        reason(
            {"provider": "off", "model": "a"},
            "backend-off",
            "The model server off is switched off.",
        ),
        reason(
            {"provider": "cloud", "model": "b"},
            "model-not-found",
            "cloud has no model called b.",
        ),
        reason(
            {"provider": "*", "model": "c"},
            "model-not-found",
            "No model server has a model called c.",
        ),
    ]


async def test_what_the_policy_closes_is_told_without_its_name(asked: Asked) -> None:
    rule = {"subject_kind": "everybody", "models": ["qwen3:4b"], "providers": ["ollama"]}
    await asked.ada.put("/policy", json={"rules": [rule]})
    secret: list[Json] = [{"provider": "cloud", "model": "big:70b"}, {"model": "nowhere"}]
    try:
        async with route(asked.ada, *secret, {"provider": "dead", "model": "x"}, LAST):
            at_v1 = f"{asked.hub.url}/v1/chat/completions"
            answer = await asked.bob.post(at_v1, json={**HI, "model": "team-code"})
    finally:
        await asked.ada.put("/policy", json={"rules": []})

    told = reason(
        {"provider": "", "model": "team-code"},
        "not-allowed-here",
        "What comes before it is not open to you.",
    )
    assert answer.json()["fallbacks"] == [told]
    assert not any(name in answer.text for name in ("big", "cloud", "dead", "nowhere"))


async def test_an_answer_of_the_first_says_nothing_of_others(asked: Asked) -> None:
    async with route(asked.ada, LAST, {"provider": "dead", "model": "x"}):
        at_v1 = f"{asked.hub.url}/v1/chat/completions"
        answer = await asked.bob.post(at_v1, json={**HI, "model": "team-code"})

    assert answer.status_code == 200
    assert ("fallbacks" in answer.json(), "X-Orca-Fallbacks" in answer.headers) == (False, False)


async def test_what_names_no_model_stays_on_the_premises_where_it_can(asked: Asked) -> None:
    eager = {**cloud_at(asked.far), "name": "eager", "priority": 1}
    added = await asked.ada.post("/providers", json=eager)
    at = f"/providers/{added.json()['id']}"
    try:
        unnamed = await streamed(asked.bob, "/ai/chat", HI)
        named = await streamed(asked.bob, "/ai/chat", {**HI, "model": "qwen3:4b"})
        alike = await asked.ada.patch(at, json={"priority": 100})
        named_alike = await streamed(asked.bob, "/ai/chat", {**HI, "model": "qwen3:4b"})
        asked.near.misbehave(path="/api/chat", status=500, error="broken")
        fallback = await streamed(asked.bob, "/ai/chat", HI)
    finally:
        asked.near.behave_well()
        await asked.ada.delete(at)

    assert (added.status_code, alike.status_code) == (201, 200)
    answers = [
        next(one.data["backend"] for one in events if one.name == "started")
        for events in (unnamed, named, named_alike)
    ]
    assert answers == ["ollama", "eager", "ollama"]
    assert [one.data["provider"] for one in fallback if one.name == "backend"] == ["eager"]


async def test_what_was_written_until_a_run_is_stopped_is_counted(asked: Asked) -> None:
    before = (await asked.bob.get("/usage")).json()["total"]["answer_tokens"]
    asked.near.misbehave(path="/api/chat", stall_after=3, times=1)
    wish = {**HI, "model": "qwen3:4b"}
    run_id = (await asked.bob.post("/ai/chat", json=wish)).json()["run_id"]
    following = asyncio.ensure_future(streamed(asked.bob, f"/runs/{run_id}/events"))
    await asked.near.sent(3, path="/api/chat")
    await asked.bob.post(f"/runs/{run_id}/cancel")
    events = await following
    asked.near.behave_well()
    run = (await asked.bob.get(f"/runs/{run_id}")).json()
    after = (await asked.bob.get("/usage")).json()["total"]["answer_tokens"]

    written = sum(1 for one in events if one.name == "token")
    usage = run["usage"]
    assert events[-1].data["usage"] == usage
    assert (usage["completion_tokens"], usage["is_estimate"], after - before) == (
        written,
        True,
        written,
    )


async def test_a_server_that_does_not_stop_is_stopped_at_the_bound(asked: Asked) -> None:
    word: Json = {"message": {"role": "assistant", "content": "word "}, "done": False}
    asked.near.misbehave(path="/api/chat", script=[(0, word)] * 50, times=1)
    wish = {**HI, "model": "qwen3:4b", "options": {"num_predict": 7}}
    events = await streamed(asked.bob, "/ai/chat", wish)
    asked.near.behave_well()

    result, usage = events[-1].data["result"], events[-1].data["usage"]
    assert isinstance(result, dict)
    assert isinstance(usage, dict)
    assert (events[-1].name, result["finish_reason"]) == ("done", "length")
    assert (text_of(events), usage["completion_tokens"]) == ("word " * 7, 7)


async def test_a_route_takes_no_server_that_there_is_not(asked: Asked) -> None:
    wrong = {"pattern": "typo", "candidates": [LAST, {"provider": "labb", "model": "x"}]}
    right = {"pattern": "typo", "candidates": [LAST]}

    added = await asked.ada.post("/routes", json=wrong)
    made = (await asked.ada.post("/routes", json=right)).json()
    path = f"/routes/{made['id']}"
    changed = await asked.ada.patch(path, json={"candidates": wrong["candidates"]})
    bare = (await asked.ada.patch(path, json={"candidates": [{}]})).json()
    await asked.ada.delete(path)

    said = "There is no model server called labb. There are: cloud, dead, off, ollama."
    assert [code(one) for one in (added, changed)] == [(422, "unknown-provider")] * 2
    assert added.json()["errors"] == [{"field": "candidates.1.provider", "detail": said}]
    assert made["candidates"] == [{**LAST, "is_missing": False}]
    assert bare["candidates"] == [{"provider": "*", "model": "*", "is_missing": False}]


async def test_a_name_stands_for_one_route(asked: Asked) -> None:
    first, second = [
        (await asked.ada.post("/routes", json={"pattern": name, "candidates": [LAST]})).json()
        for name in ("fast", "slow")
    ]
    again = await asked.ada.post("/routes", json={"pattern": "FAST", "candidates": [LAST]})
    renamed = await asked.ada.patch(f"/routes/{second['id']}", json={"pattern": "fast"})
    same = await asked.ada.patch(f"/routes/{first['id']}", json={"pattern": "fast"})
    for one in (first, second):
        await asked.ada.delete(f"/routes/{one['id']}")

    assert [code(one) for one in (again, renamed)] == [(409, "route-taken")] * 2
    assert same.status_code == 200


async def test_a_server_that_a_route_names_stays_until_it_is_taken_out(asked: Asked) -> None:
    servers = (await asked.ada.get("/providers")).json()["items"]
    path = f"/providers/{next(one['id'] for one in servers if one['name'] == 'dead')}"
    async with route(asked.ada, {"provider": "dead", "model": "x"}, LAST):
        removed = await asked.ada.delete(path)
        renamed = await asked.ada.patch(path, json={"name": "alive"})
        dearer = await asked.ada.patch(path, json={"priority": 300})
    free = [await asked.ada.patch(path, json={"name": name}) for name in ("alive", "dead")]

    assert [code(one) for one in (removed, renamed)] == [(409, "provider-in-use")] * 2
    assert removed.json()["routes"] == ["team-code"]
    assert [one.status_code for one in (dearer, *free)] == [200] * 3


async def test_a_server_that_the_environment_names_no_more_is_told_as_missing(
    asked: Asked, tmp_path: Path
) -> None:
    servers = '[[providers]]\nname = "{}"\nkind = "ollama"\nurl = "' + asked.near.url + '"\n'
    file = tmp_path / "providers.toml"
    given = {"ORCA_HUB_PROVIDERS_FILE": str(file)}
    candidates: list[Json] = [{"provider": "lab", "model": "x"}, {"provider": "*", "model": "y"}]
    file.write_text(servers.format("lab"))
    async with asked_hub(tmp_path / "data", given) as one:
        await one.ada.post("/routes", json={"pattern": "team", "candidates": candidates})
    file.write_text(servers.format("other"))
    async with running_hub(tmp_path / "data", environment=given) as served:
        ada = await served.signed_in("ada")
        listed = (await ada.get("/routes")).json()["items"]
        patched = await ada.patch(f"/routes/{listed[0]['id']}", json={"note": "mend it"})

    assert [one["is_missing"] for one in listed[0]["candidates"]] == [True, False]
    assert patched.status_code == 200
