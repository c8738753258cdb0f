"""Writes short G-code for the tests of the motion, and says how long it should take."""

import math
from collections.abc import Mapping
from pathlib import Path

from agent.slicer.gcode.motion import BLOCK_BYTES, analyse
from agent.slicer.rules import Analysis
from tests.slicing import gcode

FREE: Mapping[str, str] = {  # a printer with one acceleration and nothing else in its way
    "filament_diameter": "1.75",
    "machine_max_acceleration_extruding": "1000",
    "machine_max_acceleration_retracting": "1000",
    "machine_max_acceleration_travel": "1000",
    "machine_max_jerk_e": "8",
    "machine_max_jerk_x": "8",
    "machine_max_jerk_y": "8",
    "machine_max_jerk_z": "8",
}
AREA = math.pi * 1.75**2 / 4


def looked_at(
    folder: Path,
    body: str | bytes,
    settings: Mapping[str, str] | None = None,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Analysis:
    """The body, one layer unless it marks its own, and the settings at the end."""
    file = folder / "moves.gcode"
    raw = body.encode() if isinstance(body, str) else body
    if b"LAYER" not in raw:
        raw = b";LAYER_CHANGE\n;Z:0.2\n;HEIGHT:0.2\n;TYPE:Outer wall\n" + raw
    block = gcode.config_block({**FREE, **(settings or {})})
    file.write_bytes(raw + b"\n" + block.encode() + b"\n")
    return analyse(file, lambda done: None, block_bytes=block_bytes)


def trapezoid_s(
    length: float, speed: float, acceleration: float, begin: float = 0.0, end: float = 0.0
) -> float:
    """Seconds for a way: speeding up, perhaps keeping the speed, slowing down."""
    peak = min(speed, math.sqrt((2 * acceleration * length + begin**2 + end**2) / 2))
    ramps = (2 * peak - begin - end) / acceleration
    ramp_length = (2 * peak**2 - begin**2 - end**2) / (2 * acceleration)
    return ramps + (length - ramp_length) / peak
