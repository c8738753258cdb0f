"""Writes G-code as the slicers do: every block, every dialect, a small square part."""

import base64
import io
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
