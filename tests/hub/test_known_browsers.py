"""Somebody guesses from the owner's own address: the owner gets in all the same."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
NEW = "another four words here"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """A hub whose clock stands still, so that no pause ends."""
    folder = tmp_path_factory.mktemp("known")
    async with running_hub(folder / "data", environment=environment, clock=MovingClock()) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        yield served


async def tried(browser: httpx.AsyncClient, name: str, password: str = PASSWORD) -> int:
    asked = {"username": name, "password": password}
    return (await browser.post("/auth/login", json=asked)).status_code


async def signed_out(hub: Served, name: str) -> httpx.AsyncClient:
    """A browser in which somebody has been, and is not any more."""
    browser = await hub.signed_in(name)
    assert (await browser.post("/auth/logout")).status_code == 204
    return browser


async def test_guesses_of_others_at_the_same_address_do_not_pause_a_known_browser(
    standing: Served,
) -> None:
    await standing.hub.local.add(NewAccount("bea", PASSWORD))
    known = await signed_out(standing, "bea")
    async with standing.browser() as attacker:
        guesses = [await tried(attacker, "bea", f"guess {n}") for n in range(60)]
        right = await tried(attacker, "bea")

    assert (guesses[:5], set(guesses[5:]), right) == ([401] * 5, {429}, 429)
    assert await tried(known, "bea") == 204


async def test_a_known_browser_is_slowed_down_by_its_own_guesses_and_for_its_own_account(
    standing: Served,
) -> None:
    for name in ("cai", "dee"):
        await standing.hub.local.add(NewAccount(name, PASSWORD))
    known, other = await signed_out(standing, "cai"), await signed_out(standing, "dee")
    own = [await tried(known, "cai", f"guess {n}") for n in range(7)]
    foreign = [await tried(other, "cai", f"guess {n}") for n in range(7)]
    forged = standing.browser()
    value = other.cookies["orca-known"]
    account = (await standing.hub.users.named("cai"))["id"]
    forged.cookies.set("orca-known", f"{account}.{value.partition('.')[2]}")
    async with forged:
        by_forgery = await tried(forged, "cai")

    assert own == foreign == [401] * 5 + [429] * 2
    assert (by_forgery, await tried(other, "dee")) == (429, 204)


async def test_a_link_lets_its_owner_in_while_somebody_guesses(standing: Served) -> None:
    await standing.hub.local.add(NewAccount("eli", PASSWORD))
    account = await standing.hub.users.named("eli")
    link = await standing.hub.local.make_link(account)
    async with standing.browser() as attacker, standing.browser() as owner:
        guesses = {await tried(attacker, "eli", "a guess") for _ in range(9)}
        before = await tried(owner, "eli")
        used = await owner.post("/auth/reset", json={"link": link.secret, "password": NEW})
        after = await tried(owner, "eli", NEW)

    assert (guesses, before, used.status_code, after) == ({401, 429}, 429, 204, 204)


async def test_several_people_are_known_in_one_browser(standing: Served) -> None:
    names = ["flo", "gil"]
    for name in names:
        await standing.hub.local.add(NewAccount(name, PASSWORD))
    async with standing.browser() as shared, standing.browser() as attacker:
        first = [await tried(shared, name) for name in names]
        guesses = {await tried(attacker, name, "a guess") for name in names for _ in range(7)}
        again = [await tried(shared, name) for name in names]

    assert (first, guesses, again) == ([204, 204], {401, 429}, [204, 204])


async def test_the_rate_of_an_address_is_not_used_up_for_a_known_browser(tmp_path: Path) -> None:
    async with running_hub(
        tmp_path, clock=MovingClock(), rate_of_logins="8/hour", rate_per_address="30/hour"
    ) as hub:
        await hub.hub.local.add(NewAccount("hana", PASSWORD))
        known = await signed_out(hub, "hana")
        async with hub.browser() as attacker, hub.browser() as stranger:
            flood = {await tried(attacker, f"nobody{n}") for n in range(40)}
            strange = await tried(stranger, "hana")
        let_in = await tried(known, "hana")

    assert (429 in flood, strange, let_in) == (True, 429, 204)
