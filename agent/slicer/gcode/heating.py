"""How hot the commands at both ends of a G-code make the nozzle and the bed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.slicer.gcode.windows import Windows

LAYER = re.compile(rb"^;[ \t]?(?:LAYER_CHANGE|CHANGE_LAYER|LAYER:)", re.MULTILINE)
HEAT = re.compile(
    rb"^[ \t]*(?:N\d{1,9}[ \t]+)?(?:[Mm]0*(104|109|140|190)(?!\d)[^\n;SRsr]{0,40}[SRsr]"
    rb"|(?i:SET_HEATER_TEMPERATURE)[ \t]+HEATER=(extruder|heater_bed)\w*[ \t]+TARGET=)"
    rb"[ \t]*(\d{1,5}(?:\.\d{0,4})?)",
    re.MULTILINE,
)
BED = {b"140", b"190", b"heater_bed"}
# Before the first layer some printers clean their nozzle hotter than the filament is printed.
NEVER_NOZZLE_C, NEVER_BED_C = 300.0, 120.0


@dataclass(frozen=True, slots=True)
class Heat:
    """The highest temperatures that are printed with; None where no command tells one."""

    nozzle_c: float | None = None
    bed_c: float | None = None


def heat(windows: Windows) -> Heat:
    first = LAYER.search(windows.head)
    start = windows.head[: first.start()] if first else windows.head
    later = windows.head[first.start() :] if first else b""
    return Heat(
        _hottest(start, later, windows.tail, is_bed=False),
        _hottest(start, later, windows.tail, is_bed=True),
    )


def _hottest(start: bytes, later: bytes, tail: bytes, *, is_bed: bool) -> float | None:
    before = list(_targets(start, is_bed=is_bed))
    never = NEVER_BED_C if is_bed else NEVER_NOZZLE_C
    counted = [one for one in before if one > never] + before[-1:]
    counted += [*_targets(later, is_bed=is_bed), *_targets(tail, is_bed=is_bed)]
    return max(counted, default=None)


def _targets(part: bytes, *, is_bed: bool) -> Iterator[float]:
    for command, heater, target in HEAT.findall(part):
        if ((command or heater) in BED) is is_bed:
            yield float(target)
