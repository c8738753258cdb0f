"""What a G-code says of itself, in every dialect."""

from pathlib import Path

import pytest

from agent.slicer.gcode.keys import translated
from agent.slicer.gcode.reading import read_gcode
from agent.slicer.gcode.windows import WINDOW_BYTES
from agent.slicer.presets.keys import KEYS, METADATA
from agent.slicer.rules import Facts, Filament, Slicer, Thumbnail
from tests.slicing import gcode

FILAMENT = Filament(
    0,
    name="Generic PLA @System",
    type="PLA",
    colour="#26A69A",
    used_mm=8.38,
    used_cm3=0.02,
    used_g=0.02,
    cost=0.09,
)
WITHOUT_A_PRESET = {"filament_colour"}  # the slicer knows it, and no preset holds it


def read(folder: Path, text: str | bytes, name: str = "part.gcode") -> Facts:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_gcode(file)


def test_orcaslicers_file_is_read_whole(tmp_path: Path) -> None:
    facts = read(tmp_path, gcode.orca())

    assert facts == Facts(
        kind="gcode",
        slicer=Slicer.ORCA,
        generator="OrcaSlicer 2.3.1",
        version="2.3.1",
        sliced_at="2026-11-20T12:00:00",
        printer="Own Printer 0.4 nozzle",
        estimated_seconds=3723,
        first_layer_seconds=62,
        layers=3,
        max_z_mm=0.6,
        filaments=(FILAMENT,),
        settings=dict(gcode.ORCA_SETTINGS),
        thumbnails=(Thumbnail(48, 48, "image/png"), Thumbnail(300, 300, "image/png")),
        changed={
            "process": ("enable_support", "layer_height"),
            "filament": ("filament_flow_ratio",),
        },
        hottest_nozzle_c=220.0,
        hottest_bed_c=55.0,
    )


def test_a_printer_by_bambu_has_its_settings_first_and_its_volume_in_another_unit(
    tmp_path: Path,
) -> None:
    facts = read(tmp_path, gcode.bambu(used_filaments=(1, 3)))

    assert (facts.slicer, facts.generator) == (Slicer.BAMBU, "BambuStudio 01.09.05.51")
    assert (facts.estimated_seconds, facts.layers, facts.max_z_mm) == (13047, 3, 0.6)
    assert facts.settings == gcode.ORCA_SETTINGS
    assert [(one.index, one.used_mm, one.used_cm3, one.used_g) for one in facts.filaments] == [
        (0, 4.19, 0.01008, 0.01),
        (1, None, None, None),
        (2, 4.19, 0.01008, 0.01),
    ]


def test_prusaslicer_is_read_in_orcaslicers_words(tmp_path: Path) -> None:
    facts = read(tmp_path, gcode.prusa())

    assert (facts.slicer, facts.version) == (Slicer.PRUSA, "2.8.1")
    assert facts.sliced_at == "2026-11-20T12:00:00Z"
    assert (facts.estimated_seconds, facts.first_layer_seconds) == (93_784, 59)
    assert facts.thumbnails == (
        Thumbnail(16, 16, "image/qoi"),
        Thumbnail(220, 124, "image/jpeg"),
    )
    assert facts.written == gcode.PRUSA_SETTINGS
    assert facts.settings == {
        "brim_type": "no_brim",
        "brim_width": "0",
        "enable_support": "0",
        "filament_colour": "#FF8000",
        "filament_diameter": "1.75",
        "filament_flow_ratio": "1",
        "filament_settings_id": '"Own PETG"',
        "filament_type": "PETG",
        "hot_plate_temp_initial_layer": "85",
        "initial_layer_infill_speed": "20",
        "initial_layer_line_width": "0.4",
        "initial_layer_print_height": "0.15",
        "initial_layer_speed": "20",
        "inner_wall_speed": "60",
        "internal_solid_infill_speed": "40",
        "ironing_type": "no ironing",
        "layer_height": "0.2",
        "machine_max_acceleration_extruding": "1250,1250",
        "machine_max_speed_x": "200,200",
        "machine_start_gcode": "G28\\nG1 Z5 F5000\\n",
        "nozzle_diameter": "0.4",
        "nozzle_temperature": "240",
        "nozzle_temperature_initial_layer": "230",
        "outer_wall_line_width": "0.45",
        "outer_wall_speed": "30",
        "print_sequence": "by layer",
        "printable_area": "0x0,250x0,250x210,0x210",
        "printable_height": "210",
        "printer_settings_id": "Own MK3",
        "retraction_length": "0.8",
        "seam_position": "back",
        "sparse_infill_density": "20%",
        "sparse_infill_pattern": "tri-hexagon",
        "sparse_infill_speed": "80",
        "support_type": "tree(auto)",
        "top_surface_speed": "20",
        "wall_loops": "2",
        "wall_sequence": "inner wall/outer wall",
    }


