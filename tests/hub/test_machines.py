"""Machines sign in by a browser or a code, are listed and named, and thrown out."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # of RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
BACK = "http://127.0.0.1:50123/cb"
AGENT = {"User-Agent": "orca-agent/1.4.0 (Linux x86_64)"}
WISH = {
    "response_type": "code",
    "client_id": "orca-agent",
    "redirect_uri": BACK,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s1",
    "machine_name": "workshop",
}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def word(answer: httpx.Response) -> tuple[int, str]:
    """An error in OAuth's words."""
    assert set(answer.json()) == {"error", "error_description"}
    return answer.status_code, answer.json()["error"]


async def code_for(person: httpx.AsyncClient, **other: object) -> str:
    """What the browser carries to the agent."""
    answer = await person.post("/auth/machine/approve", json={**WISH, **other})
    to: str = answer.json()["redirect_to"]
    return parse_qs(urlsplit(to).query)["code"][0]


async def exchanged(served: Served, given: str, **other: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": given,
        "code_verifier": VERIFIER,
        "redirect_uri": BACK,
        **other,
    }
    return await served.stranger.post("/auth/machine/token", data=form, headers=AGENT)


async def connected(served: Served, person: httpx.AsyncClient, **other: object) -> Json:
    come: Json = (await exchanged(served, await code_for(person, **other))).json()
    return come


