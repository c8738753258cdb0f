"""Prints that wait: sent by the slicer, stopped by a check, and let go by a click."""

import pytest
from playwright.async_api import expect

from tests.fakes.printers import FakeOctoPrint

from .conftest import NewPanel
from .pages import is_sound, opened
from .panel import Panel
from .program import Program
from .sliced import NAME, good_tower, hot_tower, long_tower, reading_held, sent_by_slicer


async def add(agent: Program, printer: FakeOctoPrint, hold: str = "blocking") -> None:
    body = {"name": "voron", "kind": "octoprint", "url": printer.url, "key": printer.key}
    await agent.post("/printers", {**body, "hold": hold})


@pytest.mark.slow
async def test_a_print_with_something_blocking_waits_for_a_click(
    panel: Panel, agent: Program
) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        page = await opened(panel, "held")
        await expect(page.get_by_test_id("nothing-held")).to_contain_text("Nothing waits")

        await sent_by_slicer(agent, "voron", hot_tower())

        card = page.get_by_test_id("held")
        await expect(card).to_contain_text("A check found something blocking.")
        await expect(card).to_contain_text("Hotter than the filament takes")
        await expect(panel.page.get_by_test_id("held-count")).to_have_text("1")
        assert printer.started == []
        await card.get_by_role("button", name="Send and print all the same").click()
        await printer.until_asked("POST", "/api/files/local")
        await expect(card).to_have_count(0)
        await expect(panel.page.get_by_test_id("held-count")).to_have_count(0)
        assert printer.started == [NAME]


@pytest.mark.slow
async def test_a_print_that_begins_to_wait_is_told_of_wherever_one_is(
    panel: Panel, agent: Program
) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer, hold="always")
        await expect(panel.page.get_by_test_id("first-run")).to_be_visible()
        async with panel.page.expect_response(lambda one: one.url.endswith("/slicer/held")):
            pass  # what waits already is nothing new

        await sent_by_slicer(agent, "voron", good_tower())

        await expect(panel.toast).to_contain_text(f"A print waits: {NAME}")
        await panel.toast.get_by_role("button", name="Look").click()
        card = panel.page.get_by_test_id("held")
        await expect(card).to_contain_text("This printer’s prints wait for a click.")
        await card.get_by_role("button", name="Reject").click()
        await expect(card).to_have_count(0)
        assert printer.files == {}


@pytest.mark.slow
async def test_what_could_not_be_sent_says_why_and_is_sent_again(
    panel: Panel, agent: Program
) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        printer.fail("POST", "/api/files/local", 507)
        page = await opened(panel, "held")

        await sent_by_slicer(agent, "voron", good_tower())

        card = page.locator("[data-testid=held][data-state=failed]")
        await expect(card).to_contain_text("not sent")
        await expect(card).to_contain_text("voron")
        printer.heal()
        await card.get_by_role("button", name="Send and print").click()
        await expect(page.get_by_test_id("held")).to_have_count(0)
        assert printer.started == [NAME]


@pytest.mark.slow
async def test_a_file_is_looked_at_then_sent_without_a_print(panel: Panel, agent: Program) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        page = await opened(panel, "held")
        await sent_by_slicer(agent, "voron", long_tower())
        await reading_held(agent, job=True)

        card = page.get_by_test_id("held")
        await expect(card.get_by_test_id("progress")).to_contain_text("Looking at every move")
        await expect(card.get_by_test_id("progress")).to_contain_text("%")
        await card.get_by_role("button", name="Cancel: Looking at every move").click()
        await expect(card).to_contain_text("Not every move was looked at")
        await card.get_by_role("button", name="Send without printing").click()
        await expect(page.get_by_test_id("held")).to_have_count(0)
        assert (list(printer.files), printer.started) == ([NAME], [])


@pytest.mark.slow
async def test_a_printer_that_is_away_is_waited_for_in_words(panel: Panel, agent: Program) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        printer.fail("GET", "/api/printer", 503, times=50)
        page = await opened(panel, "held")
        await sent_by_slicer(agent, "voron", good_tower())

        await expect(page.get_by_test_id("progress")).to_contain_text("Waiting for voron · ")
        printer.heal()
        await expect(page.get_by_test_id("held")).to_have_count(0)


@pytest.mark.slow
async def test_a_report_sends_its_file_and_says_how_the_print_ended(
    panel: Panel, agent: Program
) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        await sent_by_slicer(agent, "default", good_tower())
        (file,) = (await agent.get("/slicer/files"))["items"]
        await opened(panel, f"files/{file['id']}")
        printing = panel.page.get_by_test_id("printing")

        await printing.get_by_label("and print it").check()
        await printing.get_by_test_id("forward").click()
        await expect(printing.get_by_test_id("job-state")).to_have_text("sent to the printer")
        assert printer.started == [NAME]
        await printing.get_by_label("A note").fill("Fine walls.")
        await printing.get_by_role("button", name="It finished").click()

        await expect(printing).to_contain_text("finished (told by you). Fine walls.")


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
async def test_the_page_is_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        await sent_by_slicer(agent, "voron", hot_tower(), f"{'a_very_long_name' * 6}.gcode")
        panel = await new_panel(agent, viewport={"width": width, "height": 800})
        await panel.sign_in()
        page = await opened(panel, "held")
        await expect(page.get_by_test_id("held")).to_have_count(1)

        await is_sound(panel)
