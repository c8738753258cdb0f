"""Asking the team's models by runs: streams, fallback, policy, and whose a run is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.hub.asking import Asked, Json, asked_hub, code, streamed, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
HI: Json = {"messages": [{"role": "user", "content": "hi"}]}
EVERYBODY: Json = {"subject_kind": "everybody"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("ai")
    async with asked_hub(folder / "data", environment) as one:
        yield one


@asynccontextmanager
async def policy(ada: httpx.AsyncClient, *rules: Json) -> AsyncIterator[None]:
    """Holds inside the block."""
    assert (await ada.put("/policy", json={"rules": list(rules)})).status_code == 200
    try:
        yield
    finally:
        await ada.put("/policy", json={"rules": []})


@asynccontextmanager
async def route(ada: httpx.AsyncClient, **body: object) -> AsyncIterator[str]:
    """Is there inside the block."""
    made = await ada.post("/routes", json=body)
    assert made.status_code == 201, made.text
    try:
        yield made.json()["id"]
    finally:
        await ada.delete(f"/routes/{made.json()['id']}")


async def ended(client: httpx.AsyncClient, run_id: str) -> None:
    """It is at its end: what the next test does to the servers is nothing to it."""
    await streamed(client, f"/runs/{run_id}/events")


async def test_code_is_generated_on_the_premises_with_its_own_room(asked: Asked) -> None:
    begun = await asked.bob.post("/ai/generate", json={"prompt": "a box", "language": "OpenSCAD"})
    run_id = begun.json()["run_id"]
    events = await streamed(asked.bob, f"/runs/{run_id}/events")
    rest = await streamed(asked.bob, f"/runs/{run_id}/events", behind=3)
    run = (await asked.bob.get(f"/runs/{run_id}")).json()

    sent = asked.near.requests[-1]
    assert begun.status_code == 202
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert (events[0].name, events[-1].name) == ("started", "done")
    assert rest == events[3:]
    assert events[-1].data["result"]["content"] == text_of(events)  # type: ignore[index] # JSON
    assert sent.body["options"] == {"num_ctx": 64_000, "num_predict": 60_000}
    assert sent.headers["x-request-id"] == begun.headers["X-Request-ID"]
    assert (run["state"], run["model"], run["provider"], run["last_seq"]) == (
        "done",
        "qwen3-coder:30b",
        "ollama",
        len(events),
    )
    assert run["usage"]["completion_tokens"] > 0


async def test_what_cannot_hold_is_cut_to_what_fits_and_told(asked: Asked) -> None:
    long = "word " * 20_000
    wish = {"prompt": long, "model": "qwen3-coder:30b", "options": {"num_predict": 60_000}}

    events = await streamed(asked.bob, "/ai/generate", wish)

    used = asked.near.requests[-1].body["options"]
    assert used["num_ctx"] == 64_000
    assert 0 < used["num_predict"] < 60_000
    assert events[0].data["clamped"] == {
        "num_predict": {"asked": 60_000, "used": used["num_predict"]}
    }


async def test_another_server_answers_where_one_fails_and_the_reason_is_shown(
    asked: Asked,
) -> None:
    asked.near.misbehave(path="/api/chat", status=500, error="out of memory")
    try:
        events = await streamed(asked.bob, "/ai/chat", {**HI, "model": "qwen3:4b"})
    finally:
        asked.near.behave_well()

    told = next(one.data for one in events if one.name == "backend")
    assert (told["provider"], told["instead_of"]) == (
        "cloud",
        {"provider": "ollama", "model": "qwen3:4b"},
    )
    assert "out of memory" in str(told["reason"])
    result = events[-1].data["result"]
    assert isinstance(result, dict)
    assert (events[-1].name, result["backend"], result["fallbacks"]) == ("done", "cloud", [told])


async def test_a_server_that_is_down_is_named_as_the_reason_each_time(asked: Asked) -> None:
    near = (await asked.ada.get("/providers")).json()["items"][0]
    port = asked.near.port
    await asked.near.stop()
    try:
        wish = {**HI, "model": "qwen3:4b"}
        told = [await streamed(asked.bob, "/ai/chat", wish) for _ in range(2)]
        items = (await asked.bob.get("/ai/models")).json()["items"]
        alone = await streamed(asked.bob, "/ai/chat", {**HI, "model": "qwen3-coder:30b"})
    finally:
        await asked.near.start(port)
        again = await asked.ada.post(f"/providers/{near['id']}/test")

    reasons = [str(e.data["reason"]) for events in told for e in events if e.name == "backend"]
    assert reasons == ["ollama does not answer."] * 2
    assert [events[-1].name for events in told] == ["done", "done"]
    assert ({one["provider"] for one in items}, alone[-1].name) == ({"cloud"}, "error")
    assert again.json()["is_up"]


async def test_what_nobody_can_answer_ends_with_the_last_reason(asked: Asked) -> None:
    for fake in (asked.near, asked.far):
        fake.misbehave(status=500, error="broken", path=None, model="qwen3:4b")
    try:
        events = await streamed(asked.bob, "/ai/chat", {**HI, "model": "qwen3:4b"})
    finally:
        asked.near.behave_well()
        asked.far.behave_well()

    problem = events[-1].data["problem"]
    assert isinstance(problem, dict)
    assert (events[-1].name, problem["status"]) == ("error", 503)


async def test_a_run_is_stopped_at_once_and_keeps_its_text(asked: Asked) -> None:
    asked.near.misbehave(path="/api/chat", stall_after=3, times=1)
    run_id = (await asked.bob.post("/ai/chat", json={**HI, "model": "qwen3:4b"})).json()["run_id"]
    following = asyncio.ensure_future(streamed(asked.bob, f"/runs/{run_id}/events"))
    await asked.near.sent(3, path="/api/chat")

    stopped = await asked.bob.post(f"/runs/{run_id}/cancel")
    again = await asked.bob.post(f"/runs/{run_id}/cancel")
    events = await following
    asked.near.behave_well()

    await asked.near.client_left()
    assert (stopped.json()["state"], again.json()) == ("cancelled", stopped.json())
    assert events[-1].name == "cancelled"
    result = events[-1].data["result"]
    assert isinstance(result, dict)
    assert result["content"] == text_of(events) != ""


async def test_a_run_is_its_owners_and_an_administrators(asked: Asked) -> None:
    run_id = (await asked.ada.post("/ai/chat", json=HI)).json()["run_id"]
    mine = (await asked.bob.post("/ai/chat", json=HI)).json()["run_id"]
    await ended(asked.ada, run_id)
    await ended(asked.bob, mine)
    calls = (("GET", ""), ("GET", "/events"), ("POST", "/cancel"))

    refused = [
        code(await asked.bob.request(method, f"/runs/{run_id}{end}")) for method, end in calls
    ]
    seen = (await asked.ada.get(f"/runs/{mine}")).json()
    listed = (await asked.bob.get("/runs", params={"limit": 200})).json()["items"]
    everybody = (await asked.ada.get("/runs", params={"all": "true"})).json()["items"]
    for_all = await asked.bob.get("/runs", params={"all": "true"})

    assert refused == [(404, "no-such-run")] * 3
    assert seen["id"] == mine
    assert run_id not in {one["id"] for one in listed}
    assert {run_id, mine} <= {one["id"] for one in everybody}
    assert code(for_all) == (403, "administrators-only")


async def test_the_same_key_is_the_same_run_for_the_same_person_alone(asked: Asked) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = await asyncio.gather(
        *(asked.bob.post("/ai/chat", json=HI, headers=key) for _ in range(2))
    )
    other = await asked.bob.post("/ai/generate", json={"prompt": "x"}, headers=key)
    someone = await asked.ada.post("/ai/chat", json=HI, headers=key)
    await ended(asked.bob, first.json()["run_id"])
    await ended(asked.ada, someone.json()["run_id"])

    assert (first.status_code, again.json()["run_id"]) == (202, first.json()["run_id"])
    assert code(other) == (409, "idempotency-key-reused")
    assert someone.json()["run_id"] != first.json()["run_id"]


async def test_text_does_not_leave_where_the_policy_says_so(asked: Asked) -> None:
    before = len(asked.far.requests)
    asked.near.misbehave(path="/api/chat", status=500, error="broken")
    try:
        async with policy(asked.ada, {**EVERYBODY, "cloud": False}):
            named = await asked.bob.post("/ai/chat", json={**HI, "model": "big:70b"})
            fallback = await streamed(asked.bob, "/ai/chat", {**HI, "model": "qwen3:4b"})
            models = (await asked.bob.get("/ai/models")).json()["items"]
            mine = (await asked.bob.get("/policy/me")).json()
            spoken = await asked.bob.post(
                f"{asked.hub.url}/v1/chat/completions", json={**HI, "model": "big:70b"}
            )
            shown = await asked.bob.get(f"{asked.hub.url}/v1/models/big:70b")
    finally:
        asked.near.behave_well()

    asks = [one for one in asked.far.requests[before:] if one.method == "POST"]
    assert code(named) == (403, "not-allowed-here")
    assert (fallback[-1].name, asks) == ("error", [])
    assert {one["provider"] for one in models} == {"ollama"}
    assert (mine["cloud"], mine["models"]) == (False, ["*"])
    assert (spoken.status_code, spoken.json()["error"]["code"]) == (403, "not_allowed_here")
    assert shown.status_code == 403


async def test_a_group_may_use_what_its_rule_says(asked: Asked) -> None:
    group = (await asked.ada.post("/groups", json={"name": "makers"})).json()
    people = (await asked.ada.get("/users", params={"q": "bob"})).json()["items"]
    await asked.ada.put(f"/groups/{group['id']}/members/{people[0]['id']}")
    makers = {"subject_kind": "group", "subject": "makers", "models": ["qwen3-coder*"]}
    try:
        async with policy(asked.ada, {**EVERYBODY, "models": []}, makers):
            his = (await asked.bob.get("/ai/models")).json()
            hers = await asked.ada.post("/ai/chat", json=HI)
            other = await asked.bob.post("/ai/chat", json={**HI, "model": "qwen3:4b"})
    finally:
        await asked.ada.delete(f"/groups/{group['id']}")

    assert ([one["name"] for one in his["items"]], his["default_model"]) == (
        ["qwen3-coder:30b"],
        "qwen3-coder:30b",
    )
    assert [code(hers), code(other)] == [(403, "not-allowed-here")] * 2


async def test_a_route_gives_models_a_name_of_the_teams_own(asked: Asked) -> None:
    candidates = [{"provider": "cloud", "model": "big:70b"}, {"model": "qwen3:4b"}]
    async with route(asked.ada, pattern="team", candidates=candidates, by="place") as route_id:
        events = await streamed(asked.bob, "/ai/chat", {**HI, "model": "team"})
        changed = await asked.ada.patch(f"/routes/{route_id}", json={"by": "order"})
        after = await streamed(asked.bob, "/ai/chat", {**HI, "model": "team"})
        known = (await asked.bob.get("/ai/models")).json()["routes"]
    gone = await asked.bob.post("/ai/chat", json={**HI, "model": "team"})

    assert (events[0].data["model"], events[0].data["backend"]) == ("qwen3:4b", "ollama")
    assert (changed.json()["by"], after[0].data["model"]) == ("order", "big:70b")
    assert known == [{"name": "team", "model": "big:70b", "is_cloud": True}]
    assert code(gone) == (404, "model-not-found")


async def test_a_route_of_many_names_opens_no_model_that_the_policy_closes(asked: Asked) -> None:
    """Whoever asks chooses the name."""
    small = {**EVERYBODY, "models": ["qwen*", "team"]}
    candidates = [{"provider": "cloud", "model": "big:70b"}]
    async with (
        policy(asked.ada, small),
        route(asked.ada, pattern="team", candidates=candidates),
        route(asked.ada, pattern="*", candidates=candidates),
    ):
        by_its_name = await asked.bob.post("/ai/chat", json={**HI, "model": "team"})
        await ended(asked.bob, by_its_name.json()["run_id"])
        refused = await asked.bob.post("/ai/chat", json={**HI, "model": "qwen-or-so"})

    assert by_its_name.status_code == 202
    assert code(refused) == (403, "not-allowed-here")


async def test_another_model_answers_under_its_own_quota_and_price(asked: Asked) -> None:
    candidates = [{"model": "qwen3-coder:30b"}, {"provider": "cloud", "model": "big:70b"}]
    quota = {"subject_kind": "model", "subject": "big:70b", "period": "month", "requests": 1}
    made = (await asked.ada.post("/quotas", json=quota)).json()
    price = {"prompt_micros_per_million": 1_000_000, "answer_micros_per_million": 1_000_000}
    cost = (await asked.ada.post("/costs", json={"model": "big:70b", **price})).json()
    asked.near.misbehave(path="/api/chat", status=500, error="out of memory")
    try:
        async with route(asked.ada, pattern="dear", candidates=candidates):
            first, second = [
                await streamed(asked.bob, "/ai/chat", {**HI, "model": "dear"}) for _ in range(2)
            ]
        used = (await asked.bob.get("/usage", params={"by": "model"})).json()["items"]
    finally:
        asked.near.behave_well()
        await asked.ada.delete(f"/quotas/{made['id']}")
        await asked.ada.delete(f"/costs/{cost['id']}")

    big = next(one for one in used if one["key"] == "big:70b")
    problem = second[-1].data["problem"]
    assert isinstance(problem, dict)
    assert (first[-1].name, second[-1].name) == ("done", "error")
    assert problem["type"].endswith("quota-exceeded")
    assert big["cost_micros"] > 0


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/ai/chat", {"messages": []}, (422, "invalid-fields")),
        ("/ai/chat", {**HI, "role": "administrator"}, (422, "invalid-fields")),
        ("/ai/chat", {**HI, "options": {"num_ctx": "large"}}, (422, "invalid-options")),
        ("/ai/chat", {**HI, "model": "../etc"}, (404, "model-not-found")),
        ("/ai/generate", {"prompt": ""}, (422, "invalid-fields")),
        (
            "/ai/chat",
            {"messages": [{"role": "user", "content": "x", "images": ["a" * 64]}]},
            (422, "no-such-ability"),
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_kept(
    asked: Asked, path: str, body: Json, expected: tuple[int, str]
) -> None:
    before = [one["id"] for one in (await asked.bob.get("/runs")).json()["items"]]

    answer = await asked.bob.post(path, json=body)

    after = [one["id"] for one in (await asked.bob.get("/runs")).json()["items"]]
    assert (code(answer), after) == (expected, before)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/ai/chat", b"{", 400),
        ("POST", "/ai/chat", b"[" * 100_000, 400),
        ("POST", "/ai/chat", b'{"messages":[{"role":"user","content":"\\ud800"}]}', 400),
        ("POST", "/ai/generate", b'{"prompt":"' + b"x" * (49 << 20) + b'"}', 413),
        ("POST", "/ai/generate", b'{"prompt":"x","model":"a\\u0000b"}', 404),
        ("GET", "/runs/%00", None, 404),  # 422 where the database holds no such text
        ("GET", "/runs/' OR 1=1 --", None, 404),
        ("GET", "/runs/%E2%80%A8/events", None, 404),
        ("GET", "/runs?state=all", None, 422),
        ("GET", "/runs?limit=1000000", None, 422),
        ("GET", "/runs?cursor=%00", None, 400),
    ],
)
async def test_broken_and_hostile_requests_break_nothing(
    asked: Asked, method: str, path: str, body: bytes | None, status: int
) -> None:
    headers = {"Content-Type": "application/json"}

    answer = await asked.bob.request(method, path, content=body, headers=headers)

    expected = {status, 422} if "%00" in path else {status}
    assert answer.status_code in expected, answer.text[:300]


async def test_a_reader_who_names_no_event_is_refused(asked: Asked) -> None:
    run_id = (await asked.bob.post("/ai/chat", json=HI)).json()["run_id"]
    await ended(asked.bob, run_id)

    answer = await asked.bob.get(f"/runs/{run_id}/events", headers={"Last-Event-ID": "1; DROP"})

    assert code(answer) == (400, "bad-last-event-id")
