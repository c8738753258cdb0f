"""No calibration sets what no proposal may set: a slip in a measurement ends here."""

from dataclasses import replace
from decimal import Decimal

from agent.slicer.advice.limits import Bound, Situation, bound_of
from agent.slicer.calibrations.rules import BadMeasurement, Calibration, Line, Measured, Outcome
from agent.slicer.presets.keys import find_key
from agent.slicer.values import number

# A test prints at these values and shows whether they work: what the table calls sane suffices.
SEEN_WORKING = ("nozzle_temperature", "filament_flow_ratio")


def computed(test: Calibration, measured: Measured) -> Outcome:
    """What the test comes to. Raises BadMeasurement, also for a value beyond what can be."""
    outcome = test.compute(measured)
    for line in outcome.lines:
        bound = _bound(line, measured)
        value = number(line.value if isinstance(line.value, str) else line.value[0])
        if value is None:
            continue
        if bound.high is not None and value > bound.high:
            raise _beyond(test, line, f"above {_shown(bound.high, line)}", bound.high_of)
        if bound.low is not None and value < bound.low:
            raise _beyond(test, line, f"below {_shown(bound.low, line)}", bound.low_of)
    return outcome


def _bound(line: Line, measured: Measured) -> Bound:
    key = find_key(line.key, line.preset_type)
    if key is None:
        return Bound()
    if line.key.startswith(SEEN_WORKING):
        return Bound(key.low, key.high)
    drive = "Direct Drive" if measured.choices.get("drive") == "direct" else ""
    bound = bound_of(key, Situation({"extruder_type": drive}))
    return replace(bound, low_of=_whose(bound.low_of), high_of=_whose(bound.high_of))


def _whose(limit: str) -> str:
    return "" if limit == "what is sane" else limit


def _beyond(test: Calibration, line: Line, where: str, whose: str) -> BadMeasurement:
    given = line.value if isinstance(line.value, str) else line.value[0]
    unit = f" {line.unit}" if line.unit else ""
    names = [one.name for one in test.fields if one.kind == "number" and one.default is None]
    # Where each value has a field of its own, they share a word: `xy_hole_compensation`.
    meant = [name for name in names if name.partition("_")[0] in line.key.split("_")]
    return BadMeasurement(
        [test.fields[0].name, *names, *meant][-1],
        f"{line.label} would be {given}{unit}, {where}{f': {whose}' if whose else ''}. Check what "
        "was measured, and the numbers that the test was printed with.",
    )


def _shown(value: float, line: Line) -> str:
    return f"{Decimal(str(value)).normalize():f}{f' {line.unit}' if line.unit else ''}"
