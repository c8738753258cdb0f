"""Pictures by button, drop and paste, and models that cannot see."""

import base64
import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT, SEEING
from .panel import Panel

pytestmark = pytest.mark.slow


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (0, 150, 136)).save(file, "PNG")
    return file.getvalue()


HAND_OVER = """
([field, kind, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "print.png", { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
  field.dispatchEvent(event);
}
"""


async def attach(panel: Panel, way: str) -> None:
    data = picture()
    if way == "button":
        async with panel.page.expect_file_chooser() as chosen:
            await panel.page.get_by_role("button", name="Attach images").click()
        await (await chosen.value).set_files(
            {"name": "print.png", "mimeType": "image/png", "buffer": data}
        )
    else:
        field = await panel.composer.element_handle()
        await panel.page.evaluate(HAND_OVER, [field, way, base64.b64encode(data).decode()])


async def is_attached(panel: Panel) -> None:
    """The agent has the picture."""
    attachment = panel.page.get_by_test_id("attachment")
    await expect(attachment).to_have_count(1)
    await expect(attachment.get_by_role("progressbar")).to_have_count(0)


@pytest.mark.parametrize("way", ["button", "drop", "paste"])
async def test_a_picture_goes_to_a_model_that_sees(
    panel: Panel, fake: FakeOllama, way: str
) -> None:
    await attach(panel, way)
    await is_attached(panel)
    await expect(panel.page.get_by_test_id("image-reader")).to_have_text(
        f"{SEEING} will answer, since it sees images."
    )

    await panel.ask_and_hear("What went wrong here?")

    await expect(panel.text).to_contain_text("I looked at 1 picture.")
    await expect(panel.answer.get_by_role("heading", level=2)).to_have_text(SEEING)
    shown = panel.questions.locator("img")
    await expect(shown).to_have_js_property("naturalWidth", 64)
    [asked] = await fake.saw(path="/api/chat")
    assert [len(one.get("images", [])) for one in asked.body["messages"]][-1] == 1


