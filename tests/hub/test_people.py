"""Accounts, signing in, sessions, and who may do what."""

import time
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from hub.identity.service import NewAccount
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_the_first_start_prints_a_link_that_works_once(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as served:
        link = await served.hub.first_link()
        assert link is not None
        secret = link.partition("#")[2]
        asked = {"link": secret, "name": "Ada", "password": PASSWORD}
        wrong = await served.stranger.post("/auth/first", json={**asked, "link": "guessed"})
        made = await served.stranger.post("/auth/first", json=asked)
        again = await served.stranger.post("/auth/first", json={**asked, "name": "eve"})
        me = (await served.stranger.get("/users/me")).json()
        later = await served.hub.first_link()

    assert (code(wrong), made.status_code, code(again)) == (
        (410, "link-used"),
        204,
        (410, "link-used"),
    )
    assert (me["name"], me["role"], later) == ("ada", "administrator", None)


async def test_a_wrong_password_and_an_unknown_name_look_alike(hub: Served) -> None:
    wrong = await hub.stranger.post("/auth/login", json={"username": "ada", "password": "no"})
    nobody = await hub.stranger.post("/auth/login", json={"username": "eve", "password": "no"})

    assert code(wrong) == code(nobody) == (401, "wrong-login")
    assert wrong.json()["detail"] == nobody.json()["detail"]


async def test_guessing_is_slowed_down_and_the_owner_gets_in_from_elsewhere(
    hub: Served,
) -> None:
    await hub.hub.local.add(NewAccount("carol", PASSWORD))
    async with hub.browser() as guesser:
        asked = {"username": "carol", "password": "guessed"}
        codes = [code(await guesser.post("/auth/login", json=asked)) for _ in range(7)]
        right = {"username": "carol", "password": PASSWORD}
        slowed = await guesser.post("/auth/login", json=right)

    assert codes[:5] == [(401, "wrong-login")] * 5
    assert codes[-1] == (429, "too-many-logins")
    assert (slowed.status_code, int(slowed.headers["Retry-After"]) >= 1) == (429, True)
    bob = await hub.signed_in("bob")  # another name of the same address
    assert (await bob.get("/users/me")).json()["name"] == "bob"


async def test_sessions_are_listed_and_ended_by_their_owner_alone(hub: Served) -> None:
    bob, again, ada = (
        await hub.signed_in("bob"),
        await hub.signed_in("bob"),
        await hub.signed_in("ada"),
    )
    listed = (await bob.get("/auth/sessions")).json()["items"]
    own = next(one for one in (await again.get("/auth/sessions")).json()["items"] if one["is_this"])
    foreign = await ada.delete(f"/auth/sessions/{own['id']}")
    ended = await bob.delete(f"/auth/sessions/{own['id']}")
    after = await again.get("/users/me")

    assert len(listed) >= 2
    assert [one["is_this"] for one in listed].count(True) == 1
    assert (code(foreign), ended.status_code, code(after)) == (
        (404, "no-such-session"),
        204,
        (401, "session-ended"),
    )


async def test_another_password_ends_every_other_session(hub: Served) -> None:
    await hub.hub.local.add(NewAccount("dora", PASSWORD))
    one, other = await hub.signed_in("dora"), await hub.signed_in("dora")
    new = "another four words here"
    weak = await one.post("/auth/password", json={"old": PASSWORD, "new": "short"})
    wrong = await one.post("/auth/password", json={"old": "no", "new": new})
    changed = await one.post("/auth/password", json={"old": PASSWORD, "new": new})

    assert (code(weak), code(wrong), changed.status_code) == (
        (422, "weak-password"),
        (401, "wrong-login"),
        204,
    )
    assert (await one.get("/users/me")).status_code == 200
    assert (await other.get("/users/me")).status_code == 401
    assert (await (await hub.signed_in("dora", new)).get("/users/me")).status_code == 200


async def test_nobody_makes_himself_an_administrator(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    answer = await bob.patch("/users/me", json={"role": "administrator"})

    assert answer.status_code == 422
    assert (await bob.get("/users/me")).json()["role"] == "user"


async def test_no_administrator_removes_oneself(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    me = (await ada.get("/users/me")).json()["id"]
    answers = [
        await ada.patch(f"/users/{me}", json={"role": "user"}),
        await ada.patch(f"/users/{me}", json={"is_active": False}),
        await ada.delete(f"/users/{me}"),
    ]

    assert [code(one) for one in answers] == [(409, "own-account")] * 3


async def test_an_account_that_is_switched_off_is_out_at_once(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    asked = {"name": "Frank", "password": PASSWORD, "email": "frank@example.org"}
    made = (await ada.post("/users", json=asked)).json()
    frank = await hub.signed_in("frank")
    before = (await frank.get("/users/me")).json()
    await ada.patch(f"/users/{made['id']}", json={"is_active": False})
    refused = await hub.stranger.post(
        "/auth/login", json={"username": "frank", "password": PASSWORD}
    )

    assert (before["name"], before["must_change"]) == ("frank", True)
    assert (await frank.get("/users/me")).status_code == 401
    assert code(refused) == (401, "wrong-login")


async def test_a_name_is_taken_once(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    taken = await ada.post("/users", json={"name": "BOB", "password": PASSWORD})
    bad = await ada.post("/users", json={"name": "../bob", "password": PASSWORD})

    assert (code(taken), code(bad)) == ((409, "name-taken"), (422, "bad-name"))


async def test_what_was_done_stands_in_the_audit_log_and_its_chain_is_whole(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    await ada.post("/users", json={"name": "grace"})
    await hub.stranger.post("/auth/login", json={"username": "grace", "password": "guessed"})
    entries = (await ada.get("/audit", params={"q": "grace"})).json()["items"]
    chain = (await ada.get("/audit/chain")).json()
    exported = (await ada.get("/audit/export")).text.splitlines()

    assert [(one["actor"], one["action"], one["outcome"]) for one in entries] == [
        ("nobody", "login", "refused"),
        ("ada", "user.add", "done"),
    ]
    assert (chain["is_whole"], chain["broken_at"]) == (True, None)
    assert len(exported) >= len(entries)
    assert not any(PASSWORD in line for line in exported)


async def test_what_changes_something_comes_from_a_page_of_the_hub(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    cookie = {"Cookie": f"orca-hub={ada.cookies['orca-hub']}"}
    async with hub.browser() as other:
        foreign = await other.post("/users", json={}, headers={"Origin": "https://evil.example"})
        null = await other.post("/users", json={}, headers={"Origin": "null"})
        host = await other.get("/users/me", headers={"Host": "evil.example"})
    async with httpx.AsyncClient(base_url=f"{hub.url}/api/v1", headers=cookie) as plain:
        bare = await plain.post("/users", json={"name": "mallory"})

    assert [code(one) for one in (foreign, null, host, bare)] == [
        (403, "foreign-origin"),
        (403, "foreign-origin"),
        (403, "foreign-host"),
        (403, "not-from-our-page"),
    ]


@pytest.mark.slow
async def test_signing_in_takes_a_code_of_the_app_and_each_code_once(hub: Served) -> None:
    await hub.hub.local.add(NewAccount("tara", PASSWORD))
    tara = await hub.signed_in("tara")
    app = pyotp.TOTP((await tara.post("/auth/totp")).json()["secret"])
    confirmed = await tara.post("/auth/totp/confirm", json={"code": app.now()})
    asked = {"username": "tara", "password": PASSWORD}
    later = {**asked, "totp": app.at(int(time.time()) + 30)}
    async with hub.browser() as page:
        answers = [await page.post("/auth/login", json=one) for one in (asked, later, later)]

    assert len(confirmed.json()["recovery_codes"]) == 8
    assert code(answers[0]) == (401, "code-wanted")
    assert answers[1].status_code == 204
    assert code(answers[2]) == (401, "wrong-login")


@pytest.mark.slow
async def test_a_group_makes_its_members_administrators(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    asked = {"name": "hugo", "password": PASSWORD}
    user = (await ada.post("/users", json=asked)).json()
    group = (await ada.post("/groups", json={"name": "Chiefs", "role": "administrator"})).json()
    put = await ada.put(f"/groups/{group['id']}/members/{user['id']}")
    hugo = await hub.signed_in("hugo")
    me = (await hugo.get("/users/me")).json()
    first = await hugo.get("/groups")
    taken_out = await ada.delete(f"/groups/{group['id']}/members/{user['id']}")

    assert (put.status_code, taken_out.status_code) == (204, 204)
    assert (me["role"], me["groups"], code(first)) == (
        "administrator",
        ["Chiefs"],
        (403, "password-change-wanted"),
    )
    assert code(await hugo.get("/users/me")) == (401, "session-ended")
