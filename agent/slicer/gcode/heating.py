"""How hot the commands at both ends of a G-code make the nozzle and the bed."""

import re
from collections.abc import Iterator, Sequence
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
Targets = Sequence[tuple[bool, float]]


@dataclass(frozen=True, slots=True)
class Heat:
    """The highest temperatures that are printed with; None where no command tells one."""

    nozzle_c: float | None = None
    bed_c: float | None = None


def heat(windows: Windows) -> Heat:
    first = LAYER.search(windows.head)
    at = first.start() if first else len(windows.head)
    before = list(_targets(windows.head[:at]))
    later = [*(_targets(windows.head[at:]) if first else ()), *_targets(windows.tail)]
    return Heat(
        _hottest(before, later, is_bed=False),
        _hottest(before, later, is_bed=True),
    )


def _hottest(before: Targets, later: Targets, *, is_bed: bool) -> float | None:
    never = NEVER_BED_C if is_bed else NEVER_NOZZLE_C
    start = [target for heats_bed, target in before if heats_bed is is_bed]
    counted = [one for one in start if one > never] + start[-1:]
    counted += [target for heats_bed, target in later if heats_bed is is_bed]
    return max(counted, default=None)


def _targets(part: bytes) -> Iterator[tuple[bool, float]]:
    """Whether it is the bed that is heated, and how hot."""
    for command, heater, target in HEAT.findall(part):
        yield (command or heater.lower()) in BED, float(target)
