"""Tokens of programs: what they open, how they are renewed, and how they end."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.identity.revocations import Revocations
from hub.machines.opening import open_tokens
from hub.machines.rules import Pair
from hub.machines.tokens import TokenService
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.serving import http

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def tokens_of(served: Served) -> TokenService:
    """Another replica's, as it were: the database is the same, nothing else."""
    core = served.hub.core
    return open_tokens(core, Revocations(core.clock, core.redis))


async def pair_of(served: Served, name: str) -> Pair:
    account = await served.hub.users.named(name)
    return await tokens_of(served).issue(account)


async def me(served: Served, token: str) -> httpx.Response:
    return await served.stranger.get("/users/me", headers={"Authorization": f"Bearer {token}"})


async def refreshed(served: Served, token: str) -> httpx.Response:
    return await served.stranger.post("/auth/refresh", json={"refresh_token": token})


async def test_a_token_is_who_it_was_issued_to_and_is_renewed_once(hub: Served) -> None:
    first = await pair_of(hub, "bob")
    second = (await refreshed(hub, first.refresh_token)).json()
    answers = [await me(hub, one) for one in (first.access_token, second["access_token"])]

    assert [(one.json()["name"], one.json()["means"]) for one in answers] == [("bob", "token")] * 2
    assert second["refresh_token"] != first.refresh_token
    assert (second["expires_in"], second["token_type"]) == (600, "Bearer")


async def test_a_refresh_token_opens_nothing_and_an_access_token_renews_nothing(
    hub: Served,
) -> None:
    pair = await pair_of(hub, "bob")
    by_refresh = await me(hub, pair.refresh_token)
    by_access = await refreshed(hub, pair.access_token)
    guessed = await me(hub, "oht_guessed")

    assert (code(by_refresh), code(by_access), code(guessed)) == (
        (401, "bad-token"),
        (401, "token-ended"),
        (401, "token-ended"),
    )


async def test_twenty_refreshes_at_once_give_one_successor(hub: Served) -> None:
    first = await pair_of(hub, "bob")
    answers = await asyncio.gather(*(refreshed(hub, first.refresh_token) for _ in range(20)))
    pairs = {(one.json()["access_token"], one.json()["refresh_token"]) for one in answers}
    (access, _), *others = pairs

    assert ([one.status_code for one in answers], others) == ([200] * 20, [])
    assert (await me(hub, access)).status_code == 200


async def test_a_refresh_token_used_again_ends_its_family_and_no_other(hub: Served) -> None:
    first, other = await pair_of(hub, "bob"), await pair_of(hub, "bob")
    second = (await refreshed(hub, first.refresh_token)).json()
    third = (await refreshed(hub, second["refresh_token"])).json()
    reused = await refreshed(hub, first.refresh_token)
    after = [
        await me(hub, first.access_token),
        await me(hub, third["access_token"]),
        await refreshed(hub, third["refresh_token"]),
    ]
    ada = await hub.signed_in("ada")
    noted = (await ada.get("/audit", params={"action": "token.reuse"})).json()["items"][0]

    assert code(reused) == (401, "token-reused")
    assert [code(one) for one in after] == [(401, "token-ended")] * 3
    assert (await me(hub, other.access_token)).status_code == 200
    assert (noted["target"], noted["outcome"]) == ("bob", "refused")


@pytest.mark.slow
async def test_a_lost_answer_is_said_again_for_thirty_seconds(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock) as served:
        ada = await an_administrator(served)
        first = await pair_of(served, "ada")
        lost = (await refreshed(served, first.refresh_token)).json()
        clock.passes(seconds=30)
        again = (await refreshed(served, first.refresh_token)).json()
        clock.passes(seconds=1)
        late = await refreshed(served, first.refresh_token)
        await ada.aclose()

    assert again == {**lost, "expires_in": 570}
    assert code(late) == (401, "token-reused")


@pytest.mark.slow
async def test_tokens_end_by_themselves_and_are_forgotten(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock) as served:
        ada = await an_administrator(served)
        pair = await pair_of(served, "ada")
        clock.passes(minutes=10)
        access = await me(served, pair.access_token)
        renewed = (await refreshed(served, pair.refresh_token)).json()
        clock.passes(days=30)
        late = await refreshed(served, renewed["refresh_token"])
        clock.passes(seconds=1)
        gone = await tokens_of(served).forget_old()
        nothing = await tokens_of(served).forget_old()
        await ada.aclose()

    assert (code(access), code(late)) == ((401, "token-ended"), (401, "token-ended"))
    assert (gone, nothing) == (4, 0)


async def test_a_program_signs_in_with_a_password_and_out_again(hub: Served) -> None:
    asked = {"username": "bob", "password": PASSWORD}
    async with http(base_url=f"{hub.url}/api/v1") as program:
        came = (await program.post("/auth/login", json=asked)).json()
        program.headers["Authorization"] = f"Bearer {came['access_token']}"
        there = await program.get("/users/me")
        left = await program.post("/auth/logout")
        after = [await program.get("/users/me"), await refreshed(hub, came["refresh_token"])]

    assert (there.json()["name"], left.status_code) == ("bob", 204)
    assert [code(one) for one in after] == [(401, "token-ended")] * 2


@pytest.mark.slow
async def test_an_account_that_is_switched_off_takes_its_tokens_along(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    user = (await ada.post("/users", json={"name": "dora", "password": PASSWORD})).json()
    pair = await pair_of(hub, "dora")
    before = await me(hub, pair.access_token)
    await ada.patch(f"/users/{user['id']}", json={"is_active": False})
    after = [await me(hub, pair.access_token), await refreshed(hub, pair.refresh_token)]
    await ada.delete(f"/users/{user['id']}")
    removed = await refreshed(hub, pair.refresh_token)

    assert before.status_code == 200
    assert [code(one) for one in (*after, removed)] == [(401, "token-ended")] * 3


async def an_administrator(served: Served) -> httpx.AsyncClient:
    link = await served.hub.first_link()
    assert link is not None
    asked = {"link": link.partition("#")[2], "name": "ada", "password": PASSWORD}
    browser = served.browser()
    assert (await browser.post("/auth/first", json=asked)).status_code == 204
    return browser
