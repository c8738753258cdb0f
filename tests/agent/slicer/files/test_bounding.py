"""Files that say more of themselves than any slicer writes."""

from pathlib import Path

import pytest

from agent.slicer.files.bounding import LEFT_OUT, bounded
from agent.slicer.files.reading import read_facts
from agent.slicer.rules import Facts, Filament, Plate, Thumbnail
from tests.agent.slicer.sending import FILES, sent
from tests.serving import Served
from tests.slicing import gcode

MUCH = "x" * 100_000


def test_an_honest_file_is_told_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_text(gcode.orca())

    facts = read_facts(path, "gcode")

    assert bounded(facts) == facts
    assert facts.settings


def test_what_is_too_much_is_left_out() -> None:
    said = Facts(
        "3mf",
        generator=MUCH,
        printer=MUCH,
        filaments=(Filament(0, name=MUCH, type="PLA", colour=MUCH),),
        settings={"layer_height": "0.2", "machine_start_gcode": MUCH, "wall_loops": "3"},
        written={"perimeters": MUCH},
        thumbnails=tuple(Thumbnail(n, 9, "image/png") for n in range(1, 9999)),
        plates=(Plate(1, name=MUCH, objects=(MUCH,) * 9999, warnings=(MUCH,) * 99),) * 9999,
        changed={"process": (MUCH,) * 9999},
        notes=(MUCH,) * 999,
    )

    told = bounded(said)

    assert told.settings == {"layer_height": "0.2", "wall_loops": "3"}
    assert told.notes[-1] == LEFT_OUT.format(1)
    assert (len(told.thumbnails), len(told.plates), len(told.notes)) == (300, 1000, 51)
    assert {len(told.generator or ""), len(told.filaments[0].name or "")} == {300}
    assert (len(told.plates[0].objects), len(told.changed["process"])) == (1000, 3000)
    assert sum(len(plate.objects) for plate in told.plates) == 5000
    assert sum(len(plate.warnings) for plate in told.plates) == 500


def test_settings_without_end_are_cut_off_at_five_thousand() -> None:
    told = bounded(Facts("gcode", settings={f"a{n}": "1" for n in range(100_000)}))

    assert (len(told.settings), told.notes) == (5000, (LEFT_OUT.format(95_000),))


def test_the_way_to_a_printer_is_not_read_from_a_file() -> None:
    keys = ("printhost_apikey", "print_host", "printhost_password")
    told = bounded(Facts("gcode", settings=dict.fromkeys(keys, "secret"), written={keys[0]: "s"}))

    assert (told.settings, told.written, told.notes) == ({}, {}, ())


@pytest.mark.asyncio(loop_scope="module")
async def test_a_list_stays_small_whatever_a_file_says(served: Served) -> None:
    pictures = "".join(f"; thumbnail begin {n} 9 1\n; thumbnail end\n" for n in range(1, 20_000))
    settings = {"printer_model": MUCH, "filament_settings_id": MUCH, "filament_type": "PLA"}

    await sent(served.client, (gcode.orca(settings=settings) + pictures).encode())
    listed = await served.client.get(FILES, params={"limit": 1})

    assert (listed.status_code, len(listed.content) < 50_000) == (200, True)
