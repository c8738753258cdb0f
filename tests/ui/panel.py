"""The panel as a person uses it."""

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, Page, expect

from .program import Program
from .watch import Watch

MEASURE = """() => {
  const root = document.documentElement;
  return { needed: root.scrollWidth, there: root.clientWidth };
}"""


@dataclass
class Panel:
    """A page, with names for what is on it. `agent` is the program behind it."""

    page: Page
    agent: Program
    watch: Watch

    async def sign_in(self, url: str | None = None) -> None:
        """By the real link; `url` is another way to the agent."""
        link = await self.agent.link()
        # The list is read once the page knows that it is signed in.
        async with self.page.expect_response(lambda one: "/api/v1/conversations?" in one.url):
            await self.page.goto(link.replace(self.agent.url, url or self.agent.url))
        await expect(self.composer).to_be_visible()

    async def open(self, conversation_id: str) -> None:
        await self.page.evaluate("id => { location.hash = `#/c/${id}` }", conversation_id)
        await expect(self.page).to_have_url(self.url_of(conversation_id))

    def url_of(self, conversation_id: str) -> str:
        return f"{self.agent.url}/ui#/c/{conversation_id}"

    @property
    def composer(self) -> Locator:
        return self.page.get_by_test_id("composer")

    @property
    def stop(self) -> Locator:
        return self.page.get_by_test_id("stop")

    @property
    def send_button(self) -> Locator:
        return self.page.get_by_test_id("send")

    @property
    def state(self) -> Locator:
        return self.page.get_by_test_id("connection-state")

    @property
    def rows(self) -> Locator:
        return self.page.get_by_test_id("conversation-item")

    @property
    def search(self) -> Locator:
        return self.page.get_by_test_id("search")

    @property
    def toast(self) -> Locator:
        return self.page.get_by_test_id("toast")

    @property
    def messages(self) -> Locator:
        return self.page.get_by_test_id("message")

    @property
    def questions(self) -> Locator:
        return self.page.locator("[data-testid=message][data-role=user]")

    @property
    def answers(self) -> Locator:
        return self.page.locator("[data-testid=message][data-role=assistant]")

    @property
    def answer(self) -> Locator:
        """The last one."""
        return self.answers.last

    @property
    def text(self) -> Locator:
        """The last answer's text alone."""
        return self.answer.locator(".markdown")

    async def ask(self, question: str) -> None:
        """Sends, and waits until the agent has it."""
        count = await self.questions.count()
        await self.composer.fill(question)
        await self.composer.press("Enter")
        await expect(self.questions).to_have_count(count + 1)

    async def ask_and_hear(self, question: str) -> None:
        """Sends, and waits for the whole answer."""
        count = await self.answers.count()
        await self.ask(question)
        await expect(self.answers).to_have_count(count + 1)
        await self.ended("complete")

    async def ended(self, status: str, timeout: float = 15) -> None:
        await expect(self.answer).to_have_attribute("data-status", status, timeout=timeout * 1000)

    async def conversation_id(self) -> str:
        await self.page.wait_for_function("location.hash.startsWith('#/c/')")
        return str(await self.page.evaluate("location.hash.slice(4).split('?')[0]"))

    async def kept(self) -> list[dict[str, Any]]:  # Any: JSON
        """The open conversation's messages as the agent has them."""
        return await self.agent.messages(await self.conversation_id())

    async def pick(self, model: str) -> None:
        await self.page.get_by_test_id("model-picker").click()
        await self.page.locator(f"[data-testid=model-option][data-model='{model}']").click()
        await expect(self.page.get_by_test_id("model-picker")).to_have_text(model)

    async def menu(self, entry: str) -> None:
        await self.page.get_by_test_id("panel-menu").click()
        await self.page.get_by_role("menu").get_by_text(entry, exact=True).click()

    async def row_menu(self, row: Locator, entry: str) -> None:
        await row.hover()
        await row.get_by_role("button", name="Actions for").click()
        await self.page.get_by_role("menu").get_by_text(entry, exact=True).click()

    async def fits(self) -> None:
        """Nothing is wider than the page."""
        wide: dict[str, int] = await self.page.evaluate(MEASURE)
        assert wide["needed"] <= wide["there"], f"{wide['needed']} pixels in {wide['there']}"
