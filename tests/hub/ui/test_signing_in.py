"""The one look at the console that is short enough for the default run."""

from playwright.async_api import expect

from tests.hub.serving import Served

from .conftest import NewDesk
from .desk import SHORT

pytestmark = SHORT


async def test_somebody_signs_in_and_no_browser_complains(hub: Served, new_desk: NewDesk) -> None:
    desk = await new_desk(hub.url)

    await desk.sign_in("bob")

    await expect(desk.shown("overview")).to_contain_text("Hello Bob.")
