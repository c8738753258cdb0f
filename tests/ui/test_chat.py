"""A question, and its answer as it comes."""

from urllib.parse import urlsplit

from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT
from .panel import Panel


async def test_an_answer_grows_on_the_page_piece_by_piece(panel: Panel, fake: FakeOllama) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    fake.misbehave(path="/api/chat", text=text, pace=20)

    await panel.ask("Why does PETG string?")
    await expect(panel.text).to_contain_text("word5")
    early = await panel.text.inner_text()
    await panel.ended("complete")

    assert text.startswith(early.strip())
    assert len(early) < len(text)
    assert (await panel.text.inner_text()).strip() == text


async def test_an_answer_is_shown_as_markdown_with_its_model_and_its_speed(panel: Panel) -> None:
    await panel.ask_and_hear("Why does PETG string?")

    shown = {
        "bold": await panel.text.locator("strong").inner_text(),
        "list": await panel.text.locator("ol > li").count(),
        "table": await panel.text.locator("table td").all_inner_texts(),
        "code": await panel.text.locator("pre code").inner_text(),
        "author": await panel.answer.get_by_role("heading", level=2).inner_text(),
    }
    assert shown == {
        "bold": "Why does PETG string?",
        "list": 3,
        "table": [
            *("Nozzle temperature", "220 °C", "215 °C"),
            *("Retraction length", "0.8 mm", "1.0 mm"),
        ],
        "code": "M104 S215 ; nozzle temperature\nM207 S1.0 ; retraction length\n",
        "author": CHAT,
    }
    usage = panel.answer.get_by_test_id("usage")
    await usage.locator("summary").click()
    await expect(usage).to_contain_text("tokens read")
    await expect(usage).to_contain_text("written")


async def test_code_is_copied_with_one_click(panel: Panel) -> None:
    await panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await panel.ask_and_hear("Which G-code?")

    await panel.text.get_by_role("button", name="Copy").click()

    await expect(panel.text.get_by_role("button", name="Copied")).to_be_visible()
    copied = await panel.page.evaluate("navigator.clipboard.readText()")
    assert copied == "M104 S215 ; nozzle temperature\nM207 S1.0 ; retraction length\n"


async def test_a_turn_is_one_request_whose_answer_tells_the_run(panel: Panel) -> None:
    await panel.ask_and_hear("Before")
    asked: list[str] = []
    panel.page.on("request", lambda one: asked.append(f"{one.method} {urlsplit(one.url).path}"))

    await panel.ask_and_hear("Why does PETG string?")

    messages = f"/api/v1/conversations/{await panel.conversation_id()}/messages"
    posts = [one for one in asked if one.startswith("POST") or "/runs/" in one]
    assert posts == [f"POST {messages}"]
