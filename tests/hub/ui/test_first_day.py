"""What an Administrator does on the first day, from the link of the first start."""

from pathlib import Path

import pyotp
import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama
from tests.hub.serving import PASSWORD, running_hub

from .conftest import NewDesk
from .desk import MARKS, Desk

pytestmark = MARKS

CHOSEN = "another four words together"


@pytest.mark.timeout(180)
async def test_an_administrator_opens_the_hub_for_the_team(
    tmp_path: Path, new_desk: NewDesk
) -> None:
    async with running_hub(tmp_path / "data") as served, FakeOllama() as ollama:
        ollama.add_model("qwen3:4b", capabilities=["completion"])
        link = await served.hub.first_link()
        assert link is not None
        desk = await new_desk(served.url)

        desk.watch.allow("status of 401")  # in the end: the code of the app is asked for
        await _make_the_first_account(desk, link)
        await _add_a_model_server(desk, ollama.url)
        await _add_people(desk)
        await _set_limits(desk)
        key = await _make_a_key(desk)
        codes = await _set_up_an_app(desk)
        await _look_at_what_was_done(desk)
        bob = await new_desk(served.url)
        await _begin_as_somebody_else(bob)

        answer = await served.stranger.get("/quotas/me", headers={"Authorization": f"Bearer {key}"})
        await desk.page.get_by_test_id("account-menu").click()
        await desk.page.get_by_role("menu").get_by_text("Sign out").click()
        await expect(desk.page.get_by_test_id("sign-in")).to_be_visible()
        await desk.sign_in("ada", PASSWORD, codes[0])
        await desk.open("overview")
        await expect(desk.page.get_by_test_id("running-now")).to_be_visible()
        await expect(desk.page.get_by_test_id("health")).to_have_text("ready")
        await desk.leave()
        await bob.leave()

    assert answer.status_code == 200


async def _make_the_first_account(desk: Desk, link: str) -> None:
    await desk.page.goto(link)
    await desk.page.get_by_label("Name", exact=True).fill("ada")
    await desk.page.get_by_label("Name that others see").fill("Ada Lovelace")
    await desk.page.get_by_label("New password").fill(PASSWORD)
    await desk.page.get_by_label("The same again").fill(PASSWORD)
    await desk.page.get_by_role("button", name="Make the account").click()
    await expect(desk.shown("overview")).to_be_visible()
    await expect(desk.page.get_by_test_id("todo")).to_contain_text("no model server yet")
    await expect(desk.page.get_by_test_id("health")).to_have_text("ready")
    assert "#" not in desk.page.url.removesuffix("#")


async def _add_a_model_server(desk: Desk, url: str) -> None:
    await desk.page.get_by_test_id("todo").get_by_role("link", name="Add one").click()
    await desk.page.get_by_test_id("add-provider").click()
    await desk.dialog.get_by_label("Name", exact=True).fill("workshop")
    await desk.dialog.get_by_label("Address").fill(url)
    await desk.press("Add")
    server = desk.page.locator("[data-testid=provider][data-name=workshop]")
    await server.get_by_role("button", name="Test workshop").click()
    await expect(server.get_by_test_id("provider-tested")).to_contain_text("It answers")
    await expect(server.get_by_test_id("provider-state")).to_have_text("up")
    await desk.open("policy")
    await desk.page.get_by_test_id("add-rule").click()
    await desk.page.get_by_role("button", name="Save").click()
    await desk.told("The policy holds now")


async def _add_people(desk: Desk) -> None:
    await desk.open("users")
    await desk.page.get_by_test_id("add-user").click()
    await desk.dialog.get_by_label("Name to sign in with").fill("bob")
    await desk.dialog.get_by_label("Name that others see").fill("Bob")
    await desk.dialog.get_by_label("Password").fill(PASSWORD)
    await desk.press("Add")
    await expect(desk.page.locator("[data-testid=user][data-name=bob]")).to_contain_text("User")
    await desk.open("groups")
    await desk.page.get_by_test_id("add-group").click()
    await desk.dialog.get_by_label("Name", exact=True).fill("printers")
    await desk.press("Add")
    await desk.page.get_by_role("button", name="Members of printers").click()
    await desk.dialog.get_by_label("Bob").check()
    await desk.dialog.get_by_role("button", name="Close").last.click()
    group = desk.page.locator("[data-testid=group][data-name=printers]")
    await expect(group).to_contain_text("1 member: Bob")


