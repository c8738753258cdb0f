"""The pages around prints in German, with something on them to speak of."""

import pytest
from playwright.async_api import expect

from tests.fakes.printers import FakeOctoPrint

from .conftest import NewPanel
from .pages import opened
from .program import Program
from .sliced import hot_tower, report_of, sent_by_slicer
from .test_held_page import add
from .test_languages import MISSING, STICKS_OUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

REPORT = ["Befunde", "Was sich ändern lässt", "Drucken", "Alle Bewegungen", "Einstellungen"]
SET_UP = [
    "OrcaSlicer über den Agenten senden lassen",
    "1. Schlüssel erstellen",
    "2. In OrcaSlicer eintragen",
    "3. Ausprobieren",
]


async def test_a_held_print_its_report_and_its_printer_are_spoken_of_in_german(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, locale="de-DE", viewport={"width": 320, "height": 640})
    await panel.sign_in()
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        await sent_by_slicer(agent, "voron", hot_tower())

        held = await opened(panel, "held")
        card = held.get_by_test_id("held")
        await expect(card).to_contain_text("Eine Prüfung hat etwas Blockierendes gefunden.")
        await expect(card.get_by_role("button")).to_have_text(
            ["Trotzdem senden und drucken", "Senden ohne zu drucken", "Verwerfen"]
        )
        file_id = (await agent.get("/slicer/files"))["items"][0]["id"]

        report = await report_of(panel, file_id)
        for heading in REPORT:
            await expect(report.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        await expect(report.get_by_test_id("job-state")).to_have_text("wartet auf Freigabe")
        assert MISSING.findall(await report.get_by_test_id("facts").inner_text()) == []
        assert await panel.page.evaluate(STICKS_OUT) == []

        printers = await opened(panel, "printers")
        await expect(printers.get_by_test_id("printer")).to_contain_text("Seine Drucke warten")
        assert await panel.page.evaluate(STICKS_OUT) == []


async def test_setting_up_and_calibrating_are_explained_in_german(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, locale="de-DE", viewport={"width": 320, "height": 640})
    await panel.sign_in()

    page = await opened(panel, "printers/setup")
    for heading in SET_UP:
        await expect(page.get_by_role("heading", name=heading)).to_be_visible()
    await expect(page.locator("dt")).to_have_text(
        ["Host-Typ", "Hostname, IP oder URL", "Gerät", "API-Schlüssel / Passwort"]
    )
    assert await panel.page.evaluate(STICKS_OUT) == []

    page = await opened(panel, "calibration/temperature")
    await expect(page.get_by_role("heading", level=2)).to_have_text(
        ["1. Test drucken", "2. Messwert eintragen", "3. Ergebnis übernehmen"]
    )
    assert await panel.page.evaluate(STICKS_OUT) == []
