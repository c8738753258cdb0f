"""Ways into the console, and ways in that it gives to others."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
from playwright.async_api import expect

from hub.identity.service import NewAccount
from tests.hub.serving import PASSWORD, Served

from .conftest import NewDesk
from .desk import MARKS

pytestmark = MARKS
CHOSEN = "another four words together"
SIGNED_OUT = "#/audit"
REFUSED = "status of 401"  # as a browser logs it


async def test_a_wrong_password_is_said_and_the_right_one_leads_where_one_wanted_to_be(
    hub: Served, new_desk: NewDesk
) -> None:
    desk = await new_desk(hub.url)
    desk.watch.allow(REFUSED)
    await desk.page.goto(f"{hub.url}/{SIGNED_OUT}")
    await desk.fill_in("ada", "not this one at all")
    await expect(desk.page.get_by_role("alert")).to_contain_text("wrong")
    assert await desk.faults() == []

    await desk.fill_in("ada")

    await expect(desk.shown("audit")).to_be_visible()


async def test_a_session_that_has_ended_leads_back_to_the_sign_in_page(
    hub: Served, new_desk: NewDesk
) -> None:
    desk = await new_desk(hub.url)
    desk.watch.allow(REFUSED)
    await desk.sign_in("bob")
    bob = await hub.signed_in("bob")
    await bob.delete("/auth/sessions")

    await desk.page.evaluate("location.hash = '#/account'")

    await expect(desk.page.get_by_test_id("sign-in")).to_be_visible()
    await desk.fill_in("bob")
    await expect(desk.shown("account")).to_be_visible()


async def test_somebody_chooses_a_password_by_the_link_of_an_administrator(
    hub: Served, new_desk: NewDesk
) -> None:
    ada = await hub.signed_in("ada")
    made = (await ada.post("/users", json={"name": "carol", "password": PASSWORD})).json()
    desk = await new_desk(hub.url)
    await desk.sign_in("ada")
    await desk.open("users")
    row = desk.page.locator("[data-testid=user][data-name=carol]")
    await row.get_by_test_id("user-menu").or_(row.get_by_role("button")).first.click()
    await desk.page.get_by_role("menu").get_by_text("Give a way in").click()
    await desk.press("Give a way in…")
    link = await desk.page.get_by_test_id("secret").locator("code").inner_text()

    carol = await new_desk(hub.url)
    await carol.page.goto(link)
    await carol.page.get_by_label("New password").fill(CHOSEN)
    await carol.page.get_by_label("The same again").fill(CHOSEN)
    await carol.page.get_by_role("button", name="Change password").click()
    await expect(carol.page.get_by_text("Sign in with it")).to_be_visible()
    await carol.sign_in("carol", CHOSEN)

    await expect(carol.shown("overview")).to_be_visible()
    await ada.delete(f"/users/{made['id']}")


async def test_whoever_has_few_codes_on_paper_is_told_how_to_get_new_ones(
    hub: Served, new_desk: NewDesk
) -> None:
    await hub.hub.local.add(NewAccount("pam", PASSWORD))
    pam = await hub.signed_in("pam")
    secret = (await pam.post("/auth/totp")).json()["secret"]
    confirmed = await pam.post("/auth/totp/confirm", json={"code": pyotp.TOTP(secret).now()})
    *spent, last = confirmed.json()["recovery_codes"]
    for code in spent[1:]:
        given = {"username": "pam", "password": PASSWORD, "totp": code}
        assert (await pam.post("/auth/login", json=given)).status_code == 204
    desk = await new_desk(hub.url, viewport={"width": 320, "height": 640}, locale="de-DE")
    left = desk.page.get_by_test_id("codes-left")
    desk.watch.allow(REFUSED)

    await desk.page.goto(f"{hub.url}/#/account")
    await desk.page.get_by_label("Name", exact=True).fill("pam")
    await desk.page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    await desk.page.get_by_role("button", name="Anmelden", exact=True).click()
    await desk.page.get_by_label("Code", exact=True).fill(last)
    await desk.page.get_by_role("button", name="Anmelden").click()
    await expect(left).to_have_text(
        "Ein Ersatzcode ist noch übrig. Für acht neue wählen Sie „Ohne die App anmelden“ und "
        "richten die App dann wieder ein."
    )
    faults, too_wide = await desk.faults(), await desk.too_wide()

    assert (faults, too_wide) == ([], None)


async def test_a_computer_without_a_browser_is_let_in_by_its_code(
    hub: Served, new_desk: NewDesk
) -> None:
    asked = (await hub.stranger.post("/auth/device", json={"machine_name": "printer-pi"})).json()
    desk = await new_desk(hub.url)
    await desk.page.goto(asked["verification_uri_complete"])
    await desk.fill_in("bob")

    await expect(desk.page.get_by_test_id("device-words")).to_contain_text("printer-pi")
    assert await desk.faults() == []
    await desk.page.get_by_role("button", name="Let it in").click()

    await expect(desk.page.get_by_test_id("device-answered")).to_contain_text("is let in")
    got = await hub.stranger.post("/auth/device/token", json={"device_code": asked["device_code"]})
    assert got.json()["machine"]["name"] == "printer-pi"


async def test_the_code_of_a_computer_is_typed_and_refused(hub: Served, new_desk: NewDesk) -> None:
    asked = (await hub.stranger.post("/auth/device", json={"machine_name": "stranger's"})).json()
    desk = await new_desk(hub.url)
    desk.watch.allow("status of 404")
    await desk.page.goto(asked["verification_uri"])
    await desk.fill_in("bob")
    code = desk.page.get_by_label("Code", exact=True)
    await code.fill("BBBB-BBBB")
    await code.press("Enter")
    await expect(desk.page.get_by_role("alert")).to_be_visible()
    await code.fill(asked["user_code"].lower())
    await code.press("Enter")
    await expect(desk.page.get_by_test_id("device-words")).to_contain_text("stranger's")

    await desk.page.get_by_role("button", name="Refuse").click()

    await expect(desk.page.get_by_test_id("device-answered")).to_contain_text("stays outside")
    got = await hub.stranger.post("/auth/device/token", json={"device_code": asked["device_code"]})
    assert got.json()["error"] == "access_denied"


async def test_a_computer_whose_agent_has_opened_the_page_is_let_in(
    hub: Served, new_desk: NewDesk
) -> None:
    address = "http://127.0.0.1:9/cb"
    query = {
        "response_type": "code",
        "client_id": "orca-agent",
        "redirect_uri": address,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "state": "as it was",
        "machine_name": "workshop laptop",
    }
    desk = await new_desk(hub.url)
    await desk.page.route(f"{address}?**", lambda route: route.fulfill(body="The agent."))
    asked = httpx.URL(f"{hub.url}/api/v1/auth/machine/authorize", params=query)
    await desk.page.goto(str(asked))
    await desk.fill_in("bob")
    words = desk.page.get_by_test_id("connect-words")
    await expect(words).to_contain_text("workshop laptop")
    assert await desk.faults() == []

    async with desk.page.expect_request(lambda one: one.url.startswith(address)) as led:
        await desk.page.get_by_role("button", name="Refuse").click()
    refused = parse_qs(urlsplit((await led.value).url).query)
    await expect(desk.page.get_by_text("The agent.")).to_be_visible()
    await desk.page.goto(str(asked))
    await expect(words).to_contain_text("in the name of Bob")
    await desk.page.get_by_role("button", name="Sign in as somebody else").click()
    await desk.fill_in("ada")
    await expect(words).to_contain_text("in the name of Ada Lovelace")
    async with desk.page.expect_request(lambda one: one.url.startswith(address)) as led:
        await desk.page.get_by_test_id("connect-allow").click()

    told = parse_qs(urlsplit((await led.value).url).query)
    assert (refused["state"], refused["error"]) == (["as it was"], ["access_denied"])
    assert "code" not in refused
    assert (told["state"], len(told["code"])) == (["as it was"], 1)
