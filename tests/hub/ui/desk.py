"""The console as a person uses it."""

from dataclasses import dataclass
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from tests.hub.serving import PASSWORD
from tests.ui.watch import Watch

# Of WCAG 2.2, and off where nobody asks for it.
RULES = {"rules": {"target-size": {"enabled": True}}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# The browser lives as long as the session does; all of these tests but one take their time.
SHORT = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.timeout(60),
]
MARKS = [*SHORT, pytest.mark.slow]
STICKS_OUT = """() => {
  const root = document.documentElement;
  return root.scrollWidth > root.clientWidth ? [root.scrollWidth, root.clientWidth] : null;
}"""


@dataclass
class Desk:
    """A page, with names for what is on it."""

    page: Page
    url: str
    watch: Watch

    async def sign_in(self, name: str, password: str = PASSWORD, code: str = "") -> None:
        """From the sign-in page to wherever that leads."""
        await self.page.goto(f"{self.url}/")
        await self.fill_in(name, password)
        if code:
            await self.page.get_by_label("Code", exact=True).fill(code)
            await self.page.get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_test_id("sign-in")).to_have_count(0)

    async def leave(self) -> None:
        """Before its hub ends: what a page still asks for then is a complaint."""
        await self.page.close()

    async def fill_in(self, name: str, password: str = PASSWORD) -> None:
        """The form that stands there."""
        await self.page.get_by_label("Name", exact=True).fill(name)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.page.get_by_role("button", name="Sign in", exact=True).click()

    async def open(self, name: str) -> Locator:
        """A page of the console, by what stands in its address."""
        await self.page.evaluate("name => { location.hash = `#/${name}` }", name)
        page = self.shown(name.partition("/")[0])
        await expect(page).to_be_visible()
        await expect(self.page.get_by_text("Opening…", exact=True)).to_have_count(0)
        await expect(self.page.get_by_text("Looking…", exact=True)).to_have_count(0)
        return page

    def shown(self, name: str) -> Locator:
        return self.page.locator(f"[data-testid=page][data-page={name}]")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    async def press(self, name: str) -> None:
        """The button of the open dialog."""
        await self.dialog.get_by_role("button", name=name, exact=True).click()

    async def told(self, words: str) -> None:
        await expect(self.page.get_by_test_id("toast").filter(has_text=words).first).to_be_visible()

    async def faults(self) -> list[str]:
        """What axe finds in the light and in the dark, each with where."""
        found = []
        for scheme in SCHEMES:
            await self.page.emulate_media(color_scheme=scheme)
            await expect(self.page.locator(f"html[data-theme={scheme}]")).to_have_count(1)
            results = await Axe().run(self.page, options=RULES)
            found += [
                f"{scheme} {one['id']}: {node['html']} {node['failureSummary']}"
                for one in results.response["violations"]
                for node in one["nodes"]
            ]
        return found

    async def too_wide(self) -> list[int] | None:
        """How wide everything is, and the page, where the first is more."""
        wide: list[int] | None = await self.page.evaluate(STICKS_OUT)
        return wide
