"""Temperatures that the moves are made with, against what the filament takes."""

from collections.abc import Iterable, Sequence

from agent.slicer.checks.check import Check
from agent.slicer.checks.layer_runs import runs, where
from agent.slicer.checks.materials import is_foaming
from agent.slicer.checks.seen import Found, Seen, at_most, measure
from agent.slicer.rules import Evidence, Severity

CELSIUS = "°C"
FAR = 15  # °C above the limit
BEYOND_MATERIAL = 25  # °C that a file's own range may go beyond what such plastics are printed with
ORDINARY_NOZZLE_C, ORDINARY_BED_C = 300.0, 120.0  # where the plastic is not known
NOZZLE_KEYS = ("nozzle_temperature", "nozzle_temperature_initial_layer")
EXPLANATION = (
    "The commands in the file heat beyond what the filament takes, and beyond what its settings "
    "say: a start G-code with a number of its own, or a file that was changed after slicing. "
)
FIX = "Look for the number in the start G-code or in scripts that change the file; slice again."


def nozzle_commanded(seen: Seen) -> Found | None:
    limits = [_nozzle_limit(seen, index) for index in seen.used]
    own = [seen.values.number(key, i) for i in seen.used for key in NOZZLE_KEYS]
    return _found(
        seen,
        "nozzle",
        seen.analysis.layers.nozzle_c if seen.analysis else (),
        seen.facts.hottest_nozzle_c,
        max(limits, default=ORDINARY_NOZZLE_C),
        own,
        "Plastic decomposes, burns into the nozzle and gives off fumes, and a hot end may break.",
    )


def bed_commanded(seen: Seen) -> Found | None:
    known = [seen.material(index) for index in seen.used]
    limits = [float(one.bed[1]) if one else ORDINARY_BED_C for one in known]
    own = [seen.bed(i, first=first) for i in seen.used for first in (True, False)]
    return _found(
        seen,
        "bed",
        seen.analysis.layers.bed_c if seen.analysis else (),
        seen.facts.hottest_bed_c,
        max(limits, default=ORDINARY_BED_C),
        own,
        "The foot of the part never becomes firm, and a plate or its glue may be spoilt.",
    )


def _nozzle_limit(seen: Seen, index: int) -> float:
    """The file's own range, as far as the material allows one."""
    high = seen.values.number("nozzle_temperature_range_high", index)
    material = seen.material(index)
    if material is None or is_foaming(seen.name(index)):
        return high or ORDINARY_NOZZLE_C
    most = material.nozzle[1] + BEYOND_MATERIAL
    return min(high, most) if high else float(material.nozzle[1])


def _found(
    seen: Seen,
    what: str,
    by_layer: Sequence[float],
    commanded: float | None,
    limit: float,
    own: Iterable[float | None],
    harm: str,
) -> Found | None:
    """What the settings say themselves is other checks' to find."""
    allowed = max([limit, *(one for one in own if one is not None)])
    hot = [index for index, value in enumerate(by_layer) if value > allowed]
    told = [by_layer[index] for index in hot]
    if commanded is not None and commanded > allowed:
        told.append(commanded)
    if not told:
        return None
    place = where(runs(hot), seen.analysis.layers) if hot and seen.analysis else "in its commands"
    return Found(
        EXPLANATION + harm,
        FIX,
        (Evidence(what, measure(max(told), CELSIUS), at_most(limit, CELSIUS), place),),
        severity=Severity.BLOCKING if max(told) > limit + FAR else None,
    )


CHECKS = (
    Check(
        "nozzle-commanded-too-hot",
        "Commands that overheat the filament",
        Severity.WARNING,
        "the file",
        nozzle_commanded,
    ),
    Check(
        "bed-commanded-too-hot",
        "Commands that overheat the bed",
        Severity.WARNING,
        "the file",
        bed_commanded,
    ),
)
