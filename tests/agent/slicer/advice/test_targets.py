"""Which preset a change becomes, with the slicer's folders and without."""

from collections.abc import Collection, Mapping

import pytest

from agent.shared.errors import NotFound
from agent.slicer.advice.rules import Target
from agent.slicer.advice.sources import Ended, Sources
from agent.slicer.advice.targets import Meant, kept, read_back, targets_for
from agent.slicer.presets.rules import Preset
from agent.slicer.rules import Analysis, Facts, PresetType, SlicerFile

DAY = "2026-11-20"
SYSTEM = Preset("process", "0.20mm", "Acme", True, None, (), {"wall_loops": "2"}, {}, {}, "2.3.0.1")
OWN = Preset(
    "process",
    "Strong",
    "default",
    False,
    "0.20mm",
    ("0.20mm",),
    {"wall_loops": "5"},
    {"wall_loops": "2"},
    {"wall_loops": "5"},
    "2.3.0.1",
    system_parent="0.20mm",
)
ROOTLESS = Preset(
    "process",
    "Alone",
    "default",
    False,
    None,
    (),
    {"wall_loops": "4", "layer_height": "0.2"},
    {},
    {},
)
PROJECT = {
    "print_settings_id": "Mine",
    "filament_settings_id": '"PLA A";"PETG B"',
    "printer_settings_id": "Acme One",
    "inherits_group": "0.20mm;;Generic PETG;",
    "wall_loops": "5",
    "nozzle_temperature": "220,240",
    "printhost_apikey": "K3Y",
}


def knowing(*presets: Preset) -> Sources:
    """Sources that know these presets and nothing else."""
    by_name = {(one.type, one.name): one for one in presets}

    async def preset(preset_type: PresetType, name: str) -> Preset:
        if (preset_type, name) not in by_name:
            raise NotFound("no-such-preset", name)
        return by_name[preset_type, name]

    async def names(preset_type: PresetType) -> Collection[str]:
        return {name for kind, name in by_name if kind == preset_type}

    async def file(file_id: str) -> SlicerFile:
        raise NotFound("no-such-file", file_id)

    async def ended(_file_id: str) -> Ended | None:
        return None

    async def files_since(_moment: str) -> list[SlicerFile]:
        return []

    async def analysis(_file_id: str) -> Analysis | None:
        return None

    async def picture(_file: SlicerFile, _plate: int) -> str | None:
        return None

    return Sources(file, ended, files_since, analysis, picture, preset, names, lambda: None)


def project(changed: Mapping[str, tuple[str, ...]] | None = None) -> Facts:
    return Facts("3mf", settings=PROJECT, changed=changed or {})


@pytest.mark.parametrize(
    ("preset", "target"),
    [
        (SYSTEM, Target(f"0.20mm @agent {DAY}", "0.20mm", "0.20mm", {}, "2.3.0.1")),
        (OWN, Target(f"Strong @agent {DAY}", "0.20mm", "Strong", {"wall_loops": "5"}, "2.3.0.1")),
        (ROOTLESS, Target(f"Alone @agent {DAY}", "", "Alone", ROOTLESS.settings, None)),
    ],
)
async def test_a_new_preset_stands_beside_the_one_in_force(preset: Preset, target: Target) -> None:
    meant = Meant(preset=preset)

    found, notes = await targets_for(["process"], meant, knowing(preset), day=DAY, taken=())

    assert (found, notes) == ({"process": target}, [])
    assert read_back(kept(target)) == target


async def test_a_name_that_is_taken_gets_a_number() -> None:
    found, _ = await targets_for(
        ["process"],
        Meant(preset=SYSTEM),
        knowing(SYSTEM),
        day=DAY,
        taken=[f"0.20mm @agent {DAY}", f"0.20mm @AGENT {DAY} 2"],
    )

    assert found["process"].name == f"0.20mm @agent {DAY} 3"


async def test_without_the_slicers_folders_the_file_says_what_is_inherited() -> None:
    facts = project({"process": ("wall_loops",), "filament": ("nozzle_temperature",)})
    meant = Meant(facts, filament=1)

    found, notes = await targets_for(
        ["process", "filament", "machine"], meant, knowing(), day=DAY, taken=()
    )

    assert found == {
        "process": Target(f"Mine @agent {DAY}", "0.20mm", "Mine", {"wall_loops": "5"}),
        "filament": Target(
            f"PETG B @agent {DAY}", "Generic PETG", "PETG B", {"nozzle_temperature": ("240",)}
        ),
        "machine": Target(f"Acme One @agent {DAY}", "Acme One", "Acme One"),
    }
    assert notes == []


async def test_a_name_that_nobody_knows_is_taken_for_a_system_preset_and_that_is_said() -> None:
    facts = Facts("gcode", settings={"print_settings_id": "Mine"})

    found, notes = await targets_for(["process"], Meant(facts), knowing(), day=DAY, taken=())

    assert found["process"].inherits == "Mine"
    assert notes[0].startswith("Mine was not found on this computer")


async def test_a_file_that_names_no_preset_says_so() -> None:
    found, notes = await targets_for(
        ["machine"], Meant(Facts("gcode")), knowing(), day=DAY, taken=()
    )

    assert found == {}
    assert notes[0].startswith("The file does not say which machine preset")