def test_cura_is_read_in_orcaslicers_words(tmp_path: Path) -> None:
    facts = read(tmp_path, gcode.cura())

    assert facts == Facts(
        kind="gcode",
        slicer=Slicer.CURA,
        generator="Cura 5.8.0",
        version="5.8.0",
        printer="Own Cartesian",
        estimated_seconds=4321,
        layers=3,
        max_z_mm=0.6,
        filaments=(Filament(0, used_mm=8.382),),
        settings={
            "brim_type": "outer_only",
            "enable_support": "1",
            "filament_flow_ratio": "0.95",
            "hot_plate_temp": "60",
            "initial_layer_print_height": "0.28",
            "layer_height": "0.2",
            "nozzle_temperature": "205",
            "outer_wall_speed": "30",
            "printable_area": "0x0,235x0,235x235,0x235",
            "printer_model": "Own Cartesian",
            "retraction_length": "5",
            "seam_position": "back",
            "sparse_infill_density": "25%",
            "sparse_infill_pattern": "gyroid",
            "wall_loops": "3",
        },
        written={**gcode.CURA_GLOBAL, **gcode.CURA_EXTRUDER},
        thumbnails=(Thumbnail(32, 32, "image/png"),),
        notes=("Cura writes only those settings into the file that differ from its profile.",),
        hottest_nozzle_c=220.0,
        hottest_bed_c=55.0,
    )


def test_cura_for_ultimakers_printers_has_another_header(tmp_path: Path) -> None:
    facts = read(tmp_path, gcode.griffin())

    assert (facts.slicer, facts.version, facts.printer) == (Slicer.CURA, "5.8.0", "Ultimaker S5")
    assert (facts.estimated_seconds, facts.layers, facts.max_z_mm) == (480, 3, 2.8)
    assert facts.filaments == (Filament(0, used_cm3=2.911), Filament(1, used_cm3=0.055))
    assert facts.settings["nozzle_diameter"] == "0.8,0.4"
    assert facts.settings["hot_plate_temp_initial_layer"] == "60"


@pytest.mark.parametrize(
    ("said", "generator", "version", "slicer"),
    [
        (
            "generated by OrcaSlicer 2.5.0-rc on 2026-11-01",
            "OrcaSlicer 2.5.0-rc",
            "2.5.0-rc",
            "ORCA",
        ),
        (
            "generated by SuperSlicer 2.5.59.13 on 2026-11-01",
            "SuperSlicer 2.5.59.13",
            "2.5.59.13",
            "UNKNOWN",
        ),
        (
            "G-Code generated by Simplify3D(R) Version 5.1.2",
            "Simplify3D(R) Version 5.1.2",
            "5.1.2",
            "UNKNOWN",
        ),
        ("generated by my own script", "my own script", None, "UNKNOWN"),
    ],
)
def test_who_made_it(
    tmp_path: Path, said: str, generator: str, version: str | None, slicer: str
) -> None:
    facts = read(tmp_path, f"; {said}\nG28\n")

    assert (facts.generator, facts.version) == (generator, version)
    assert facts.slicer is Slicer[slicer]


def test_blocks_may_come_in_any_order(tmp_path: Path) -> None:
    usual = gcode.orca()
    parts = usual.split("; EXECUTABLE_BLOCK")
    turned = f"{parts[2]}\n; EXECUTABLE_BLOCK{parts[1]}\n; EXECUTABLE_BLOCK_END\n{parts[0]}"

    assert read(tmp_path, turned) == read(tmp_path, usual)


def test_a_long_file_is_read_from_its_ends_alone(tmp_path: Path) -> None:
    whole = gcode.orca(body="G28\n" + "G1 X10 Y10 E1\n" * 200_000)
    assert len(whole) > 2 * WINDOW_BYTES
    middle = len(whole) // 2
    changed = f"{whole[:middle]}\n; total layers count = 99\n{whole[middle:]}"

    assert read(tmp_path, changed) == read(tmp_path, gcode.orca(body="G28\nG1 X10 Y10 E1"))


def test_line_ends_of_windows_and_of_old_macs(tmp_path: Path) -> None:
    usual = gcode.orca()

    assert read(tmp_path, usual.replace("\n", "\r\n")) == read(tmp_path, usual)
    assert read(tmp_path, usual.replace("\n", "\r")) == read(tmp_path, usual)


