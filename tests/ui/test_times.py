"""When things were said: in the list and at each message."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import NewPanel
from .panel import Panel
from .program import Program
from .test_accessibility import faults

pytestmark = pytest.mark.slow

OLD = ("2019-03-09T21:55:00.000000Z", "2020-11-12T08:05:00.000000Z")
CLOCK = re.compile(r"^\d\d:\d\d$")


def exported(number: int, stamp: str) -> dict[str, Any]:  # Any: JSON
    """A conversation of two messages, all at `stamp`; each has the same title."""
    ids = [f"01900000-0000-7000-8000-{number:08}{at:04}" for at in range(3)]
    roles = [("user", ids[0], None), ("assistant", ids[1], ids[0])]
    return {
        "format": "orca-agents.conversation",
        "version": 1,
        "conversation": {
            "id": ids[2],
            "title": "Stringing with PETG, and what to do about it before the next print",
            "created_at": stamp,
            "updated_at": stamp,
            "active_message_id": ids[1],
        },
        "messages": [
            {"id": one, "parent_id": before, "role": role}
            | {"content": "Dry it.", "created_at": stamp, "conversation_id": ids[2]}
            for role, one, before in roles
        ],
    }


async def times(panel: Panel) -> list[tuple[str, str | None]]:
    """What the rows of the list say, with the moment that is meant."""
    found = await panel.rows.locator("time").all()
    return [(await one.inner_text(), await one.get_attribute("datetime")) for one in found]


@pytest.mark.parametrize(("width", "touch"), [(320, True), (1200, False)])
async def test_conversations_of_one_title_are_told_apart_by_their_times(
    agent: Program, new_panel: NewPanel, fake: FakeOllama, width: int, *, touch: bool
) -> None:
    panel = await new_panel(
        agent,
        viewport={"width": width, "height": 640},
        has_touch=touch,
        is_mobile=touch,
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    old = [exported(at, stamp) for at, stamp in enumerate(OLD)]
    await agent.post("/conversations/import", {"conversations": old})
    await panel.sign_in()
    await panel.ask_and_hear("Why does it string?")
    if touch:
        await panel.page.get_by_role("button", name="Conversations").click()

    await expect(panel.rows).to_have_count(3)
    (today, _), *earlier = await times(panel)
    assert CLOCK.match(today)
    assert earlier == [("12 Nov 2020", OLD[1]), ("9 Mar 2019", OLD[0])]
    row = panel.rows.last
    await row.locator("a").focus()
    await expect(row.locator("time")).to_be_visible()
    await expect(row.locator("time")).to_have_attribute("title", "9 Mar 2019, 22:55")
    await expect(row.get_by_role("link")).to_have_accessible_name(re.compile("9 Mar 2019$"))
    await panel.fits()
    assert await faults(panel) == []


async def test_each_message_says_when_it_was_written(
    agent: Program, new_panel: NewPanel, fake: FakeOllama
) -> None:
    panel = await new_panel(agent, locale="de-DE", timezone_id="Europe/Berlin")
    old = exported(2, OLD[1])
    await agent.post("/conversations/import", {"conversations": [old]})
    await panel.sign_in()
    await panel.rows.locator("a").click()

    await expect(panel.messages.locator("time")).to_have_text(["12.11.2020, 09:05"] * 2)
    await panel.ask_and_hear("Und jetzt?")

    await expect(panel.questions.last.locator("time")).to_have_text(CLOCK)
    await expect(panel.answer.locator("time")).to_have_text(CLOCK)