async def _set_limits(desk: Desk) -> None:
    await desk.open("quotas")
    await desk.page.get_by_test_id("add-quota").click()
    await desk.dialog.get_by_label("Requests").fill("500")
    await desk.press("Add")
    await expect(desk.page.get_by_test_id("quota")).to_contain_text("500 requests a day")
    await expect(desk.page.get_by_test_id("quota-used")).to_contain_text("0 requests")
    await desk.open("costs")
    await desk.page.get_by_test_id("add-cost").click()
    await desk.dialog.get_by_label("Model", exact=True).fill("gpt-*")
    await desk.dialog.get_by_label("Per million answered").fill("10")
    await desk.press("Save")
    await expect(desk.page.locator("[data-testid=cost]")).to_contain_text("10.00")


async def _make_a_key(desk: Desk) -> str:
    await desk.open("account")
    await desk.page.get_by_test_id("add-key").click()
    await desk.dialog.get_by_label("What is it for?").fill("the night script")
    await desk.dialog.get_by_label("reading usage").check()
    await desk.press("Make it")
    key = await desk.page.get_by_test_id("secret").locator("code").inner_text()
    await desk.dialog.get_by_role("button", name="Close").last.click()
    await expect(desk.page.get_by_test_id("key")).to_contain_text("never used")
    return key


async def _set_up_an_app(desk: Desk) -> list[str]:
    """Answers the codes for paper."""
    await desk.page.get_by_test_id("totp-begin").click()
    form = desk.page.get_by_test_id("totp")
    picture = form.get_by_role("img")
    assert await picture.evaluate("one => one.complete && one.naturalWidth > 0")
    secret = await form.locator("code").inner_text()
    await form.get_by_label("Six digits").fill(pyotp.TOTP(secret).now())
    await form.get_by_role("button", name="Ask for codes from now on").click()
    shown = desk.page.get_by_test_id("secret").locator("code")
    await expect(shown).to_have_count(8)
    codes = await shown.all_inner_texts()
    await desk.dialog.get_by_role("button", name="Close").last.click()
    await expect(desk.page.get_by_text("A code of your app is asked for")).to_be_visible()
    await expect(desk.page.get_by_test_id("codes-left")).to_have_text("8 recovery codes are left.")
    return codes


async def _look_at_what_was_done(desk: Desk) -> None:
    await desk.open("audit")
    for action in ("user.add", "provider.add", "quota.add", "key.add"):
        entry = desk.page.locator(f"[data-testid=audit-entry][data-action='{action}']")
        await expect(entry.first).to_contain_text("ada")
    await desk.page.get_by_test_id("check-chain").click()
    await expect(desk.page.get_by_test_id("chain")).to_contain_text("whole")
    await desk.open("jobs")
    await desk.page.get_by_role("button", name="Do people.forget now").click()
    done = desk.page.locator("[data-testid=job][data-name='people.forget'][data-state=done]")
    await expect(done.first).to_be_visible()
    await desk.open("settings")
    port = desk.page.locator("[data-testid=setting][data-name=access_minutes]")
    await expect(port).to_contain_text("default")


async def _begin_as_somebody_else(bob: Desk) -> None:
    await bob.sign_in("bob")
    await bob.page.get_by_label("Present password").fill(PASSWORD)
    await bob.page.get_by_label("New password").fill(CHOSEN)
    await bob.page.get_by_label("The same again").fill(CHOSEN)
    await bob.page.get_by_role("button", name="Change password").click()
    await expect(bob.shown("overview")).to_be_visible()
    await expect(bob.page.get_by_test_id("own-quota")).to_contain_text("500 requests a day")
    await expect(bob.page.get_by_test_id("own-policy")).to_contain_text("stays on the premises")
    await expect(bob.page.get_by_test_id("page-link").filter(has_text="People")).to_have_count(0)
    await bob.page.evaluate("location.hash = '#/users'")
    await expect(bob.shown("overview")).to_be_visible()
