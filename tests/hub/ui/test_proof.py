"""Whoever left the console open is asked who sits there now."""

from pathlib import Path

from playwright.async_api import expect

from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, running_hub

from .conftest import NewDesk
from .desk import MARKS

pytestmark = MARKS


async def test_a_key_wants_the_password_once_more_when_the_sign_in_is_a_while_ago(
    new_desk: NewDesk, tmp_path: Path
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path / "data", clock=clock) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        desk = await new_desk(served.url, viewport={"width": 320, "height": 640})
        await desk.sign_in("ada")
        clock.passes(minutes=11)
        await desk.open("account")
        desk.watch.allow("403")
        desk.watch.allow("401")
        await desk.page.get_by_test_id("add-key").click()
        await desk.dialog.get_by_label("What is it for?").fill("the night script")
        await desk.press("Make it")
        asked = desk.page.get_by_role("dialog", name="Is it still you?")
        await asked.get_by_label("Present password").fill("a guess of somebody")
        await asked.get_by_role("button", name="Go on").click()
        await expect(asked.get_by_role("alert")).to_be_visible()
        faults = await desk.faults()
        await asked.get_by_label("Present password").fill(PASSWORD)
        await asked.get_by_role("button", name="Go on").click()
        await expect(desk.page.get_by_test_id("secret").locator("code")).to_contain_text("ohk_")
        await desk.leave()

    assert faults == []


async def test_a_wrong_present_password_is_told_and_signs_nobody_out(
    new_desk: NewDesk, tmp_path: Path
) -> None:
    async with running_hub(tmp_path / "data") as served:
        await served.hub.local.add(NewAccount("eve", PASSWORD, must_change=True))
        desk = await new_desk(served.url, viewport={"width": 320, "height": 640})
        await desk.sign_in("eve")
        form = desk.page.get_by_test_id("new-password")
        told = form.get_by_role("alert")
        desk.watch.allow("401")
        desk.watch.allow("422")
        for old, sentence in (
            ("what somebody guessed", "The present password is wrong."),
            (PASSWORD, "That is the present password. Choose another one."),
        ):
            await form.get_by_label("Present password").fill(old)
            await form.get_by_label("New password").fill(PASSWORD)
            await form.get_by_label("The same again").fill(PASSWORD)
            await form.get_by_role("button", name="Change password").click()
            await expect(told).to_contain_text(sentence)
        faults = await desk.faults()
        await desk.leave()

    assert faults == []
