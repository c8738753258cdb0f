"""What was used: counted as it happens, shown to its owner, and to Administrators by everything."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.access import Principal
from hub.identity.service import NewAccount
from hub.limits.opening import books_of
from hub.limits.quotas import Quotas
from hub.limits.rules import Used
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

Json = dict[str, Any]  # Any: JSON
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)]


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return {"ORCA_HUB_DATABASE_URL": request.getfixturevalue("server").new_database()}


async def test_usage_is_shown_by_day_model_person_provider_and_group(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        ada, bob = [await _person(served, name) for name in ("ada", "bob")]
        browser = await served.signed_in("ada")
        price = {"prompt_micros_per_million": 10**6, "answer_micros_per_million": 0}
        await browser.post("/costs", json={"model": "big", "provider": "cloud", **price})
        group = (await browser.post("/groups", json={"name": "cad"})).json()
        await browser.put(f"/groups/{group['id']}/members/{bob.account_id}")
        await _use(served, bob, "big", "cloud", 7)
        await _use(served, bob, "small", "gpu", 2)
        clock.passes(days=1)
        await _use(served, ada, "big", "gpu", 1)
        browser = await served.signed_in("ada")  # the session has ended meanwhile
        seen = {by: await _shown(browser, by=by) for by in
                ("day", "model", "user", "provider", "group")}  # fmt: skip
        bobs = await served.signed_in("bob")
        own, foreign = await _shown(bobs, by="model"), await bobs.get("/usage?by=user")
        other = await bobs.get("/usage", params={"user": ada.account_id})
        one_day = await _shown(browser, **{"from": "2026-02-01", "to": "2026-02-01"})
        of_bob = await _shown(browser, by="model", user=bob.account_id, model="small")

    assert seen == {
        "day": [("2026-01-31", 2, 9, 7), ("2026-02-01", 1, 1, 0)],
        "model": [("big", 2, 8, 7), ("small", 1, 2, 0)],
        "user": [("bob", 2, 9, 7), ("ada", 1, 1, 0)],
        "provider": [("cloud", 1, 7, 7), ("gpu", 2, 3, 0)],
        "group": [("cad", 2, 9, 7)],
    }
    assert own == [("big", 1, 7, 7), ("small", 1, 2, 0)]
    assert [one.status_code for one in (foreign, other)] == [403, 403]
    assert (one_day, of_bob) == ([("2026-02-01", 1, 1, 0)], [("small", 1, 2, 0)])


@pytest.mark.parametrize(
    "asked",
    [
        {"by": "weather"},
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "soon"},
        {"model": "x" * 201},
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_shown_is_refused(hub: Served, asked: dict[str, str]) -> None:
    answer = await (await hub.signed_in("ada")).get("/usage", params=asked)

    assert answer.status_code == 422


async def _shown(browser: httpx.AsyncClient, **asked: str) -> list[tuple[str, int, int, int]]:
    items = (await browser.get("/usage", params=asked)).json()["items"]
    names = ("label", "requests", "prompt_tokens", "cost_micros")
    return [tuple(one[name] for name in names) for one in items]


async def _use(served: Served, who: Principal, model: str, provider: str, tokens: int) -> None:
    core = served.hub.core
    quotas = Quotas(core.database, books_of(core), core.clock, core.new_id)
    taken = await quotas.reserve(who, model, prompt_tokens=tokens, answer_tokens=0)
    await quotas.settle(taken, Used(tokens, 0, 0.1, provider))


async def _person(served: Served, name: str) -> Principal:
    role = "administrator" if name == "ada" else "user"
    row = await served.hub.local.add(NewAccount(name, PASSWORD, role))  # type: ignore[arg-type] # one of both
    return Principal(row["id"], name, role, "session", "s")  # type: ignore[arg-type] # as above
