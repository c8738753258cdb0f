"""Writes G-code as the slicers do: every block, every dialect, a small square part."""

import base64
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image

Picture = tuple[int, int, Literal["PNG", "JPG", "QOI"]]
ORCA_SETTINGS: Mapping[str, str] = {
    "bridge_speed": "50",
    "brim_type": "auto_brim",
    "different_settings_to_system": '"enable_support;layer_height";filament_flow_ratio;',
    "enable_pressure_advance": "1",
    "enable_support": "0",
    "filament_colour": "#26A69A",
    "filament_diameter": "1.75",
    "filament_density": "1.24",
    "filament_flow_ratio": "0.98",
    "filament_max_volumetric_speed": "12",
    "filament_settings_id": '"Generic PLA @System"',
    "filament_type": "PLA",
    "first_layer_height": "0.2",
    "hot_plate_temp": "55",
    "hot_plate_temp_initial_layer": "60",
    "initial_layer_print_height": "0.2",
    "initial_layer_speed": "50",
    "inner_wall_speed": "150",
    "layer_height": "0.2",
    "line_width": "0.42",
    "machine_max_acceleration_e": "5000,5000",
    "machine_max_acceleration_extruding": "1000,1000",
    "machine_max_acceleration_retracting": "5000,5000",
    "machine_max_acceleration_travel": "1000,1000",
    "machine_max_acceleration_x": "1000,1000",
    "machine_max_acceleration_y": "1000,1000",
    "machine_max_acceleration_z": "500,500",
    "machine_max_jerk_e": "2.5,2.5",
    "machine_max_jerk_x": "8,8",
    "machine_max_jerk_y": "8,8",
    "machine_max_jerk_z": "0.4,0.4",
    "machine_max_speed_e": "60,60",
    "machine_max_speed_x": "500,500",
    "machine_max_speed_y": "500,500",
    "machine_max_speed_z": "20,20",
    "machine_start_gcode": "G28 ; home\\nM109 S[nozzle_temperature_initial_layer]",
    "max_layer_height": "0.28",
    "nozzle_diameter": "0.4",
    "nozzle_temperature": "215",
    "nozzle_temperature_initial_layer": "220",
    "nozzle_temperature_range_high": "230",
    "nozzle_temperature_range_low": "190",
    "outer_wall_speed": "100",
    "print_settings_id": "0.20mm Standard @Own",
    "printable_area": "0x0,220x0,220x220,0x220",
    "printable_height": "250",
    "printer_model": "Own Printer",
    "printer_settings_id": "Own Printer 0.4 nozzle",
    "printer_structure": "i3",
    "retraction_length": "0.8",
    "sparse_infill_density": "15%",
    "travel_speed": "200",
    "wall_loops": "2",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A square tower of one wall: what the moves of every dialect draw."""

    layers: int = 3
    edge_mm: float = 20.0
    layer_height: float = 0.2
    line_width: float = 0.42
    speed: float = 100.0
    travel_speed: float = 200.0
    acceleration: float | None = 1000.0
    nozzle: int = 215
    first_nozzle: int = 220
    bed: int = 55
    fan: int = 255
    retraction: float = 0.8
    origin: tuple[float, float] = (100.0, 100.0)
    filament_diameter: float = 1.75
    absolute_e: bool = False
    features: Sequence[str] = ("Outer wall",)

    @property
    def e_per_mm(self) -> float:
        return self.line_width * self.layer_height / (math.pi * (self.filament_diameter / 2) ** 2)


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    """A picture whose pixels tell left from right and up from down."""
    made = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    made.putpixel((0, 0), (255, 0, 0))
    if kind == "QOI":
        return qoi(made)
    stream = io.BytesIO()
    made.save(stream, "JPEG" if kind == "JPG" else "PNG")
    return stream.getvalue()


def qoi(made: Image.Image) -> bytes:
    """The simplest encoding that the format allows: every pixel as it is."""
    width, height = made.size
    flat = made.convert("RGB").tobytes()
    pixels = b"".join(b"\xfe" + flat[i : i + 3] for i in range(0, len(flat), 3))
    head = b"qoif" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x03\x00"
    return head + pixels + b"\0" * 7 + b"\x01"


def thumbnail(width: int, height: int, kind: str = "PNG", raw: bytes | None = None) -> str:
    text = base64.b64encode(picture(width, height, kind) if raw is None else raw).decode()
    tag = "thumbnail" if kind == "PNG" else f"thumbnail_{kind}"
    rows = "\n".join(f"; {text[i : i + 78]}" for i in range(0, len(text), 78))
    return f"; {tag} begin {width}x{height} {len(text)}\n{rows}\n; {tag} end"


def thumbnail_block(pictures: Iterable[Picture]) -> str:
    return "\n".join(
        f"; THUMBNAIL_BLOCK_START\n\n;\n{thumbnail(*one)}\n; THUMBNAIL_BLOCK_END\n"
        for one in pictures
    )


def square(part: Part, z: float, e: float) -> tuple[list[str], float]:
    """The four sides of one layer. Gives the lines, and where the extruder is after them."""
    x, y = part.origin
    side = part.edge_mm * part.e_per_mm
    corners = [(x + part.edge_mm, y), (x + part.edge_mm, y + part.edge_mm)]
    corners += [(x, y + part.edge_mm), (x, y)]
    lines = []
    for at, (to_x, to_y) in enumerate(corners):
        e += side
        said = e if part.absolute_e else side
        speed = f" F{part.speed * 60:g}" if at == 0 else ""
        lines.append(f"G1 X{to_x:g} Y{to_y:g} E{said:.5f}{speed}")
    return lines, e


def moves(part: Part, marks: str = "orca") -> str:
    """Start, layers and end. `marks` says whose comments stand between: orca, bambu, cura."""
    x, y = part.origin
    lines = ["G90", "G21", "M82" if part.absolute_e else "M83"]
    lines += [f"M140 S{part.bed}", f"M104 S{part.first_nozzle}", f"M190 S{part.bed}"]
    lines += [f"M109 S{part.first_nozzle}", "G28", "G92 E0"]
    if part.acceleration:
        lines.append(f"M204 S{part.acceleration:g}")
    e = 0.0
    for layer in range(part.layers):
        z = round(part.layer_height * (layer + 1), 5)
        lines += layer_marks(part, marks, layer, z)
        if layer == 1:
            lines += [f"M104 S{part.nozzle}", f"M106 S{part.fan}"]
        back = e - part.retraction if part.absolute_e else -part.retraction
        forth = e if part.absolute_e else part.retraction
        lines += [f"G1 E{back:.5f} F2400"] if part.retraction else []
        lines += [f"G1 Z{z:g} F600", f"G1 X{x:g} Y{y:g} F{part.travel_speed * 60:g}"]
        lines += [f"G1 E{forth:.5f} F2400"] if part.retraction else []
        lines += feature_marks(part, marks)
        drawn, e = square(part, z, e)
        lines += drawn
    lines += ["M107", "M104 S0", "M140 S0", "M84"]
    return "\n".join(lines)


def layer_marks(part: Part, marks: str, layer: int, z: float) -> list[str]:
    if marks == "cura":
        return [f";LAYER:{layer}"]
    if marks == "bambu":
        height = f"; LAYER_HEIGHT: {part.layer_height:g}"
        return ["; CHANGE_LAYER", f"; Z_HEIGHT: {z:g}", height]
    return [";LAYER_CHANGE", f";Z:{z:g}", f";HEIGHT:{part.layer_height:g}"]


def feature_marks(part: Part, marks: str) -> list[str]:
    name = part.features[0]
    if marks == "cura":
        return [";TYPE:WALL-OUTER"]
    if marks == "bambu":
        return [f"; FEATURE: {name}", f"; LINE_WIDTH: {part.line_width:g}"]
    return [f";TYPE:{name}", f";WIDTH:{part.line_width:g}"]


def config_block(settings: Mapping[str, str]) -> str:
    rows = "\n".join(f"; {key} = {value}" for key, value in sorted(settings.items()))
    return f"; CONFIG_BLOCK_START\n{rows}\n; CONFIG_BLOCK_END"


def used(part: Part) -> tuple[float, float, float]:
    """Millimetres, cubic centimetres and grams of filament."""
    length = 4 * part.edge_mm * part.e_per_mm * part.layers
    volume = length * math.pi * (part.filament_diameter / 2) ** 2 / 1000
    return length, volume, volume * 1.24


def orca(
    part: Part | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    pictures: Iterable[Picture] = ((48, 48, "PNG"), (300, 300, "PNG")),
    body: str | None = None,
    estimate: str = "1h 2m 3s",
    version: str = "2.3.1",
) -> str:
    """As OrcaSlicer writes for printers that are not by Bambu."""
    part = part or Part()
    length, volume, grams = used(part)
    return f"""; HEADER_BLOCK_START
; generated by OrcaSlicer {version} on 2026-11-20 at 12:00:00
; total layer number: {part.layers}
; filament_density: 1.24
; filament_diameter: {part.filament_diameter:g}
; max_z_height: {part.layers * part.layer_height:.2f}
; HEADER_BLOCK_END

{thumbnail_block(pictures)}
; external perimeters extrusion width = {part.line_width:g}mm

; EXECUTABLE_BLOCK_START
{moves(part) if body is None else body}
; EXECUTABLE_BLOCK_END

; filament used [mm] = {length:.2f}
; filament used [cm3] = {volume:.2f}
; filament used [g] = {grams:.2f}
; filament cost = 0.09
; total filament used [g] = {grams:.2f}
; total filament cost = 0.09
; total layers count = {part.layers}
; estimated printing time (normal mode) = {estimate}
; estimated first layer printing time (normal mode) = 1m 2s

{config_block({**ORCA_SETTINGS, **(settings or {})})}
"""


def bambu(
    part: Part | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    body: str | None = None,
    generator: str = "BambuStudio 01.09.05.51",
    used_filaments: Sequence[int] = (1,),
) -> str:
    """As it is written for printers by Bambu: the settings stand first, the totals in the header.

    What the header calls cm³ is in mm³, as those programs write it."""
    part = part or Part()
    length, volume, grams = used(part)
    share = len(used_filaments)

    def each(value: float) -> str:
        return ",".join([f"{value / share:.2f}"] * share)

    return f"""; HEADER_BLOCK_START
; {generator}
; model printing time: 3h 31m 41s; total estimated time: 3h 37m 27s
; total layer number: {part.layers}
; total filament length [mm] : {each(length)}
; total filament volume [cm^3] : {each(volume * 1000)}
; total filament weight [g] : {each(grams)}
; model label id: 88
; filament_density: 1.24
; filament_diameter: {part.filament_diameter:g}
; max_z_height: {part.layers * part.layer_height:.2f}
; filament: {",".join(map(str, used_filaments))}
; HEADER_BLOCK_END

{config_block({**ORCA_SETTINGS, **(settings or {})})}

; EXECUTABLE_BLOCK_START
{moves(part, "bambu") if body is None else body}
; EXECUTABLE_BLOCK_END
"""


PRUSA_SETTINGS: Mapping[str, str] = {
    "bed_shape": "0x0,250x0,250x210,0x210",
    "brim_type": "outer_only",
    "brim_width": "0",
    "complete_objects": "0",
    "external_perimeter_extrusion_width": "0.45",
    "external_perimeter_speed": "50%",
    "external_perimeters_first": "0",
    "extrusion_multiplier": "1",
    "filament_colour": "#FF8000",
    "filament_diameter": "1.75",
    "filament_settings_id": '"Own PETG"',
    "filament_type": "PETG",
    "fill_density": "20%",
    "fill_pattern": "stars",
    "first_layer_bed_temperature": "85",
    "first_layer_extrusion_width": "200%",
    "first_layer_height": "75%",
    "first_layer_speed": "20",
    "first_layer_temperature": "230",
    "infill_speed": "80",
    "ironing": "0",
    "ironing_type": "top",
    "layer_height": "0.2",
    "machine_max_acceleration_extruding": "1250,1250",
    "machine_max_feedrate_x": "200,200",
    "max_print_height": "210",
    "nozzle_diameter": "0.4",
    "perimeter_speed": "60",
    "perimeters": "2",
    "printer_settings_id": "Own MK3",
    "retract_length": "0.8",
    "seam_position": "rear",
    "solid_infill_speed": "50%",
    "start_gcode": "G28\\nG1 Z5 F5000\\n",
    "support_material": "0",
    "support_material_auto": "1",
    "support_material_style": "organic",
    "temperature": "240",
    "top_solid_infill_speed": "50%",
}


def prusa(
    part: Part | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    pictures: Iterable[Picture] = ((16, 16, "QOI"), (220, 124, "JPG")),
    body: str | None = None,
) -> str:
    """As PrusaSlicer writes: no header block, the settings at the end."""
    part = part or Part(absolute_e=True)
    length, volume, grams = used(part)
    rows = {**PRUSA_SETTINGS, **(settings or {})}
    lines = "\n".join(f"; {key} = {value}" for key, value in sorted(rows.items()))
    shown = "\n;\n".join(thumbnail(*one) for one in pictures)
    return f"""; generated by PrusaSlicer 2.8.1+linux-x64 on 2026-11-20 at 12:00:00 UTC

;
{shown}
;

; external perimeters extrusion width = {part.line_width:g}mm

{moves(part) if body is None else body}
; filament used [mm] = {length:.2f}
; filament used [cm3] = {volume:.2f}
; filament used [g] = {grams:.2f}
; filament cost = 0.15
; total filament used [g] = {grams:.2f}
; total filament cost = 0.15
; estimated printing time (normal mode) = 1d 2h 3m 4s
; estimated first layer printing time (normal mode) = 59s

; prusaslicer_config = begin
{lines}
; prusaslicer_config = end
"""


CURA_GLOBAL: Mapping[str, str] = {
    "adhesion_type": "brim",
    "layer_height": "0.2",
    "layer_height_0": "0.28",
    "machine_depth": "235",
    "machine_width": "235",
    "material_bed_temperature": "60",
    "support_enable": "True",
}
CURA_EXTRUDER: Mapping[str, str] = {
    "infill_pattern": "gyroid",
    "infill_sparse_density": "25",
    "line_width": "=machine_nozzle_size",
    "material_flow": "95",
    "material_print_temperature": "205",
    "retraction_amount": "5",
    "speed_wall_0": "30",
    "wall_line_count": "3",
    "z_seam_type": "back",
}


def cura_settings(
    common: Mapping[str, str] | None = None, extruder: Mapping[str, str] | None = None
) -> str:
    """The profile as Cura hides it: INI inside of JSON, escaped twice, cut into comments."""

    def profile(values: Mapping[str, str], position: str) -> str:
        rows = "\n".join(f"{key} = {value}" for key, value in values.items())
        return f"[general]\nversion = 4\n\n[metadata]\n{position}\n\n[values]\n{rows}\n\n"

    said = json.dumps(
        {
            "global_quality": profile(CURA_GLOBAL if common is None else common, ""),
            "extruder_quality": [
                profile(CURA_EXTRUDER if extruder is None else extruder, "position = 0")
            ],
        }
    ).replace("\\n", "\\\\n")
    return "\n".join(f";SETTING_3 {said[i : i + 70]}" for i in range(0, len(said), 70))


def cura(part: Part | None = None, *, body: str | None = None, settings: str | None = None) -> str:
    """As Cura writes for printers with Marlin."""
    part = part or Part(absolute_e=True)
    length, _, _ = used(part)
    return f""";FLAVOR:Marlin
;TIME:4321
;Filament used: {length / 1000:.6f}m
;Layer height: {part.layer_height:g}
;MINX:100
;MINY:100
;MINZ:0.2
;MAXX:120
;MAXY:120
;MAXZ:{part.layers * part.layer_height:g}
;TARGET_MACHINE.NAME:Own Cartesian
;Generated with Cura_SteamEngine 5.8.0
{thumbnail(32, 32)}
;LAYER_COUNT:{part.layers}
{moves(part, "cura") if body is None else body}
;End of Gcode
{cura_settings() if settings is None else settings}
"""


def griffin(part: Part | None = None) -> str:
    """As Cura writes for UltiMaker's own printers."""
    part = part or Part(absolute_e=True)
    return f""";START_OF_HEADER
;HEADER_VERSION:0.1
;FLAVOR:Griffin
;GENERATOR.NAME:Cura_SteamEngine
;GENERATOR.VERSION:5.8.0
;GENERATOR.BUILD_DATE:2026-01-02
;TARGET_MACHINE.NAME:Ultimaker S5
;EXTRUDER_TRAIN.0.INITIAL_TEMPERATURE:235
;EXTRUDER_TRAIN.0.MATERIAL.VOLUME_USED:2911
;EXTRUDER_TRAIN.0.NOZZLE.DIAMETER:0.8
;EXTRUDER_TRAIN.1.MATERIAL.VOLUME_USED:55
;EXTRUDER_TRAIN.1.NOZZLE.DIAMETER:0.4
;BUILD_PLATE.INITIAL_TEMPERATURE:60
;PRINT.TIME:480
;PRINT.SIZE.MIN.Z:0.4
;PRINT.SIZE.MAX.Z:2.8
;END_OF_HEADER
;Generated with Cura_SteamEngine 5.8.0
T0
;LAYER_COUNT:{part.layers}
{moves(part, "cura")}
;End of Gcode
{cura_settings()}
"""