def test_slic3r_wrote_its_settings_without_a_mark(tmp_path: Path) -> None:
    old = """; generated by Slic3r Prusa Edition 1.41.2 on 2018-12-01 at 10:00:00
G28
; filament used = 1.0mm (0.0cm3)
; total filament cost = 0.0
; estimated printing time = 1h 5m

; perimeters = 4
; temperature = 215
"""

    facts = read(tmp_path, old)

    assert facts.settings == {"wall_loops": "4", "nozzle_temperature": "215"}
    assert facts.estimated_seconds == 3900


def test_layers_are_told_to_klipper_where_nothing_else_tells_them(tmp_path: Path) -> None:
    facts = read(tmp_path, "SET_PRINT_STATS_INFO TOTAL_LAYER=217\nG28\n;Z:43.4\nG1 X1\n")

    assert (facts.layers, facts.max_z_mm) == (217, 43.4)


def test_values_with_quotes_line_ends_and_semicolons_stay_as_they_are(tmp_path: Path) -> None:
    odd = {
        "filament_settings_id": r'"PLA; the \"good\" one";PETG',
        "filament_type": "PLA;PETG",
        "machine_start_gcode": r"G28 ; home\nM117 = done = \"now\"",
        "notes": "; CONFIG_BLOCK_START = 1",
    }

    facts = read(tmp_path, gcode.orca(settings=odd))

    assert {key: facts.settings[key] for key in odd} == odd
    assert [one.name for one in facts.filaments] == ['PLA; the "good" one', "PETG"]


def test_every_translated_key_is_one_of_orcaslicers() -> None:
    from_prusa = translated(dict.fromkeys(_prusas_keys(), "1"), Slicer.PRUSA)
    from_cura = translated(dict.fromkeys(_curas_keys(), "1"), Slicer.CURA)

    assert len(from_prusa) > 150
    assert len(from_cura) > 50
    assert {*from_prusa, *from_cura} - set(KEYS) - METADATA == WITHOUT_A_PRESET


def _prusas_keys() -> set[str]:
    from agent.slicer.gcode import prusa_keys

    tables = [prusa_keys.SAME, prusa_keys.RENAMED, prusa_keys.WIDTHS, prusa_keys.SPEEDS]
    return {*(key for table in tables for key in table), *_needed(prusa_keys.TOGETHER)}


def _needed(together: object) -> set[str]:
    assert isinstance(together, tuple)
    return {key for both in together for key in both.needs}


def _curas_keys() -> set[str]:
    from agent.slicer.gcode import cura_keys

    return {*cura_keys.RENAMED, *cura_keys.FLAGS, *cura_keys.PERCENTS, *cura_keys.CHOICES}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ({"support_angle": "50"}, {"support_threshold_angle": "40"}),
        ({"retraction_enable": "False", "retraction_amount": "5"}, {"retraction_length": "0"}),
        ({"retraction_hop_enabled": "False"}, {"z_hop": "0"}),
        ({"ironing_enabled": "True"}, {"ironing_type": "top"}),
        ({"cool_fan_speed": "80"}, {"fan_max_speed": "80"}),
        ({"machine_max_jerk_xy": "9"}, {"machine_max_jerk_x": "9", "machine_max_jerk_y": "9"}),
        ({"line_width": "=machine_nozzle_size"}, {}),
        ({"infill_pattern": "cross_3d"}, {}),
        ({"machine_width": "200", "machine_depth": "x"}, {}),
    ],
)
def test_cura_settings_that_mean_something_else(
    written: dict[str, str], read_as: dict[str, str]
) -> None:
    assert translated(written, Slicer.CURA) == read_as


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ({"brim_type": "outer_only", "brim_width": "4"}, {"brim_type": "outer_only"}),
        ({"ironing": "1", "ironing_type": "topmost"}, {"ironing_type": "topmost"}),
        ({"external_perimeters_first": "1"}, {"wall_sequence": "outer wall/inner wall"}),
        ({"complete_objects": "1"}, {"print_sequence": "by object"}),
        ({"infill_every_layers": "3"}, {"infill_combination": "1"}),
        ({"support_material_xy_spacing": "50%"}, {"support_object_xy_distance": None}),
        ({"support_material_xy_spacing": "0.4"}, {"support_object_xy_distance": "0.4"}),
        ({"first_layer_speed": "50%", "perimeter_speed": "40"}, {"initial_layer_speed": "20"}),
        ({"external_perimeter_speed": "50%"}, {"outer_wall_speed": None}),
        ({"extrusion_width": "wide"}, {"line_width": None}),
    ],
)
def test_prusaslicers_settings_that_mean_something_else(
    written: dict[str, str], read_as: dict[str, str | None]
) -> None:
    found = translated(written, Slicer.PRUSA)

    assert {key: found.get(key) for key in read_as} == read_as
