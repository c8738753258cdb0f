"""Signing in with a provider: the way there and back, accounts, groups and roles."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.identity.service import NewAccount
from hub.users.store import Accounts
from tests.hub.oidc import Trusting, trusting_hub
from tests.hub.serving import running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def some(whole: Json, *names: str) -> Json:
    return {name: whole[name] for name in names}


async def me(browser: httpx.AsyncClient) -> Json:
    answer = await browser.get("/users/me")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def last_login(oidc: Trusting) -> Json:
    ada = await oidc.ada()
    return dict((await ada.get("/auth/oidc/logins")).json()["items"][0])


async def actions(oidc: Trusting, about: str) -> list[tuple[str, str]]:
    ada = await oidc.ada()
    entries = (await ada.get("/audit", params={"q": about})).json()["items"]
    return [(one["action"], one["outcome"]) for one in entries]


async def test_the_page_learns_how_one_can_sign_in(oidc: Trusting) -> None:
    async with oidc.hub.browser() as stranger:
        known = (await stranger.get("/auth/methods")).json()
    ada = await oidc.ada()
    at_home = (await ada.get("/auth/methods")).json()

    button = {"name": "Okta", "url": "/api/v1/auth/okta/login"}
    assert some(known, "local", "oidc", "is_first") == {
        "local": True,
        "oidc": button,
        "is_first": False,
    }
    assert (known["is_signed_in"], at_home["is_signed_in"]) == (False, True)


@pytest.mark.slow
async def test_without_a_provider_there_is_no_way_to_one(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "data") as hub, hub.browser() as stranger:
        known = (await stranger.get("/auth/methods")).json()
        begun = await stranger.get("/auth/okta/login")
        back = await stranger.get("/auth/oidc/callback", params={"code": "a", "state": "b"})
        told = await stranger.post("/auth/oidc/backchannel-logout", data={"logout_token": "a"})

    assert some(known, "oidc", "is_first") == {"oidc": None, "is_first": True}
    assert [code(one) for one in (begun, back, told)] == [
        (404, "no-provider"),
        (404, "no-provider"),
        (400, "no-provider"),
    ]


async def test_somebody_new_gets_an_account_with_groups_and_a_role(oidc: Trusting) -> None:
    alice = await oidc.sign_in(
        "00u-alice",
        preferred_username="Alice@Example.org",
        name="Alice A.",
        email="alice@example.org",
        groups=["orca-admins", "orca-users"],
    )
    said = {
        "name": "alice@example.org",
        "display_name": "Alice A.",
        "role": "administrator",
        "groups": ["orca-admins", "orca-users"],
        "means": "session",
    }

    assert some(await me(alice), *said) == said
    assert some(await last_login(oidc), "account", "found", "groups", "role", "problem") == {
        "account": "alice@example.org",
        "found": "list",
        "groups": ["orca-admins", "orca-users"],
        "role": "administrator",
        "problem": None,
    }
    assert await actions(oidc, "alice@") == [("login", "done"), ("user.add", "done")]


async def test_the_way_there_proves_who_asks_and_keeps_everything_in_one_browser(
    oidc: Trusting,
) -> None:
    async with oidc.hub.browser() as browser:
        _, first = await oidc.begin(browser)
    asked = httpx.URL(first.headers["Location"]).params
    cookie = first.headers["Set-Cookie"]

    assert some(dict(asked), "response_type", "client_id", "scope", "code_challenge_method") == {
        "response_type": "code",
        "client_id": "orca-hub",
        "scope": "openid profile email groups offline_access",
        "code_challenge_method": "S256",
    }
    assert asked["redirect_uri"] == f"{oidc.hub.url}/api/v1/auth/okta/callback"
    assert all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge"))
    assert ("HttpOnly" in cookie, "SameSite=Lax" in cookie) == (True, True)
    assert not any(asked[name] in cookie for name in ("state", "nonce"))


async def test_who_comes_by_another_name_of_this_computer_goes_on_by_the_one_of_the_hub(
    oidc: Trusting,
) -> None:
    port = httpx.URL(oidc.hub.url).port
    async with oidc.hub.browser(Host=f"localhost:{port}") as browser:
        led = await browser.get("/auth/okta/login", params={"next": "/machines"})

    path = "/api/v1/auth/okta/login?next=%2Fmachines"
    assert (led.status_code, led.headers["Location"]) == (302, f"{oidc.hub.url}{path}")


async def test_the_way_back_works_once_and_in_the_browser_that_began(oidc: Trusting) -> None:
    async with oidc.hub.browser() as browser, oidc.hub.browser() as other:
        back, _ = await oidc.begin(browser)
        foreign = await other.get(back)  # a link that somebody was sent
        await oidc.begin(other)
        wrong = await other.get(back)
        right = await browser.get(back)
        kept = {"Cookie": f"orca-oidc={browser.cookies.get('orca-oidc', '')}"}
        again = await browser.get(back, headers=kept)
        await oidc.begin(other)
        oidc.clock.passes(minutes=11)
        late = await other.get(back)

    assert right.status_code == 303
    assert [code(one) for one in (foreign, wrong, again, late)] == [
        (400, "login-not-begun"),
        (403, "wrong-state"),
        (400, "login-not-begun"),
        (403, "login-too-slow"),
    ]


async def test_a_copied_cookie_does_not_sign_in_a_second_time(oidc: Trusting) -> None:
    async with oidc.hub.browser() as browser, oidc.hub.browser() as thief:
        back, first = await oidc.begin(browser)
        thief.cookies.update(browser.cookies)
        right = await browser.get(back)
        stolen = await thief.get(back)

    assert (right.status_code, code(stolen)) == (303, (403, "login-used"))
    assert first.status_code == 302


async def test_a_code_that_was_used_or_made_up_lets_nobody_in(oidc: Trusting) -> None:
    async with oidc.hub.browser() as browser:
        back, _ = await oidc.begin(browser)
        oidc.provider.codes.clear()
        used = await browser.get(back)

    assert code(used) == (403, "code-refused")


async def test_an_answer_of_another_provider_is_not_taken(oidc: Trusting) -> None:
    async with oidc.hub.browser() as browser:
        oidc.provider.says_issuer = "https://evil.example"
        mixed = await oidc.finish(browser)
        back, _ = await oidc.begin(browser)
        silent = await browser.get(httpx.URL(back).copy_remove_param("iss"))

    assert [code(one) for one in (mixed, silent)] == [(403, "wrong-issuer")] * 2


async def test_nobody_is_led_elsewhere_afterwards(oidc: Trusting) -> None:
    async with oidc.hub.browser() as browser:
        answer = await oidc.finish(browser, "//evil.example/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


async def test_one_comes_back_to_the_page_that_was_wanted(oidc: Trusting) -> None:
    async with oidc.hub.browser() as browser:
        answer = await oidc.finish(browser, "/machines?name=a%20b#first")

    assert answer.headers["Location"] == "/machines?name=a%20b#first"


async def test_what_the_provider_refuses_is_shown_as_a_page_without_its_words(
    oidc: Trusting,
) -> None:
    async with oidc.hub.browser(Accept="text/html") as browser:
        back, _ = await oidc.begin(browser)
        state = httpx.URL(back).params["state"]
        query = {
            "state": state,
            "iss": oidc.provider.issuer,
            "error": "<script>alert(1)</script>",
            "error_description": "<b>call this number</b>",
        }
        shown = await browser.get("/auth/okta/callback", params=query)

    assert (shown.status_code, shown.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert not any(word in shown.text for word in ("<script", "<b>", "call this number"))
    assert "script-src" not in shown.headers["Content-Security-Policy"]
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


async def test_the_session_is_a_new_one_and_the_one_before_has_ended(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-fixed", preferred_username="fixed", groups=[])
    planted = browser.cookies["orca-hub"]
    await oidc.finish(browser)
    async with oidc.hub.browser(Cookie=f"orca-hub={planted}") as thief:
        old = await thief.get("/users/me")

    assert browser.cookies["orca-hub"] != planted
    assert (code(old), (await me(browser))["name"]) == ((401, "session-ended"), "fixed")


# --- who is who ---------------------------------------------------------------------------------


async def test_nobody_becomes_somebody_else_by_name_or_e_mail(oidc: Trusting) -> None:
    ada = await oidc.ada()
    await ada.patch("/users/me", json={"email": "ada@example.org"})
    pretender = await oidc.sign_in(
        "00u-pretender",
        preferred_username="ada",
        email="ada@example.org",
        email_verified=True,
        groups=[],
    )
    same = await oidc.sign_in("00u-pretender")

    assert [(await me(one))["name"] for one in (ada, pretender, same)] == ["ada", "ada-2", "ada-2"]
    assert ((await me(ada))["role"], (await me(pretender))["role"]) == ("administrator", "user")


async def test_who_is_switched_off_stays_out(oidc: Trusting) -> None:
    gone = await oidc.sign_in("00u-gone", preferred_username="gone", groups=["orca-users"])
    ada = await oidc.ada()
    await ada.patch(f"/users/{(await me(gone))['id']}", json={"is_active": False})
    async with oidc.hub.browser() as again:
        refused = await oidc.finish(again)

    assert (code(refused), (await gone.get("/users/me")).status_code) == ((403, "account-off"), 401)
    assert some(await last_login(oidc), "account", "problem") == {
        "account": "gone",
        "problem": "This account is switched off. Ask an Administrator.",
    }


# --- groups -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "groups", "role", "found"),
    [
        ({"groups": "a, orca-admins,,b"}, ["a", "b", "orca-admins"], "administrator", "string"),
        ({"groups": [f"team-{n:03}" for n in range(150)]}, 150, "user", "list"),
    ],
)
async def test_groups_come_as_a_list_or_as_a_string(
    oidc: Trusting, claims: Json, groups: Any, role: str, found: str
) -> None:
    browser = await oidc.sign_in("00u-grouped", preferred_username="grouped", **claims)
    mine = await me(browser)

    brought = len(mine["groups"]) if isinstance(groups, int) else mine["groups"]
    assert (brought, mine["role"], (await last_login(oidc))["found"]) == (groups, role, found)


async def test_a_group_of_the_same_name_makes_nobody_an_administrator(oidc: Trusting) -> None:
    ada = await oidc.ada()
    for name, role in (("Hub owners", "administrator"), ("Makers", None)):
        await ada.post("/groups", json={"name": name, "role": role})
    browser = await oidc.sign_in(
        "00u-namer", preferred_username="namer", groups=["hub OWNERS", "makers"]
    )
    mine = await me(browser)

    assert (mine["groups"], mine["role"]) == (["Makers"], "user")


@pytest.mark.parametrize(
    ("claims", "found"), [({}, "missing"), ({"groups": ["orca-\x00admins"]}, "odd")]
)
async def test_groups_that_are_missing_or_odd_change_nothing_and_are_told(
    oidc: Trusting, claims: Json, found: str
) -> None:
    await oidc.sign_in("00u-keeps", preferred_username="keeps", groups=["orca-admins"])
    browser = await oidc.sign_in("00u-keeps", preferred_username="keeps", **claims)
    mine = await me(browser)
    login = await last_login(oidc)

    assert (mine["role"], mine["groups"]) == ("administrator", ["orca-admins"])
    assert (login["found"], "nothing was changed" in login["problem"]) == (found, True)
    assert ("login.groups-missing", "refused") in await actions(oidc, "keeps")


async def test_somebody_new_without_groups_is_no_administrator(oidc: Trusting) -> None:
    browser = await oidc.sign_in("00u-plain", preferred_username="plain")

    assert some(await me(browser), "role", "groups") == {"role": "user", "groups": []}


async def test_groups_that_only_userinfo_tells_are_believed_of_the_same_person(
    oidc: Trusting,
) -> None:
    oidc.provider.userinfo = {"sub": "00u-thin", "groups": ["orca-admins"]}
    thin = await oidc.sign_in("00u-thin", preferred_username="thin")
    oidc.provider.userinfo = {"sub": "00u-other", "groups": ["orca-admins"]}
    oidc.provider.present = "00u-swapped"
    async with oidc.hub.browser() as browser:
        swapped = await oidc.finish(browser)

    assert (await me(thin))["role"] == "administrator"
    assert code(swapped) == (403, "bad-identity")


async def test_who_lost_a_group_loses_its_role_and_every_other_session(oidc: Trusting) -> None:
    before = await oidc.sign_in("00u-lost", preferred_username="lost", groups=["orca-admins"])
    after = await oidc.sign_in("00u-lost", preferred_username="lost", groups=["orca-users"])

    assert (await before.get("/users/me")).status_code == 401
    assert some(await me(after), "role", "groups") == {"role": "user", "groups": ["orca-users"]}


# --- accounts that are there before --------------------------------------------------------------


async def made(oidc: Trusting, name: str, **known: object) -> str:
    """The id of an account that SCIM or the command line made, without a browser."""
    core = oidc.hub.hub.core
    row = await oidc.hub.hub.local.add(NewAccount(name, None))
    async with core.database.writing() as connection:
        await Accounts(connection).change(row["id"], known)
    return str(row["id"])


@pytest.mark.slow
async def test_whom_okta_made_by_scim_is_recognised_by_its_id(oidc: Trusting) -> None:
    known = await made(oidc, "scim", external_id="00u-scim")
    guarded = await made(oidc, "guarded", external_id="00u-guarded", is_break_glass=True)
    scim = await oidc.sign_in("00u-scim", preferred_username="scim", groups=[])
    other = await oidc.sign_in("00u-guarded", preferred_username="guarded", groups=[])

    assert (await me(scim))["id"] == known
    assert (await me(other))["id"] != guarded


@pytest.mark.slow
async def test_the_last_administrator_and_break_glass_accounts_keep_their_role(
    tmp_path: Path,
) -> None:
    async with trusting_hub(tmp_path / "data") as oidc:
        people = oidc.provider.people
        chief = await oidc.sign_in("00u-chief", preferred_username="chief", groups=["orca-admins"])
        ada = await oidc.ada()
        await chief.patch(f"/users/{(await me(ada))['id']}", json={"role": "user"})
        people["00u-chief"]["groups"] = []
        still = await oidc.sign_in("00u-chief")
        problem = (await still.get("/auth/oidc/logins")).json()["items"][0]["problem"]
        async with oidc.hub.hub.core.database.writing() as connection:
            account = {"is_break_glass": True}
            await Accounts(connection).change((await me(chief))["id"], account)
        people["00u-chief"]["groups"] = ["everybody"]
        guarded = await oidc.sign_in("00u-chief")
        again = (await guarded.get("/auth/oidc/logins")).json()["items"][0]["problem"]
        mine = await me(guarded)

    assert (mine["role"], mine["groups"]) == ("administrator", ["orca-admins"])
    assert problem == "This is the last Administrator: nothing was changed."
    assert again == "A break-glass account: nothing was changed."
