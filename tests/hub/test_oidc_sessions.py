"""Sessions that a provider let in: looked at again, signed out here and from there."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clock import MovingClock
from tests.fakes.oidc.provider import fake_provider
from tests.hub.oidc import Trusting, settings_for
from tests.hub.serving import PASSWORD, running_hub
from tests.serving import http

pytestmark = pytest.mark.asyncio(loop_scope="module")
DUE = {"minutes": 11}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def refreshed(oidc: Trusting) -> int:
    return oidc.provider.asked["refresh"]


async def mine(browser: httpx.AsyncClient, *names: str) -> Any:  # Any: JSON
    answer = await browser.get("/users/me")
    assert answer.status_code == 200, answer.text
    return [answer.json()[name] for name in names]


async def why(oidc: Trusting, about: str) -> list[str]:
    ada = await oidc.ada()
    entries = (await ada.get("/audit", params={"q": about})).json()["items"]
    return [one["detail"]["reason"] for one in entries if one["action"] == "session.end"]


@pytest.mark.slow
async def test_a_session_is_looked_at_again_when_it_is_due_and_used(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-due", preferred_username="due", groups=[])
    before = refreshed(oidc)
    await mine(browser)
    oidc.clock.passes(**DUE)
    not_used = refreshed(oidc)
    await mine(browser)
    await mine(browser)

    assert (not_used - before, refreshed(oidc) - before) == (0, 1)


@pytest.mark.slow
async def test_of_twenty_requests_at_once_one_asks_the_provider(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-race", preferred_username="race", groups=[])
    oidc.clock.passes(**DUE)
    before = refreshed(oidc)
    answers = await asyncio.gather(*(browser.get("/users/me") for _ in range(20)))
    oidc.clock.passes(**DUE)
    later = await browser.get("/users/me")

    assert [one.status_code for one in answers] == [200] * 20
    assert (refreshed(oidc) - before, later.status_code) == (2, 200)


async def test_a_browser_that_leaves_does_not_lose_the_new_token(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-left", preferred_username="left", groups=[])
    oidc.clock.passes(**DUE)
    oidc.provider.answers.clear()
    oidc.provider.is_asked.clear()
    waiting = asyncio.ensure_future(browser.get("/users/me"))
    await oidc.provider.is_asked.wait()
    waiting.cancel()
    oidc.provider.answers.set()
    again = await browser.get("/users/me")
    oidc.clock.passes(**DUE)
    later = await browser.get("/users/me")

    assert (again.status_code, later.status_code) == (200, 200)


@pytest.mark.slow
async def test_groups_that_changed_at_the_provider_hold_from_the_next_look(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-moves", preferred_username="moves", groups=["a"])
    oidc.provider.people["00u-moves"]["groups"] = ["b"]
    oidc.clock.passes(**DUE)
    await mine(browser)

    assert await mine(browser, "groups") == [["b"]]


async def test_who_is_an_administrator_no_more_is_out_at_the_next_look(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-chief", preferred_username="chief", groups=["orca-admins"])
    oidc.provider.people["00u-chief"]["groups"] = ["orca-users"]
    oidc.clock.passes(**DUE)
    refused = await browser.get("/users")
    again = await oidc.sign_in("00u-chief", preferred_username="chief", groups=["orca-users"])

    assert code(refused) == (401, "session-ended")
    assert await mine(again, "role", "groups") == ["user", ["orca-users"]]


@pytest.mark.slow
async def test_groups_that_are_missing_at_a_look_change_nothing(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-same", preferred_username="same", groups=["orca-admins"])
    del oidc.provider.people["00u-same"]["groups"]
    oidc.clock.passes(**DUE)

    assert await mine(browser, "role", "groups") == ["administrator", ["orca-admins"]]


@pytest.mark.slow
async def test_without_another_id_token_userinfo_is_asked(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-info", preferred_username="info", groups=["orca-admins"])
    oidc.provider.gives_identity_again = False
    oidc.provider.userinfo = {"sub": "00u-info", "groups": ["orca-users"]}
    oidc.clock.passes(**DUE)
    refused = await browser.get("/users/me")

    assert code(refused) == (401, "session-ended")


async def test_who_was_removed_at_the_provider_is_out_at_the_next_look(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-fired", preferred_username="fired", groups=[])
    oidc.provider.grants.clear()
    oidc.clock.passes(**DUE)
    refused = [code(await browser.get("/users/me")) for _ in range(2)]

    assert refused == [(401, "session-ended")] * 2
    assert await why(oidc, "fired") == ["the provider takes the refresh token no more"]


@pytest.mark.slow
async def test_a_look_that_tells_of_somebody_else_ends_the_session(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-one", preferred_username="one", groups=[])
    oidc.provider.change = {"sub": "00u-alice"}
    oidc.clock.passes(**DUE)
    refused = await browser.get("/users/me")

    assert code(refused) == (401, "session-ended")
    assert await why(oidc, "one") == [
        "what the provider says cannot be believed: it is about somebody else"
    ]


@pytest.mark.slow
async def test_an_answer_that_is_lost_ends_the_session_cleanly(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-lost", preferred_username="lost", groups=[])
    oidc.provider.loses_answers = True
    oidc.clock.passes(**DUE)
    meanwhile = await browser.get("/users/me")
    oidc.provider.loses_answers = False
    oidc.clock.passes(seconds=31)
    later = await browser.get("/users/me")

    assert (meanwhile.status_code, code(later)) == (200, (401, "session-ended"))


@pytest.mark.slow
async def test_sessions_go_on_for_an_hour_while_the_provider_is_away(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-away", preferred_username="away", groups=[])
    oidc.provider.status = 503
    oidc.clock.passes(**DUE)
    within = await browser.get("/users/me")
    before = refreshed(oidc)
    oidc.clock.passes(minutes=60)
    beyond = [await browser.get("/users/me") for _ in range(3)]
    public = await browser.get("/auth/methods")
    local = await browser.post("/auth/login", json={"username": "ada", "password": PASSWORD})
    oidc.provider.behaves()
    other = await oidc.sign_in("00u-away")

    assert (within.status_code, refreshed(oidc) - before) == (200, 0)
    assert [code(one) for one in beyond] == [(503, "provider-away")] * 3
    assert (public.status_code, local.status_code) == (200, 204)
    assert await mine(other, "name") == ["away"]


@pytest.mark.slow
async def test_sessions_come_back_with_the_provider(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-back", preferred_username="back", groups=[])
    oidc.provider.status = 503
    oidc.clock.passes(minutes=71)
    refused = await browser.get("/users/me")
    oidc.provider.behaves()
    oidc.clock.passes(seconds=31)
    again = await browser.get("/users/me")

    assert (refused.status_code, again.status_code) == (503, 200)


async def test_one_can_sign_out_while_the_provider_is_away(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-out", preferred_username="out", groups=[])
    oidc.provider.status = 503
    oidc.clock.passes(minutes=71)
    left = await browser.post("/auth/oidc/logout")

    assert (left.status_code, left.json()) == (200, {"redirect_to": None})
    assert (await browser.get("/users/me")).status_code == 401


@pytest.mark.slow
async def test_without_a_refresh_token_a_session_lasts_some_hours(oidc: Trusting) -> None:
    oidc.provider.gives_refresh = False
    browser = await oidc.sign_in("00u-short", preferred_username="short", groups=[])
    oidc.clock.passes(hours=7, minutes=59)
    before = await browser.get("/users/me")
    oidc.clock.passes(minutes=2)
    after = await browser.get("/users/me")

    assert (before.status_code, after.status_code) == (200, 401)


# --- signing out --------------------------------------------------------------------------------


async def test_signing_out_ends_the_grant_and_leads_to_the_provider(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-leaves", preferred_username="leaves", groups=[])
    grant = next(one for one, who in oidc.provider.grants.items() if who == "00u-leaves")
    left = await browser.post("/auth/oidc/logout")
    to = httpx.URL(left.json()["redirect_to"])

    assert str(to.copy_with(query=None)) == f"{oidc.provider.issuer}/logout"
    assert to.params["post_logout_redirect_uri"] == f"{oidc.hub.url}/"
    assert (to.params["client_id"], to.params["id_token_hint"].count(".")) == ("orca-hub", 2)
    assert (grant in oidc.provider.revoked, browser.cookies.get("orca-hub")) == (True, None)
    assert (await browser.get("/users/me")).status_code == 401


@pytest.mark.slow
async def test_a_token_too_long_for_a_link_is_left_out_of_it(oidc: Trusting) -> None:
    many = [f"{n:03} " + "a" * 60 for n in range(100)]
    browser = await oidc.sign_in("00u-many", preferred_username="many", groups=many)
    to = httpx.URL((await browser.post("/auth/oidc/logout")).json()["redirect_to"])

    assert ("id_token_hint" in to.params, to.params["client_id"]) == (False, "orca-hub")


@pytest.mark.slow
async def test_who_has_a_local_session_signs_out_here_alone(oidc: Trusting) -> None:
    browser = await oidc.hub.signed_in("ada")
    left = await browser.post("/auth/oidc/logout")

    assert (left.json(), (await browser.get("/users/me")).status_code) == (
        {"redirect_to": None},
        401,
    )


async def told(oidc: Trusting, token: str) -> tuple[int, str]:
    """What a provider that tells of a sign-out is answered."""
    async with httpx.AsyncClient() as outside:
        answer = await outside.post(
            f"{oidc.hub.url}/api/v1/auth/oidc/backchannel-logout", data={"logout_token": token}
        )
    return answer.status_code, "" if answer.status_code == 200 else code(answer)[1]


async def test_the_provider_ends_one_session_or_all_of_somebody(oidc: Trusting) -> None:
    people = oidc.provider.people
    people["00u-many"] = {"preferred_username": "many", "groups": [], "sid": "one"}
    one = await oidc.sign_in("00u-many")
    people["00u-many"]["sid"] = "two"
    two, three = await oidc.sign_in("00u-many"), await oidc.sign_in("00u-many")
    other = await oidc.sign_in("00u-else", preferred_username="else", groups=[], sid="else")
    of_one = await told(oidc, oidc.provider.logout_token(sid="one", sub="00u-many"))
    after_one = [(await browser.get("/users/me")).status_code for browser in (one, two, three)]
    of_all = await told(oidc, oidc.provider.logout_token(sub="00u-many"))
    after_all = [(await browser.get("/users/me")).status_code for browser in (two, three, other)]

    assert (of_one, after_one) == ((200, ""), [401, 200, 200])
    assert (of_all, after_all) == ((200, ""), [401, 401, 200])


@pytest.mark.slow
async def test_a_provider_may_say_more_in_the_form_than_the_token(
    oidc: Trusting,
) -> None:
    token = oidc.provider.logout_token(sid="of nobody")
    async with http(base_url=f"{oidc.hub.url}/api/v1") as provider:
        where = "/auth/oidc/backchannel-logout"
        more = await provider.post(where, data={"logout_token": token, "trace": "x"})
        nothing = await provider.post(where, data={"trace": "x"})

    assert more.status_code == 200
    assert (nothing.status_code, nothing.json()["type"]) == (
        400,
        "urn:orca:problem:bad-logout-token",
    )


@pytest.mark.slow
async def test_a_logout_token_that_is_old_or_forged_ends_nothing(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-stays", preferred_username="stays", groups=[], sid="stays")
    provider = oidc.provider
    token = provider.logout_token(sid="of nobody")
    bad = [
        provider.identity("00u-stays"),
        provider.logout_token(sid="stays", aud="another"),
        provider.logout_token(sid="stays", nonce="n"),
        provider.logout_token(sid="stays", jti=None),
        provider.logout_token(sid="stays", exp=1),
        "not a token",
    ]
    first = await told(oidc, token)
    answers = [await told(oidc, one) for one in (token, *bad)]

    assert (first, answers) == ((200, ""), [(400, "bad-logout-token")] * 7)
    assert (await browser.get("/users/me")).status_code == 200


@pytest.mark.slow
async def test_a_hub_that_ends_waits_for_the_new_token(tmp_path: Path) -> None:
    clock = MovingClock()
    async with fake_provider(clock) as provider:
        told = settings_for(provider.issuer)
        async with running_hub(tmp_path, clock=clock, **told) as first:
            browser = await Trusting(first, provider, clock).sign_in(
                "00u-night", preferred_username="night", groups=[]
            )
            kept = dict(browser.cookies)
            clock.passes(**DUE)
            provider.waits_at_last = True
            provider.answers.clear()
            provider.is_asked.clear()
            waiting = asyncio.ensure_future(browser.get("/users/me"))
            await provider.is_asked.wait()
            asyncio.get_running_loop().call_later(3, provider.answers.set)  # while the hub ends
        with suppress(httpx.TransportError):
            await waiting
        clock.passes(minutes=2)
        async with (
            running_hub(tmp_path, clock=clock, **told) as second,
            second.browser() as again,
        ):
            again.cookies.update(kept)
            after = await again.get("/users/me")
            clock.passes(**DUE)
            later = await again.get("/users/me")

    assert (after.status_code, later.status_code) == (200, 200)