async def test_of_several_models_that_see_the_one_that_will_answer_is_named(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.add_model("llava:7b", capabilities=["completion", "vision"], family="llava")
    await panel.agent.post("/backends/local/test", {})
    listed = await panel.agent.get("/models")
    await panel.page.reload()
    await attach(panel, "button")
    await is_attached(panel)

    shown = panel.page.get_by_test_id("image-reader")
    await expect(shown).to_have_text(
        f"{listed['default_vision_model']} will answer, since it sees images."
    )
    await panel.ask_and_hear("What went wrong here?")
    await expect(panel.answer.get_by_role("heading", level=2)).to_have_text(
        listed["default_vision_model"]
    )


async def test_a_model_without_vision_is_told_before_anything_is_sent(
    panel: Panel, fake: FakeOllama
) -> None:
    await panel.pick(CHAT)
    await attach(panel, "button")
    await is_attached(panel)

    warning = panel.page.get_by_test_id("vision-warning")
    await expect(warning).to_contain_text(f"{CHAT} cannot see images.")
    await panel.composer.fill("What went wrong here?")
    await panel.composer.press("Enter")
    await expect(panel.send_button).to_be_disabled()
    assert await panel.agent.get("/conversations") == {"items": [], "next_cursor": None}

    await warning.get_by_role("button", name=f"Use {SEEING}").click()
    await expect(warning).to_have_count(0)
    await panel.ask_and_hear("What went wrong here?")
    assert [seen.body["model"] for seen in await fake.saw(path="/api/chat")] == [SEEING]


async def test_who_goes_on_about_a_picture_is_named_before_the_question(
    panel: Panel, fake: FakeOllama
) -> None:
    await panel.agent.post("/backends/local/test", {})  # whatever models it had before
    await panel.page.reload()
    await attach(panel, "button")
    await is_attached(panel)
    await panel.ask_and_hear("What went wrong here?")
    reader = panel.page.get_by_test_id("image-reader")
    left_out = panel.page.get_by_test_id("images-left-out")

    for number in range(4):  # as far back as the agent looks for pictures
        await expect(reader).to_have_text(f"{SEEING} will answer, since it sees images.")
        await panel.ask_and_hear(f"And then? {number}")
        await expect(panel.answer.get_by_role("heading", level=2)).to_have_text(SEEING)

    await expect(left_out).to_contain_text(f"{CHAT} cannot see images")
    await panel.ask_and_hear("And now?")
    await expect(panel.answer.get_by_role("heading", level=2)).to_have_text(CHAT)
    *seen, last = await fake.saw(path="/api/chat")
    assert [pictures_in(one.body) for one in seen] == [1] * len(seen)
    assert pictures_in(last.body) == 0


async def test_that_a_model_is_not_shown_the_pictures_before_is_said(
    panel: Panel, fake: FakeOllama
) -> None:
    await panel.pick(SEEING)
    await attach(panel, "button")
    await is_attached(panel)
    await panel.ask_and_hear("What went wrong here?")
    left_out = panel.page.get_by_test_id("images-left-out")
    await expect(left_out).to_have_count(0)

    await panel.pick(CHAT)

    await expect(left_out).to_have_text(
        f"{CHAT} cannot see images; those of this conversation are left out."
    )
    await panel.ask_and_hear("And then?")
    first, second = await fake.saw(path="/api/chat")
    assert [pictures_in(one.body) for one in (first, second)] == [1, 0]
    await panel.page.get_by_role("button", name="New chat").click()
    await expect(left_out).to_have_count(0)


def pictures_in(body: Any) -> int:  # Any: JSON
    return sum(len(one.get("images", [])) for one in body["messages"])


async def test_a_picture_is_taken_off_again(panel: Panel) -> None:
    await attach(panel, "button")

    await panel.page.get_by_role("button", name="Remove print.png").click()

    await expect(panel.page.get_by_test_id("attachment")).to_have_count(0)
    await expect(panel.send_button).to_be_disabled()


async def test_the_same_picture_twice_is_attached_once(panel: Panel) -> None:
    await attach(panel, "drop")
    await is_attached(panel)
    await attach(panel, "drop")
    await panel.page.get_by_test_id("attachment").nth(1).wait_for(state="detached")

    await is_attached(panel)


async def test_a_file_that_is_no_picture_is_refused_in_words(panel: Panel) -> None:
    panel.watch.allow(r"status of 4\d\d")
    async with panel.page.expect_file_chooser() as chosen:
        await panel.page.get_by_role("button", name="Attach images").click()
    await (await chosen.value).set_files(
        {"name": "print.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    )

    await expect(panel.page.get_by_test_id("attachment")).to_have_class(re.compile(r"\bfailed\b"))
    said = panel.page.locator(".composer").get_by_role("alert")
    await expect(said).to_contain_text("print.png:")
    await expect(said).to_contain_text("Take it out to send the rest.")
    attachment = panel.page.get_by_test_id("attachment")
    await expect(attachment.locator("img")).to_have_count(0)
    await expect(attachment.get_by_role("button")).to_have_count(1)
    await expect(panel.send_button).to_be_disabled()


@pytest.mark.parametrize("way", ["button", "drop"])
async def test_a_text_file_is_not_attached(panel: Panel, way: str) -> None:
    if way == "button":  # as with "All files" in the dialog
        chosen = panel.page.get_by_test_id("attach-file")
        await chosen.set_input_files(
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"}
        )
    else:
        field = await panel.composer.element_handle()
        script = HAND_OVER.replace("print.png", "notes.txt").replace("image/png", "text/plain")
        await panel.page.evaluate(script, [field, "drop", base64.b64encode(b"notes").decode()])

    await expect(panel.toast).to_contain_text("Not attached")
    await expect(panel.toast).to_contain_text("Only images can be attached.")
    await expect(panel.page.get_by_test_id("attachment")).to_have_count(0)


async def test_an_attached_picture_and_its_text_outlive_a_reload(panel: Panel) -> None:
    await attach(panel, "button")
    await is_attached(panel)
    await panel.composer.fill("Half a question")

    await panel.page.reload()

    await expect(panel.composer).to_have_value("Half a question")
    await expect(panel.page.get_by_test_id("attachment")).to_have_count(1)