async def this_machine(served: Served, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", **AGENT}
    return await served.stranger.get("/machines/me", headers=headers)


async def polled(served: Served, device_code: str) -> httpx.Response:
    return await served.stranger.post(
        "/auth/device/token", json={"device_code": device_code}, headers=AGENT
    )


async def test_a_machine_comes_in_by_the_browser_and_is_who_let_it_in(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    led = await hub.stranger.get("/auth/machine/authorize", params=WISH)
    approved = (await bob.post("/auth/machine/approve", json=WISH)).json()["redirect_to"]
    back = parse_qs(urlsplit(approved).query)
    come = (await exchanged(hub, back["code"][0])).json()
    this = (await this_machine(hub, come["access_token"])).json()
    listed = (await bob.get("/machines")).json()["items"]
    me = await hub.stranger.get(
        "/users/me", headers={"Authorization": f"Bearer {come['access_token']}"}
    )
    renewed = await hub.stranger.post(
        "/auth/refresh", json={"refresh_token": come["refresh_token"]}
    )

    assert led.status_code == 303
    assert led.headers["Location"].startswith("/connect?response_type=code&client_id=orca-agent")
    assert approved.startswith(f"{BACK}?code=")
    assert (back["state"], back["iss"]) == (["s1"], [hub.url])
    assert come["machine"] == {"id": this["id"], "name": "workshop"}
    assert (this["owner"], this["version"], this["os"]) == ("bob", "1.4.0", "Linux x86_64")
    assert this in listed
    assert code(me) == (403, "not-this-way")  # a machine is not the person
    assert renewed.json()["access_token"].startswith("ohm_")


async def test_a_code_is_for_one_use_by_one_program_at_one_address(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    wrong_verifier = await exchanged(hub, await code_for(bob), code_verifier="x" * 43)
    elsewhere = await exchanged(hub, await code_for(bob), redirect_uri="http://127.0.0.1:1/cb")
    given = await code_for(bob)
    in_vain = await exchanged(hub, given, code_verifier="y" * 43)
    too_late = await exchanged(hub, given)
    no_grant = await exchanged(hub, given, grant_type="password")
    nothing = await hub.stranger.post("/auth/machine/token", data={"grant_type": "x"})

    assert [word(one) for one in (wrong_verifier, elsewhere, in_vain, too_late)] == [
        (400, "invalid_grant")
    ] * 4
    assert word(no_grant) == (400, "unsupported_grant_type")
    assert word(nothing) == (422, "invalid_request")


async def test_what_is_no_form_and_no_json_is_refused_in_oauths_words(hub: Served) -> None:
    token, form = "/auth/machine/token", {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        await hub.stranger.post(token, content=b"code=a&code=b", headers=form),
        await hub.stranger.post(token, content=b"\xff=\xfe&\xff", headers=form),
        await hub.stranger.post(token, content=b"a=" + b"x" * 20_000, headers=form),
        await hub.stranger.post(token, content=b"&a=b" * 100, headers=form),
        await hub.stranger.post(token, json={"code": {"$ne": ""}}),
        await hub.stranger.post("/auth/device/token", json={"device_code": "guessed"}),
        await hub.stranger.post("/auth/device/token", content=b"{}"),
    ]

    assert [word(one) for one in answers] == [
        (400, "invalid_request"),
        (400, "invalid_request"),
        (413, "invalid_request"),
        (400, "invalid_request"),
        (422, "invalid_request"),
        (400, "invalid_grant"),
        (415, "invalid_request"),
    ]


async def test_a_code_that_comes_twice_throws_the_machine_out(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    given = await code_for(bob)
    first = (await exchanged(hub, given)).json()
    before = await this_machine(hub, first["access_token"])
    again = await exchanged(hub, given)
    after = await this_machine(hub, first["access_token"])

    assert (before.status_code, word(again)) == (200, (400, "invalid_grant"))
    assert code(after) == (401, "token-ended")


async def test_a_code_is_sent_nowhere_but_to_this_computer(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    wishes: list[tuple[str, str]] = [
        ("redirect_uri", "https://evil.example/cb"),
        ("redirect_uri", "http://localhost:8080/cb"),
        ("client_id", "another"),
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
        ("code_challenge", "short"),
        ("state", ""),
        ("machine_name", "a\x00b"),
    ]
    answers = []
    for name, value in wishes:
        led = await hub.stranger.get("/auth/machine/authorize", params={**WISH, name: value})
        approved = await bob.post("/auth/machine/approve", json={**WISH, name: value})
        answers.append((code(led), code(approved)))
    denied = (await bob.post("/auth/machine/approve", json={**WISH, "allow": False})).json()

    assert answers == [
        ((422, said), (422, said))
        for said in (
            "bad-redirect",
            "bad-redirect",
            "unknown-client",
            "unknown-client",
            "bad-challenge",
            "bad-challenge",
            "bad-state",
            "bad-machine-name",
        )
    ]
    assert parse_qs(urlsplit(denied["redirect_to"]).query)["error"] == ["access_denied"]


@pytest.mark.slow
async def test_a_machine_without_a_browser_comes_in_by_a_code(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock) as served:
        ada = await an_administrator(served)
        begun = (await served.stranger.post("/auth/device", json={"machine_name": "pi"})).json()
        device, shown = begun["device_code"], begun["user_code"]
        at_first = await polled(served, device)
        too_soon = await polled(served, device)
        clock.passes(seconds=5)  # it was told to slow down: five more
        still_too_soon = await polled(served, device)
        looked = (await ada.post("/auth/device/look", json={"user_code": shown.lower()})).json()
        allowed = await ada.post("/auth/device/approve", json={"user_code": shown, "allow": True})
        come = (await polled(served, device)).json()
        again = await polled(served, device)
        this = (await this_machine(served, come["access_token"])).json()
        await ada.aclose()

    assert begun == {
        "device_code": device,
        "user_code": shown,
        "verification_uri": f"{served.url}/device",
        "verification_uri_complete": f"{served.url}/device?user_code={shown}",
        "expires_in": 600,
        "interval": 5,
    }
    assert [word(one) for one in (at_first, too_soon, still_too_soon)] == [
        (400, "authorization_pending"),
        (400, "slow_down"),
        (400, "slow_down"),
    ]
    assert (looked["machine_name"], looked["address"]) == ("pi", "127.0.0.1")
    assert (allowed.status_code, word(again)) == (204, (400, "invalid_grant"))
    assert (this["name"], this["owner"]) == ("pi", "ada")


@pytest.mark.slow
async def test_a_code_is_refused_ends_and_is_answered_once(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock) as served:
        ada = await an_administrator(served)
        refused, late = [
            (await served.stranger.post("/auth/device", json={"machine_name": "pi"})).json()
            for _ in range(2)
        ]
        answer = {"user_code": refused["user_code"], "allow": False}
        no = await ada.post("/auth/device/approve", json=answer)
        yes = await ada.post("/auth/device/approve", json={**answer, "allow": True})
        denied = await polled(served, refused["device_code"])
        clock.passes(minutes=10)
        ended = await polled(served, late["device_code"])
        too_late = await ada.post(
            "/auth/device/approve", json={"user_code": late["user_code"], "allow": True}
        )
        await ada.aclose()

    assert (no.status_code, code(yes)) == (204, (404, "no-such-code"))
    assert (word(denied), word(ended)) == ((400, "access_denied"), (400, "expired_token"))
    assert code(too_late) == (404, "no-such-code")


@pytest.mark.slow
async def test_guesses_of_codes_count_at_once_and_with_right_ones_in_between(
    tmp_path: Path,
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock) as served:
        ada = await an_administrator(served)
        begun = (await served.stranger.post("/auth/device", json={"machine_name": "pi"})).json()
        right, wrong = {"user_code": begun["user_code"]}, {"user_code": "BCDF-GHJK"}
        looks = [
            (await ada.post("/auth/device/look", json=one)).status_code
            for one in [right, *[wrong, right] * 5]
        ]
        clock.passes(minutes=61)
        flood = await asyncio.gather(
            *(ada.post("/auth/device/look", json=wrong) for _ in range(12))
        )
        await ada.aclose()

    assert looks == [200, *[404, 200] * 4, 404, 429]
    assert sorted(one.status_code for one in flood) == [404] * 5 + [429] * 7


@pytest.mark.slow
async def test_whoever_guesses_codes_is_slowed_down(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock) as served:
        ada = await an_administrator(served)
        guess = {"user_code": "BCDF-GHJK", "allow": True}
        codes = [code(await ada.post("/auth/device/approve", json=guess)) for _ in range(6)]
        looked = await ada.post("/auth/device/look", json={"user_code": "BCDF-GHJK"})
        clock.passes(seconds=3)
        later = await ada.post("/auth/device/approve", json=guess)
        many = [
            (await served.stranger.post("/auth/device", json={"machine_name": "pi"})).status_code
            for _ in range(21)
        ]
        await ada.aclose()

    assert codes == [(404, "no-such-code")] * 5 + [(429, "too-many-codes")]
    assert (code(looked), code(later)) == ((429, "too-many-codes"), (404, "no-such-code"))
    assert many == [200] * 20 + [429]


async def test_machines_are_ones_own_and_an_administrator_sees_all(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    of_ada = await connected(hub, ada, machine_name="ada's")
    of_bob = await connected(hub, bob, machine_name="bob's")
    ids = of_ada["machine"]["id"], of_bob["machine"]["id"]

    async def seen(person: httpx.AsyncClient, **query: bool) -> list[bool]:
        asked = {"limit": 200, **query}
        items = (await person.get("/machines", params=asked)).json()["items"]
        listed = {one["id"] for one in items}
        return [one in listed for one in ids]

    for_all = (await seen(ada, all=True), await seen(bob))
    refused = await bob.get("/machines", params={"all": True})
    foreign = [
        await bob.patch(f"/machines/{ids[0]}", json={"name": "mine now"}),
        await bob.delete(f"/machines/{ids[0]}"),
    ]
    renamed = (await bob.patch(f"/machines/{ids[1]}", json={"name": " the  pi "})).json()
    too_much = await bob.patch(f"/machines/{ids[1]}", json={"name": "x", "account_id": "ada"})
    first = (await ada.get("/machines", params={"all": True, "limit": 1})).json()
    second = (
        await ada.get("/machines", params={"all": True, "limit": 1, "cursor": first["next_cursor"]})
    ).json()

    assert for_all == ([True, True], [False, True])
    assert code(refused) == (403, "administrators-only")
    assert [code(one) for one in foreign] == [(404, "no-such-machine")] * 2
    assert (renamed["name"], code(too_much)) == ("the pi", (422, "invalid-fields"))
    assert [one["items"][0]["id"] for one in (first, second)] == [ids[1], ids[0]]


async def test_a_machine_that_is_thrown_out_is_out_at_once(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    thrown, leaving = await connected(hub, bob), await connected(hub, bob)
    before = await this_machine(hub, thrown["access_token"])
    await ada.delete(f"/machines/{thrown['machine']['id']}")
    after = await this_machine(hub, thrown["access_token"])
    renewed = await hub.stranger.post(
        "/auth/refresh", json={"refresh_token": thrown["refresh_token"]}
    )
    headers = {"Authorization": f"Bearer {leaving['access_token']}"}
    left = await hub.stranger.delete("/machines/me", headers=headers)
    gone = await this_machine(hub, leaving["access_token"])

    assert (before.status_code, left.status_code) == (200, 204)
    assert [code(one) for one in (after, renewed, gone)] == [(401, "token-ended")] * 3


@pytest.mark.slow
async def test_a_machine_of_somebody_who_is_switched_off_is_out_at_once(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    user = await hub.hub.local.add(NewAccount("eric", PASSWORD))
    eric = await hub.signed_in("eric")
    come = await connected(hub, eric)
    waiting = await code_for(eric)
    before = await this_machine(hub, come["access_token"])
    await ada.patch(f"/users/{user['id']}", json={"is_active": False})
    after = await this_machine(hub, come["access_token"])
    late = await exchanged(hub, waiting)
    renewed = await hub.stranger.post(
        "/auth/refresh", json={"refresh_token": come["refresh_token"]}
    )

    assert (before.status_code, code(after)) == (200, (401, "token-ended"))
    assert (word(late), code(renewed)) == ((400, "invalid_grant"), (401, "token-ended"))


@pytest.mark.slow
async def test_twenty_exchanges_of_a_code_at_once_leave_nobody_in(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    given = await code_for(bob)
    answers = await asyncio.gather(*(exchanged(hub, given) for _ in range(20)))
    won = [one for one in answers if one.status_code == 200]
    after = [await this_machine(hub, one.json()["access_token"]) for one in won]

    assert len(won) == 1
    assert [code(one) for one in after] == [(401, "token-ended")]


async def an_administrator(served: Served) -> httpx.AsyncClient:
    link = await served.hub.first_link()
    assert link is not None
    asked = {"link": link.partition("#")[2], "name": "ada", "password": PASSWORD}
    browser = served.browser()
    assert (await browser.post("/auth/first", json=asked)).status_code == 204
    return browser
