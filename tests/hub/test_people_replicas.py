"""People where several replicas serve as one: what ends on one ends on all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.redis import Redis
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.slow
Two = tuple[Served, Served]


@asynccontextmanager
async def two(folder: Path, environment: dict[str, str], clock: MovingClock) -> AsyncIterator[Two]:
    """Replicas with an Administrator ada and a User bob."""
    async with (
        running_hub(folder / "a", environment=environment, clock=clock) as one,
        running_hub(folder / "b", environment=environment, clock=clock) as other,
    ):
        await one.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await one.hub.local.add(NewAccount("bob", PASSWORD))
        yield one, other


def at(other: Served, browser: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same session at another replica; closed with it."""
    cookie = {"Cookie": f"orca-hub={browser.cookies['orca-hub']}"}
    there = other.people[f"from elsewhere {len(other.people)}"] = other.browser(**cookie)
    return there


async def switched_off(one: Served, name: str) -> None:
    ada = await one.signed_in("ada")
    user = (await ada.get("/users", params={"q": name})).json()["items"][0]
    answer = await ada.patch(f"/users/{user['id']}", json={"is_active": False})
    assert answer.status_code == 200


async def status(browser: httpx.AsyncClient) -> int:
    return (await browser.get("/users/me")).status_code


async def test_by_redis_a_revocation_is_known_everywhere_although_no_time_passes(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with two(tmp_path, shared, MovingClock()) as (one, other):
        bob = at(other, await one.signed_in("bob"))
        before = await status(bob)
        await switched_off(one, "bob")
        async with asyncio.timeout(10):
            while await status(bob) != 401:  # asked until it is so
                pass

    assert before == 200


async def test_without_redis_a_revocation_is_known_everywhere_in_two_seconds(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    clock, alone = MovingClock(), {**shared}
    del alone["ORCA_HUB_REDIS_URL"]
    async with two(tmp_path, alone, clock) as (one, other):
        here = await one.signed_in("bob")
        there = at(other, here)
        before = await status(here), await status(there)
        await switched_off(one, "bob")
        at_once = await status(here)
        clock.passes(seconds=2)
        later = await status(there)

    assert (before, at_once, later) == ((200, 200), 401, 401)


async def test_redis_that_goes_away_keeps_nobody_in_and_locks_nobody_out(
    tmp_path: Path, shared: dict[str, str], redis_server: Redis
) -> None:
    clock = MovingClock()
    async with two(tmp_path, shared, clock) as (one, other):
        bob, ada = at(other, await one.signed_in("bob")), await one.signed_in("ada")
        before = await status(bob)
        redis_server.stop()
        try:
            without = await status(ada)
            await switched_off(one, "bob")
            clock.passes(seconds=2)
            after = await status(bob)
        finally:
            redis_server.start()

    assert (before, without, after) == (200, 200, 401)


async def test_two_administrators_who_remove_each_other_at_the_same_moment_leave_one(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with two(tmp_path, shared, MovingClock()) as (one, other):
        await one.hub.local.add(NewAccount("eva", PASSWORD, "administrator"))
        ada, eva = await one.signed_in("ada"), await other.signed_in("eva")
        users = (await ada.get("/users")).json()["items"]
        ids = {user["name"]: user["id"] for user in users}
        answers = await asyncio.gather(
            ada.patch(f"/users/{ids['eva']}", json={"role": "user"}),
            eva.patch(f"/users/{ids['ada']}", json={"role": "user"}),
        )
        left = [row["role"] for row in await one.hub.users.found("", None, 10)]

    assert sorted(one.status_code for one in answers)[0] == 200
    assert sorted(one.status_code for one in answers)[1] in (401, 403, 409)
    assert left.count("administrator") == 1


async def test_guesses_at_two_replicas_count_together(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with two(tmp_path, shared, MovingClock()) as (one, other):
        await asyncio.gather(*(_guess(hub, n) for n in range(8) for hub in (one, other)))
        codes = [await _guess(hub, 9) for hub in (one, other)]

    assert codes == [429, 429]


async def _guess(hub: Served, number: int) -> int:
    asked = {"username": "bob", "password": f"guess {number}"}
    async with hub.browser() as browser:
        return (await browser.post("/auth/login", json=asked)).status_code


async def test_one_name_is_given_once_and_the_first_link_makes_one_administrator(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with (
        running_hub(tmp_path / "a", environment=shared) as one,
        running_hub(tmp_path / "b", environment=shared) as other,
    ):
        link = await one.hub.first_link()
        assert link is not None
        asked = {"link": link.partition("#")[2], "password": PASSWORD}
        firsts = await asyncio.gather(
            one.stranger.post("/auth/first", json={**asked, "name": "ada"}),
            other.stranger.post("/auth/first", json={**asked, "name": "eve"}),
        )
        accounts = await one.hub.users.found("", None, 10)
        admin = one if firsts[0].status_code == 204 else other
        names = await asyncio.gather(
            *(admin.stranger.post("/users", json={"name": "mia"}) for _ in range(5))
        )

    assert sorted(answer.status_code for answer in firsts) == [204, 410]
    assert [row["role"] for row in accounts] == ["administrator"]
    assert sorted(answer.status_code for answer in names) == [201, 409, 409, 409, 409]
