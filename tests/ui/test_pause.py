"""A pause, begun in the tray's menu, as the panel shows it."""

import pytest
from playwright.async_api import expect

from tests.ui.panel import Panel
from tests.ui.program import Program


@pytest.mark.slow
async def test_a_pause_is_shown_and_ended(panel: Panel, agent: Program) -> None:
    state = panel.page.get_by_test_id("connection-state")
    await expect(state).to_have_attribute("data-state", "ready")
    async with agent.client() as client:
        await client.post("/desktop/pause")
    try:
        await panel.page.evaluate("window.dispatchEvent(new Event('focus'))")
        await expect(state).to_contain_text("Paused")
        await state.get_by_role("button", name="Go on").click()
        await expect(state).to_have_attribute("data-state", "ready")
    finally:
        async with agent.client() as client:
            await client.post("/desktop/resume")
