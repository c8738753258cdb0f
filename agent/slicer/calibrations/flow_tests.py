"""The tests of the flow ratio: two passes in percent, or one by difference."""

from decimal import Decimal
from functools import partial

from agent.slicer.calibrations.rules import Calibration, Field, Line, Measured, Outcome, text

D = Decimal  # the tables below are full of them

LOW_FLOW, HIGH_FLOW = D("0.88"), D("1.08")
OLD_FLOW = Field(
    "old",
    "Flow ratio during the test",
    minimum=D("0.3"),
    maximum=D(2),
    help="The flow ratio of the filament that the test was printed with.",
)


def _flow_by_percent(m: Measured, outermost: tuple[D, ...]) -> Outcome:
    old, modifier = m["old"], m["modifier"]
    new = old * (100 + modifier) / 100
    return _flow(
        old,
        new,
        f"{text(old)} · (100 {_signed(modifier)}) / 100 = {text(new)}",
        f"The best plate was printed with {text(abs(modifier))} % "
        f"{'more' if modifier >= 0 else 'less'} plastic.",
        is_outermost=modifier in outermost,
    )


def _flow_by_difference(m: Measured, outermost: tuple[D, ...]) -> Outcome:
    old, modifier = m["old"], m["modifier"]
    new = old + modifier
    return _flow(
        old,
        new,
        f"{text(old)} {_signed(modifier)} = {text(new)}",
        "The number on the plate is added to the flow ratio; it is no percentage.",
        is_outermost=modifier in outermost,
    )


def _flow(old: D, new: D, step: str, explanation: str, *, is_outermost: bool) -> Outcome:
    warnings = []
    if is_outermost:
        warnings.append(
            "The best plate is the first or the last: enter the value and repeat the test, the "
            "true one may lie outside."
        )
    if not LOW_FLOW <= new <= HIGH_FLOW:
        warnings.append(
            f"Below {LOW_FLOW} or above {HIGH_FLOW} look for another cause first: the extruder's "
            "calibration, a partial clog, or the filament's diameter."
        )
    value = (text(new, 3),)
    line = Line("filament", "filament_flow_ratio", value, "Flow ratio", "", text(old))
    return Outcome((line,), (step,), explanation, tuple(warnings))


def _signed(value: D) -> str:
    return f"{'−' if value < 0 else '+'} {text(abs(value))}"


def _plates(low: str, high: str, step: str, unit: str) -> tuple[Field, ...]:
    return (
        OLD_FLOW,
        Field(
            "modifier",
            "Number on the best plate",
            unit,
            minimum=D(low),
            maximum=D(high),
            step=D(step),
            help="The plate whose top is closed and smooth. Between two good ones, the lower.",
        ),
    )


FLOW_TESTS = (
    Calibration(
        "flow-pass-1",
        "Flow rate, pass 1",
        4,
        "Calibration → Flow rate → Pass 1",
        "guide/calibrate-flow",
        "Choose the plate without gaps and without ridges.",
        "new = old · (100 + modifier) / 100",
        _plates("-20", "20", "5", "%"),
        partial(_flow_by_percent, outermost=(D("-20"), D("20"))),
        ("filament_flow_ratio",),
        "Filament → Flow ratio",
        "Flow rate",
        "Two passes",
    ),
    Calibration(
        "flow-pass-2",
        "Flow rate, pass 2",
        5,
        "Calibration → Flow rate → Pass 2",
        "guide/calibrate-flow",
        "Choose the plate without gaps and without ridges; pass 1 must have been saved before.",
        "new = old · (100 + modifier) / 100",
        _plates("-9", "0", "1", "%"),
        partial(_flow_by_percent, outermost=(D("-9"),)),
        ("filament_flow_ratio",),
        "Filament → Flow ratio",
        "Flow rate",
        "Two passes",
    ),
    Calibration(
        "flow-yolo",
        "Flow rate, YOLO",
        4,
        "Calibration → Flow rate → YOLO (Recommended)",
        "guide/calibrate-flow-yolo",
        "Choose the plate that is smoothest to eye and finger.",
        "new = old + modifier",
        _plates("-0.05", "0.05", "0.01", ""),
        partial(_flow_by_difference, outermost=(D("-0.05"), D("0.05"))),
        ("filament_flow_ratio",),
        "Filament → Flow ratio",
        "Flow rate",
        "YOLO",
    ),
    Calibration(
        "flow-yolo-fine",
        "Flow rate, YOLO (perfectionist)",
        5,
        "Calibration → Flow rate → YOLO (perfectionist version)",
        "guide/calibrate-flow-yolo",
        "Choose the plate that is smoothest to eye and finger.",
        "new = old + modifier",
        _plates("-0.04", "0.035", "0.005", ""),
        partial(_flow_by_difference, outermost=(D("-0.04"), D("0.035"))),
        ("filament_flow_ratio",),
        "Filament → Flow ratio",
        "Flow rate",
        "YOLO",
    ),
)
