"""The second step, codes for paper, links to a new password, groups, and who guesses."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
import pytest_asyncio

from agent.shared.errors import TooMany, Unauthenticated
from hub.groups.service import GroupService
from hub.identity.revocations import Revocations
from hub.identity.service import NewAccount
from hub.identity.sessions import From
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
NEW = "another four words here"
Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Still:
    """A hub whose clock stands still until a test moves it on."""

    served: Served
    clock: MovingClock

    async def made(self, name: str, **more: Any) -> Json:  # Any: fields of an account
        account = NewAccount(name, PASSWORD, **more)
        return dict(await self.served.hub.local.add(account))

    async def tried(self, name: str, password: str = PASSWORD, totp: str = "") -> httpx.Response:
        asked = {"username": name, "password": password, "totp": totp}
        async with self.served.browser() as browser:
            return await browser.post("/auth/login", json=asked)

    def code(self, secret: str) -> str:
        """What an app shows now."""
        return pyotp.TOTP(secret).at(int(self.clock().timestamp()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Still]:
    folder, clock = tmp_path_factory.mktemp("still"), MovingClock()
    async with running_hub(folder / "data", environment=environment, clock=clock) as served:
        one = Still(served, clock)
        await one.made("ada", role="administrator")
        yield one


@pytest.fixture
def still(standing: Still) -> Still:
    """The same, a while after the test before, so that nobody is slowed down by it."""
    standing.clock.passes(minutes=61)
    return standing


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def with_app(still: Still, name: str) -> tuple[httpx.AsyncClient, str, list[str]]:
    """Somebody with a second step: the browser, the secret of the app, and codes for paper."""
    await still.made(name)
    browser = await still.served.signed_in(name)
    secret = (await browser.post("/auth/totp")).json()["secret"]
    confirmed = await browser.post("/auth/totp/confirm", json={"code": still.code(secret)})
    assert confirmed.status_code == 200, confirmed.text
    still.clock.passes(seconds=60)
    return browser, secret, confirmed.json()["recovery_codes"]


async def codes_left(browser: httpx.AsyncClient) -> int | None:
    told: int | None = (await browser.get("/users/me")).json()["recovery_codes_left"]
    return told


async def test_who_signs_in_may_call_the_name_as_it_is_called_elsewhere(still: Still) -> None:
    await still.made("bob")
    asked = {"name": "bob", "password": PASSWORD}
    async with still.served.browser() as browser:
        by_name = await browser.post("/auth/login", json=asked)
        me = await browser.get("/users/me")
        both = await browser.post("/auth/login", json={**asked, "username": "ada"})
        neither = await browser.post("/auth/login", json={"password": PASSWORD})

    assert (by_name.status_code, me.json()["name"]) == (204, "bob")
    assert (code(both), code(neither)) == ((422, "invalid-fields"), (422, "invalid-fields"))


async def test_a_second_step_is_asked_for_once_it_is_confirmed_and_no_code_counts_twice(
    still: Still,
) -> None:
    await still.made("tom")
    tom = await still.served.signed_in("tom")
    offered = (await tom.post("/auth/totp")).json()
    without = await codes_left(tom)
    before = await still.tried("tom")
    wrong = await tom.post("/auth/totp/confirm", json={"code": "000000x"})
    odd = await tom.post("/auth/totp/confirm", json={"code": "\N{ARABIC-INDIC DIGIT ONE}" * 6})
    sent = still.code(offered["secret"])
    confirmed = await tom.post("/auth/totp/confirm", json={"code": sent})
    replayed = await still.tried("tom", totp=sent)
    still.clock.passes(seconds=30)
    asked = await still.tried("tom")
    fresh = still.code(offered["secret"])
    at_once = await asyncio.gather(*(still.tried("tom", totp=fresh) for _ in range(4)))
    again = await tom.post("/auth/totp")

    assert (before.status_code, code(wrong), code(odd)) == (204, *[(401, "wrong-code")] * 2)
    assert without is None
    assert offered["uri"].startswith("otpauth://totp/Orca%20Agents:tom?secret=")
    assert offered["svg"].startswith("<svg")
    assert offered["secret"] in offered["uri"]
    assert len(set(confirmed.json()["recovery_codes"])) == 8
    assert (code(replayed), code(asked)) == ((401, "wrong-login"), (401, "code-wanted"))
    assert sorted(one.status_code for one in at_once) == [204, 401, 401, 401]
    assert code(again) == (409, "totp-set")
    assert (await tom.get("/users/me")).json()["has_totp"]


async def test_a_code_from_paper_lets_in_once(still: Still) -> None:
    pam, _, codes = await with_app(still, "pam")
    fresh = await codes_left(pam)
    first = await still.tried("pam", totp=f" {codes[0].upper()} ")
    again = await still.tried("pam", totp=codes[0])
    other = await still.tried("pam", totp=codes[1].replace("-", ""))

    assert (first.status_code, code(again), other.status_code) == (204, (401, "wrong-login"), 204)
    assert (fresh, await codes_left(pam)) == (8, 6)


async def test_whoever_knows_the_password_does_not_guess_codes_by_asking_in_between(
    still: Still,
) -> None:
    _, secret, _ = await with_app(still, "lea")
    seen = []
    for number in range(6):
        guessed = await still.tried("lea", totp=f"00000{number}")
        asked = await still.tried("lea")
        seen.append((guessed.status_code, asked.status_code))

    still.clock.passes(seconds=3)
    owner = [await still.tried("lea"), await still.tried("lea", totp=still.code(secret))]

    assert seen == [*[(401, 401)] * 4, (401, 429), (429, 429)]
    assert (code(owner[0]), owner[1].status_code) == ((401, "code-wanted"), 204)


async def test_the_second_step_goes_with_the_password_alone_or_by_an_administrator(
    still: Still,
) -> None:
    uma, _, codes = await with_app(still, "uma")
    wrong = await uma.request("DELETE", "/auth/totp", json={"password": "guessed"})
    right = await uma.request("DELETE", "/auth/totp", json={"password": PASSWORD})
    without = await still.tried("uma")
    spent = await uma.post("/auth/totp/confirm", json={"code": codes[0]})
    _, _, _ = await with_app(still, "val")
    ada = await still.served.signed_in("ada")
    val = (await ada.get("/users", params={"q": "val"})).json()["items"][0]
    removed = await ada.delete(f"/users/{val['id']}/totp")
    later = await still.tried("val")

    assert (code(wrong), right.status_code, without.status_code) == (
        (401, "wrong-login"),
        204,
        204,
    )
    assert code(spent) == (410, "no-offer")
    assert (val["has_totp"], removed.status_code, later.status_code) == (True, 204, 204)


async def test_a_password_that_somebody_else_chose_is_changed_before_anything_else(
    still: Still,
) -> None:
    ada = await still.served.signed_in("ada")
    made = (await ada.post("/users", json={"name": "wes", "password": PASSWORD})).json()
    wes = await still.served.signed_in("wes")
    refused = [await wes.get("/users"), await wes.get("/auth/sessions"), await wes.get("/keys")]
    me = (await wes.get("/users/me")).json()
    former = wes.cookies["orca-hub"]
    same = await wes.post("/auth/password", json={"old": PASSWORD, "new": PASSWORD})
    changed = await wes.post("/auth/password", json={"old": PASSWORD, "new": NEW})
    after = await wes.get("/auth/sessions")
    async with still.served.browser(Cookie=f"orca-hub={former}") as thief:
        stolen = await thief.get("/users/me")

    assert made["name"] == "wes"
    assert [code(one) for one in refused] == [
        (403, "administrators-only"),
        (403, "password-change-wanted"),
        (403, "password-change-wanted"),
    ]
    assert code(same) == (422, "same-password")
    assert (me["must_change"], changed.status_code, after.status_code) == (True, 204, 200)
    assert wes.cookies["orca-hub"] != former
    assert code(stolen) == (401, "session-ended")


async def test_an_administrator_resets_by_a_password_or_by_a_link_that_works_once(
    still: Still,
) -> None:
    await still.made("xia")
    ada, xia = await still.served.signed_in("ada"), await still.served.signed_in("xia")
    user = (await ada.get("/users", params={"q": "xia"})).json()["items"][0]
    listed = (await ada.get(f"/users/{user['id']}/sessions")).json()["items"]
    reset = await ada.post(f"/users/{user['id']}/reset", json={"password": NEW})
    out = await xia.get("/users/me")
    link = (await ada.post(f"/users/{user['id']}/reset", json={})).json()
    secret = link["link"].partition("/reset#")[2]
    stranger = still.served.stranger
    weak = await stranger.post("/auth/reset", json={"link": secret, "password": "short"})
    asked = {"link": secret, "password": "a password of my own"}
    both = await asyncio.gather(*(stranger.post("/auth/reset", json=asked) for _ in range(2)))
    signed_in = await still.served.signed_in("xia", "a password of my own")
    me = (await signed_in.get("/users/me")).json()
    later = (await ada.post(f"/users/{user['id']}/reset", json={})).json()
    still.clock.passes(hours=25)
    over = await stranger.post(
        "/auth/reset", json={**asked, "link": later["link"].partition("#")[2]}
    )

    assert (len(listed), reset.status_code, out.status_code) == (1, 204, 401)
    assert code(weak) == (422, "weak-password")
    assert sorted(one.status_code for one in both) == [204, 410]
    assert (me["name"], me["must_change"], code(over)) == ("xia", False, (410, "link-used"))


async def test_a_program_gets_tokens_and_no_cookie(still: Still) -> None:
    await still.made("yan")
    asked = {"username": "yan", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=f"{still.served.url}/api/v1") as program:
        given = await program.post("/auth/login", json=asked)
        bearer = {"Authorization": f"Bearer {given.json()['access_token']}"}
        me = await program.get("/users/me", headers=bearer)
        nobody = await program.get("/users/me")

    assert sorted(given.json()) == ["access_token", "expires_in", "refresh_token", "token_type"]
    assert "Set-Cookie" not in given.headers
    assert (me.json()["means"], nobody.status_code) == ("token", 401)


async def test_a_thousand_guesses_at_once_are_no_more_than_one_after_the_other(
    still: Still,
) -> None:
    await still.made("zoe")
    answers = await asyncio.gather(*(still.tried("zoe", f"guess {n}") for n in range(12)))
    codes = [code(one)[0] for one in answers]

    assert (codes.count(401), codes.count(429)) == (5, 7)


async def test_a_botnet_slows_down_strange_addresses_alone(still: Still) -> None:
    await still.made("own")
    local, home = still.served.hub.local, From("192.0.2.1", "")
    await local.login("own", PASSWORD, "", home)
    for number in range(20):
        bot = From(f"198.51.100.{number}", "")
        with pytest.raises(Unauthenticated):
            await local.login("own", "guessed", "", bot)

    assert (await local.login("own", PASSWORD, "", home)).ends_in_s > 0
    with pytest.raises(TooMany):
        await local.login("own", PASSWORD, "", From("203.0.113.9", ""))
    still.clock.passes(seconds=31)
    assert (await local.login("own", PASSWORD, "", From("203.0.113.9", ""))).ends_in_s > 0


async def test_a_group_makes_administrators_and_takes_it_away_again(still: Still) -> None:
    await still.made("gil")
    ada, gil = await still.served.signed_in("ada"), await still.served.signed_in("gil")
    user = (await ada.get("/users", params={"q": "gil"})).json()["items"][0]
    made = (await ada.post("/groups", json={"name": "Chiefs", "role": "administrator"})).json()
    taken = await ada.post("/groups", json={"name": "CHIEFS"})
    put = await ada.put(f"/groups/{made['id']}/members/{user['id']}")
    out = await gil.get("/users/me")
    gil = await still.served.signed_in("gil")
    me = (await gil.get("/users/me")).json()
    may = await gil.get("/users")
    weaker = await ada.patch(f"/groups/{made['id']}", json={"role": None, "name": "Crew"})
    out_again = await gil.get("/users/me")
    gil = await still.served.signed_in("gil")
    may_not = await gil.get("/users")
    groups = (await gil.get("/users/me")).json()["groups"]
    gone = await ada.delete(f"/groups/{made['id']}/members/{user['id']}")

    assert (code(taken), put.status_code, out.status_code) == ((409, "name-taken"), 204, 401)
    assert (me["role"], me["groups"], may.status_code) == ("administrator", ["Chiefs"], 200)
    assert (weaker.json()["role"], out_again.status_code) == (None, 401)
    assert (code(may_not), groups) == ((403, "administrators-only"), ["Crew"])
    assert (gone.status_code, (await gil.get("/users/me")).json()["groups"]) == (204, [])


@pytest.mark.slow
async def test_the_last_break_glass_account_stays(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as served:
        local = served.hub.local
        await local.add(NewAccount("other", PASSWORD, "administrator"))
        await local.add(NewAccount("glass", PASSWORD, "administrator", is_break_glass=True))
        other = await served.signed_in("other")
        glass = (await other.get("/users", params={"q": "glass"})).json()["items"][0]
        kept = [
            await other.delete(f"/users/{glass['id']}"),
            await other.patch(f"/users/{glass['id']}", json={"is_active": False}),
            await other.patch(f"/users/{glass['id']}", json={"role": "user"}),
        ]
        await local.add(NewAccount("glass-too", PASSWORD, "administrator", is_break_glass=True))
        gone = await other.delete(f"/users/{glass['id']}")

    assert [code(one) for one in kept] == [(409, "last-break-glass")] * 3
    assert gone.status_code == 204


async def test_the_last_administrator_may_be_one_by_a_group(still: Still) -> None:
    await still.made("hal")
    ada = await still.served.signed_in("ada")
    hal = (await ada.get("/users", params={"q": "hal"})).json()["items"][0]
    me = (await ada.get("/users/me")).json()
    group = (await ada.post("/groups", json={"name": "Owners", "role": "administrator"})).json()
    await ada.put(f"/groups/{group['id']}/members/{hal['id']}")
    browser = await still.served.signed_in("hal")
    await browser.patch(f"/users/{me['id']}", json={"role": "user"})
    answers = [
        await browser.delete(f"/groups/{group['id']}"),
        await browser.patch(f"/groups/{group['id']}", json={"role": "user"}),
        await browser.delete(f"/groups/{group['id']}/members/{hal['id']}"),
    ]
    back = await browser.patch(f"/users/{me['id']}", json={"role": "administrator"})

    assert [code(one) for one in answers] == [(409, "last-administrator")] * 3
    assert back.json()["role"] == "administrator"


async def test_an_administrator_who_never_signed_in_is_none_to_count_on(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as served:
        await served.hub.local.add(NewAccount("lou", PASSWORD))
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await served.signed_in("ada")
        new = {"name": "new", "password": PASSWORD, "role": "administrator"}
        await ada.post("/users", json=new)
        lou = (await ada.get("/users", params={"q": "lou"})).json()["items"][0]
        group = (await ada.post("/groups", json={"name": "W", "role": "administrator"})).json()
        await ada.put(f"/groups/{group['id']}/members/{lou['id']}")
        browser = await served.signed_in("lou")
        me = (await ada.get("/users/me")).json()
        await browser.patch(f"/users/{me['id']}", json={"role": "user"})
        alone = await browser.delete(f"/groups/{group['id']}")
        await served.signed_in("new")
        two = await browser.delete(f"/groups/{group['id']}")

    assert (code(alone), two.status_code) == ((409, "last-administrator"), 204)


async def test_each_source_has_a_say_of_its_own_about_groups(still: Still) -> None:
    account = await still.made("ivy")
    core = still.served.hub.core
    ada = await still.served.signed_in("ada")
    local = (await ada.post("/groups", json={"name": "Both"})).json()
    await ada.put(f"/groups/{local['id']}/members/{account['id']}")
    revocations = Revocations(core.clock, None)
    groups = GroupService(core.database, core.audit, revocations, core.clock, core.new_id)
    names = []
    odd: tuple[str, ...] = ()
    for said in (["both", "Oidc", "bad\0", ""], ["Oidc"], []):
        async with core.database.writing() as connection:
            odd += await groups.set_from(connection, account["id"], "oidc", said)
            names.append(await groups.names_of(connection, account["id"]))

    assert names == [("Both", "Oidc"), ("Both", "Oidc"), ("Both",)]
    assert odd == ("bad\0", "")


async def test_an_ipv6_line_is_counted_as_one(still: Still) -> None:
    await still.made("six")
    local = still.served.hub.local
    for number in range(5):
        with pytest.raises(Unauthenticated):
            await local.login("six", "guessed", "", From(f"2001:db8:1:2::{number}", ""))
    with pytest.raises(TooMany):
        await local.login("six", PASSWORD, "", From("2001:db8:1:2:ffff::9", ""))
    opened = await local.login("six", PASSWORD, "", From("2001:db8:1:3::9", ""))

    assert opened.ends_in_s > 0


@pytest.mark.parametrize("mode", ["break-glass", "off"])
async def test_without_local_logins_break_glass_accounts_get_in(tmp_path: Path, mode: str) -> None:
    async with running_hub(tmp_path, environment={"ORCA_HUB_LOCAL_LOGIN": mode}) as served:
        await served.hub.local.add(
            NewAccount("glass", PASSWORD, "administrator", is_break_glass=True)
        )
        await served.hub.local.add(NewAccount("bob", PASSWORD))
        glass = await (await served.signed_in("glass")).get("/users/me")
        asked = {"username": "bob", "password": PASSWORD}
        bob = await served.stranger.post("/auth/login", json=asked)

    assert (glass.json()["name"], code(bob)) == ("glass", (401, "wrong-login"))
