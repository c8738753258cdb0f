"""The page on advice says what the code does."""

from agent.chat import rounds
from agent.slicer.advice import diagnosis, limits
from agent.slicer.advice.rules import IMPORTANCE
from agent.slicer.advice.texts import tools
from tests.house.tree import ROOT

PAGE = (ROOT / "docs/pages/advice.md").read_text("utf-8")


def test_the_page_names_every_piece_and_every_tool() -> None:
    names = [
        one["function"]["name"] for one in tools(has_file=True, has_pictures=True, has_presets=True)
    ]

    assert [name for name in (*IMPORTANCE, *names) if f"`{name}`" not in PAGE] == []


def test_the_page_has_the_limits_of_the_code() -> None:
    said = (
        f"never above {limits.NOZZLE_C:g} °C",
        f"never above {limits.BED_C:g} °C",
        f"never above {limits.CHAMBER_C:g} °C",
        f"{limits.LOWEST_LAYER:.0%} to {limits.HIGHEST_LAYER:.0%}".replace("%", "", 1),
        f"never above {limits.FLOW_MM3_S:g} mm³/s",
        f"{limits.DIRECT_RETRACTION_MM:g} mm with a direct drive",
        f"else {limits.RETRACTION_MM:g} mm",
        f"{limits.LARGEST_OFFSET_STEP_MM:g} mm from where it is",
        f"confidence of {diagnosis.UNSURE:g}",
    )

    assert [one for one in said if one.replace("%", " %") not in PAGE] == []
    assert (rounds.MOST_ROUNDS, rounds.MOST_CALLS, rounds.PATIENCE_S) == (4, 8, 180)
