"""Writes 3MF projects, plain and sliced, and archives that are made to do harm."""

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

Content = str | bytes
Settings = Mapping[str, str | Sequence[str]]

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
 <metadata name="Application">{application}</metadata>
 <resources>{meshes}</resources>
 <build>{items}</build>
</model>
"""
SETTINGS: Settings = {
    "layer_height": "0.2",
    "wall_loops": "3",
    "sparse_infill_density": "15%",
    "nozzle_diameter": ["0.4"],
    "nozzle_temperature": ["240", "220"],
    "filament_type": ["PETG", "PLA"],
    "filament_colour": ["#112233", "#FFFFFF"],
    "filament_settings_id": ["My PETG", "Generic PLA @System"],
    "print_settings_id": "Strong",
    "printer_settings_id": "Acme One 0.4 nozzle",
    "printable_area": ["0x0", "220x0", "220x220", "0x220"],
    "machine_start_gcode": "G28\nM117 ready",
    "overhang_reverse": "0",
    "print_host": "http://192.0.2.7",
    "printhost_apikey": "do-not-tell",
    "different_settings_to_system": ["wall_loops;seam_position", "nozzle_temperature", "", ""],
}


def png(width: int, height: int, grey: int = 128) -> bytes:
    """A picture of one shade."""
    rows = b"".join(b"\0" + bytes([grey]) * width for _ in range(height))

    def chunk(tag: bytes, data: bytes) -> bytes:
        body = tag + data
        return struct.pack(">L", len(data)) + body + struct.pack(">L", zlib.crc32(body))

    header = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    ends = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(ends)


def model(application: str = "BambuStudio-2.3.1", *, size_mm: float = 20) -> str:
    """A model of one box, as the core of the format has it."""
    corners = [(x, y, z) for z in (0, size_mm) for y in (0, size_mm) for x in (0, size_mm)]
    faces = (
        *((0, 2, 1), (1, 2, 3), (4, 5, 6), (5, 7, 6), (0, 1, 4), (1, 5, 4)),
        *((2, 6, 3), (3, 6, 7), (0, 4, 2), (2, 4, 6), (1, 3, 5), (3, 7, 5)),
    )
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in corners)
    triangles = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in faces)
    mesh = f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh>"
    return MODEL.format(
        application=application,
        meshes=f'<object id="1" type="model">{mesh}</object>',
        items='<item objectid="1" transform="1 0 0 0 1 0 0 0 1 110 110 0"/>',
    )


def model_settings(plates: Sequence[str] = ("", "Lid"), *, is_sliced: bool = False) -> str:
    """Two objects, each on a plate of its own."""
    objects = "".join(
        f'<object id="{n}"><metadata key="name" value={quoteattr(f"Box {n}.stl")}/>'
        f'<part id="1" subtype="normal_part"><metadata key="name" value="inner"/></part></object>'
        for n in range(1, len(plates) + 1)
    )
    sheets = "".join(
        f'<plate><metadata key="plater_id" value="{n}"/>'
        f'<metadata key="plater_name" value={quoteattr(name)}/>'
        f'<metadata key="gcode_file" value="{f"Metadata/plate_{n}.gcode" if is_sliced else ""}"/>'
        f'<model_instance><metadata key="object_id" value="{n}"/></model_instance></plate>'
        for n, name in enumerate(plates, 1)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<config>{objects}{sheets}</config>'


def slice_info(plates: int = 2) -> str:
    """What slicing came to: an hour and 20 g a plate, and a warning on the first."""
    sheets = "".join(
        f'<plate><metadata key="index" value="{n}"/><metadata key="prediction" value="3600"/>'
        f'<metadata key="weight" value="20.50"/>'
        f'<object identify_id="7" name="Box {n}.stl" skipped="false"/>'
        f'<filament id="{n}" tray_info_idx="GFG99" type="PETG" color="#112233" used_m="6.70"'
        f' used_g="20.50"/>'
        + ('<warning msg="bed_temperature_too_high" level="1" error_code="1000"/>' * (n == 1))
        + "</plate>"
        for n in range(1, plates + 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<config><header>'
        '<header_item key="X-BBL-Client-Type" value="slicer"/></header>'
        f"{sheets}</config>"
    )


def members(
    settings: Settings | None = None,
    *,
    is_sliced: bool = False,
    changed: Mapping[str, Content] | None = None,
) -> dict[str, Content]:
    """The files of a project with two plates; `is_sliced` adds what slicing brings."""
    document = {"version": "02.03.01.51", "name": "project_settings", "from": "project"}
    found: dict[str, Content] = {
        "[Content_Types].xml": "<Types/>",
        "3D/3dmodel.model": model(),
        "Metadata/project_settings.config": json.dumps({**document, **(settings or SETTINGS)}),
        "Metadata/model_settings.config": model_settings(is_sliced=is_sliced),
        "Metadata/plate_1.png": png(64, 64),
        "Metadata/plate_1_small.png": png(16, 16),
        "Metadata/plate_2.png": png(64, 64, 200),
        "Metadata/top_1.png": png(32, 32),
    }
    if is_sliced:
        found["Metadata/slice_info.config"] = slice_info()
        for n in (1, 2):
            found[f"Metadata/plate_{n}.gcode"] = (
                "; HEADER_BLOCK_START\n; total layer number: 100\n; max_z_height: 20.00\n"
                "; HEADER_BLOCK_END\nG28\nG1 X10 E1\n"
            )
    return {**found, **(changed or {})}


def write_3mf(path: Path, content: Mapping[str, Content]) -> Path:
    """Packs the files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path
