"""A session that was left open makes no way in that lasts: that wants a recent proof."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.oidc import Trusting, trusting_hub
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.serving import http

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
KEY = {"name": "k", "scopes": ["ai"]}
WANTED = [(403, "proof-wanted", "password")] * 3


def said(answer: httpx.Response) -> tuple[int, str, str] | int:
    if answer.is_success:
        return answer.status_code
    told = answer.json()
    return answer.status_code, told["type"].rpartition(":")[2], told.get("proof", "")


async def tried(client: httpx.AsyncClient) -> list[tuple[int, str, str] | int]:
    """All that wants a recent proof."""
    return [
        said(await client.post("/auth/totp")),
        said(await client.post("/keys", json=KEY)),
        said(await client.patch("/users/me", json={"email": "new@example.org"})),
    ]


async def prove(client: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/auth/proof", json={"password": password})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clock() -> AsyncIterator[MovingClock]:
    yield MovingClock()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(
    clock: MovingClock, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("proving")
    async with running_hub(folder / "data", environment=environment, clock=clock) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await served.hub.local.add(NewAccount("bob", PASSWORD))
        yield served


async def test_what_lasts_wants_the_password_again_ten_minutes_after_the_sign_in(
    standing: Served, clock: MovingClock
) -> None:
    bob = await standing.signed_in("bob")
    at_once = await tried(bob)
    clock.passes(minutes=11)
    later = await tried(bob)
    wrong = await prove(bob, "a guess of somebody")
    still = await tried(bob)
    right = await prove(bob)
    again = await tried(bob)
    clock.passes(minutes=11)
    in_the_end = await tried(bob)

    assert (at_once, later) == ([200, 201, 200], WANTED)
    assert (said(wrong), still) == ((401, "wrong-login", ""), WANTED)
    assert (right.status_code, again, in_the_end) == (204, [200, 201, 200], WANTED)


async def test_a_proof_is_of_one_session_and_a_program_proves_itself_the_same_way(
    standing: Served, clock: MovingClock
) -> None:
    asked = {"username": "bob", "password": PASSWORD}
    first = await standing.signed_in("bob")
    async with http(base_url=f"{standing.url}/api/v1") as program:
        pair = (await program.post("/auth/login", json=asked)).json()
        clock.passes(minutes=11)
        renewed = await program.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        program.headers["Authorization"] = f"Bearer {renewed.json()['access_token']}"
        await prove(first)
        others = await tried(program)
        await prove(program)
        own = await tried(program)

    assert (others, own) == (WANTED, [200, 201, 200])


async def test_guesses_at_the_proof_are_slowed_down(standing: Served, clock: MovingClock) -> None:
    await standing.hub.local.add(NewAccount("cy", PASSWORD))
    browser = await standing.signed_in("cy")
    clock.passes(minutes=11)
    seen = [(await prove(browser, f"guess {n}")).status_code for n in range(7)]

    assert seen == [401] * 5 + [429] * 2


async def test_people_of_a_provider_prove_themselves_there(tmp_path: Path) -> None:
    async with trusting_hub(tmp_path / "data") as oidc:
        ida = await oidc.sign_in("ida", preferred_username="ida")
        at_once = said(await ida.post("/keys", json=KEY))
        oidc.clock.passes(minutes=11)
        later = said(await ida.post("/keys", json=KEY))
        by_password = said(await prove(ida))
        plain = await ida.get("/auth/okta/login")
        asked = await ida.get("/auth/okta/login", params={"fresh": "true"})
        remembered = await signed_in_again(oidc, ida, minutes_ago=60)
        anew = await signed_in_again(oidc, ida, minutes_ago=0)
        unsaid = await signed_in_again(oidc, ida, minutes_ago=None)
        sure = await signed_in_again(oidc, ida, minutes_ago=None, fresh="true")

    wanted = (403, "proof-wanted", "provider")
    assert (at_once, later) == (201, wanted)
    assert by_password == (409, "no-password", "")
    assert "max_age" not in plain.headers["Location"]
    assert "max_age=600" in asked.headers["Location"]
    assert (remembered, anew, unsaid, sure) == (wanted, 201, wanted, 201)


async def signed_in_again(
    oidc: Trusting, browser: httpx.AsyncClient, *, minutes_ago: int | None, fresh: str = "false"
) -> tuple[int, str, str] | int:
    """Whether a key can be made after a sign-in; `minutes_ago` the provider asked who it is."""
    then = None if minutes_ago is None else int(oidc.clock().timestamp()) - minutes_ago * 60
    oidc.provider.change = {"auth_time": then}
    begun = await browser.get("/auth/okta/login", params={"fresh": fresh})
    async with http() as outside:
        back = (await outside.get(begun.headers["Location"])).headers["Location"]
    assert (await browser.get(back)).status_code == 303
    return said(await browser.post("/keys", json=KEY))
