"""Several replicas, one provider: each refresh token is sent once."""

import asyncio
from pathlib import Path

import pytest

from tests.hub.oidc import two_replicas

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(90)]


async def test_two_replicas_ask_once_and_both_know_what_came_of_it(
    shared: dict[str, str], tmp_path: Path
) -> None:
    async with two_replicas(tmp_path, shared) as (one, two):
        provider, clock = one.provider, one.clock
        here = await one.sign_in("00u-alice", preferred_username="alice", groups=["a"])
        kept = f"orca-hub={here.cookies['orca-hub']}"
        async with two.hub.browser(Cookie=kept) as there:
            rounds, asked = [], []
            for _ in range(3):
                clock.passes(minutes=11)
                before = provider.asked["refresh"]
                many = [browser.get("/users/me") for browser in (here, there) * 10]
                rounds += [answer.status_code for answer in await asyncio.gather(*many)]
                asked.append(provider.asked["refresh"] - before)
            logout = {"logout_token": provider.logout_token(sub="00u-alice")}
            answer = await there.post("/auth/oidc/backchannel-logout", data=logout)
            again = await there.post("/auth/oidc/backchannel-logout", data=logout)
            clock.passes(seconds=2)
            out = [(await browser.get("/users/me")).status_code for browser in (here, there)]

    assert (rounds, asked) == ([200] * 60, [1, 1, 1])
    assert (answer.status_code, again.status_code, out) == (200, 400, [401, 401])


async def test_an_attempt_begins_on_one_replica_and_ends_on_another(
    shared: dict[str, str], tmp_path: Path
) -> None:
    async with two_replicas(tmp_path, shared) as (one, two), one.hub.browser() as browser:
        back, _ = await one.begin(browser)
        elsewhere = back.replace(one.hub.url, two.hub.url)
        # The provider is told the same address by all replicas of one hub.
        for code in one.provider.codes.values():
            code.redirect_uri = code.redirect_uri.replace(one.hub.url, two.hub.url)
        kept = f"orca-oidc={browser.cookies['orca-oidc']}"
        async with two.hub.browser(Cookie=kept) as there:
            first = await there.get(elsewhere)
        second = await browser.get(back)

    assert (first.status_code, second.status_code) == (303, 403)
