"""Writes G-code of any size, as a slicer makes it of a round part: many short moves."""

import math
import random
from collections.abc import Iterator
from pathlib import Path

from tests.slicing import gcode
from tests.slicing.gcode import Part

BODIES = 16  # layers that differ; a file repeats them at other heights
WALLS = (("Inner wall", 24.0, 5000), ("Inner wall", 24.4, 5000), ("Outer wall", 24.8, 3000))


def write_large(file: Path, size_bytes: int) -> Path:
    """As OrcaSlicer would, with its blocks at both ends; a little longer than asked for."""
    part = Part()
    head, tail = gcode.orca(part, body="<moves>", pictures=((300, 300, "PNG"),)).split("<moves>")
    chance = random.Random(4)
    bodies = [_layer(part, chance, at) for at in range(BODIES)]
    start = "G90\nG21\nM83\nM140 S55\nM104 S220\nM190 S55\nM109 S220\nG28\n"
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        written = stream.write(head + start)
        layer = 0
        while written < size_bytes:
            z = 0.2 * (layer + 1)
            marks = (
                f";LAYER_CHANGE\n;Z:{z:.2f}\n;HEIGHT:0.2\nG1 Z{z:.2f} F720\nM73 P{layer % 100}\n"
            )
            written += stream.write(marks + bodies[layer % BODIES])
            layer += 1
        stream.write("M107\nM104 S0\n" + tail)
    return file


def _layer(part: Part, chance: random.Random, at: int) -> str:
    lines = [f"M106 S{100 + 10 * (at % 10)}"]
    for name, radius, acceleration in WALLS:
        lines += [f"M204 S{acceleration}", f";TYPE:{name}", f";WIDTH:{part.line_width:g}"]
        lines += _circle(part, radius, chance)
    lines += ["M204 S8000", ";TYPE:Sparse infill", f";WIDTH:{part.line_width + 0.03:g}"]
    lines += _infill(part, at)
    return "\n".join(lines) + "\n"


def _circle(part: Part, radius: float, chance: random.Random) -> Iterator[str]:
    """Pieces of about half a millimetre, a little uneven."""
    count = int(2 * math.pi * radius / 0.5)
    yield "G1 E-.8 F2400"
    yield f"G1 X{100 + radius:.3f} Y100 F12000"
    yield "G1 E.8 F2400"
    x, y = 100 + radius, 100.0
    for at in range(1, count + 1):
        angle, uneven = 2 * math.pi * at / count, radius + chance.uniform(-0.02, 0.02)
        to_x, to_y = 100 + uneven * math.cos(angle), 100 + uneven * math.sin(angle)
        filament = math.dist((x, y), (to_x, to_y)) * part.e_per_mm
        speed = " F6000" if at == 1 else ""
        yield f"G1 X{to_x:.3f} Y{to_y:.3f} E{filament:.5f}{speed}".replace("E0.", "E.")
        x, y = to_x, to_y


def _infill(part: Part, at: int) -> Iterator[str]:
    turn = math.radians(45 + 90 * (at % 2))
    for row in range(-11, 12, 2):
        half = math.sqrt(23**2 - row**2)
        ends = [
            (
                100 + row * math.cos(turn) - side * half * math.sin(turn),
                100 + row * math.sin(turn) + side * half * math.cos(turn),
            )
            for side in (-1, 1)
        ]
        filament = 2 * half * part.e_per_mm
        yield f"G1 X{ends[0][0]:.3f} Y{ends[0][1]:.3f} F12000"
        yield f"G1 X{ends[1][0]:.3f} Y{ends[1][1]:.3f} E{filament:.5f} F9000"
