"""The tests that end in the process, the machine or its firmware: speeds, corners, vibration and
fit."""

from decimal import Decimal

from agent.slicer.calibrations.rules import (
    BadMeasurement,
    Calibration,
    Command,
    Field,
    Line,
    Measured,
    Outcome,
    floor,
    text,
)

D = Decimal  # the tables below are full of them
VFA_BLOCK_MM = D(5)
BEST_HEIGHT = Field("z", "Height of the best place", "mm", minimum=D(0), maximum=D(1000))
TALL = Field(
    "height",
    "Height of the whole tower",
    "mm",
    default=D(60),
    minimum=D(1),
    maximum=D(1000),
    help="Measured, or read in the preview: the value rises evenly up to here.",
)
INTO_PRESET = Field(
    "preset",
    "Write it into the printer preset",
    kind="choice",
    default="no",
    choices=(("no", "no, into the firmware"), ("yes", "yes, OrcaSlicer sends it (2.4 or newer)")),
)


def _vfa(m: Measured) -> Outcome:
    start, end, step, z = m["start"], m["end"], m["step"], m["z"]
    count = floor(z / VFA_BLOCK_MM)
    value = start + count * step
    if value > end:
        raise BadMeasurement("z", f"At this height the tower would be beyond {text(end)} mm/s.")
    warnings = []
    if value < 60:
        warnings.append("This is slow. Input shaping and belts first may allow more.")
    line = Line("process", "outer_wall_speed", text(value), "Outer wall", "mm/s")
    return Outcome(
        (line,),
        (
            f"floor({text(z)} / {VFA_BLOCK_MM}) = {text(count)}",
            f"{text(start)} + {text(count)} · {text(step)} = {text(value)} mm/s",
        ),
        "Outer walls at this speed showed the fewest fine vertical lines.",
        tuple(warnings),
    )


def _rising(m: Measured, z: str) -> tuple[D, str]:
    """A value that rises evenly with the height, and the calculation."""
    start, end, tall, here = m["start"], m["end"], m["height"], m[z]
    if end <= start:
        raise BadMeasurement("end", "The value rises upwards: its end lies above its start.")
    if here > tall:
        raise BadMeasurement(z, f"The tower is only {text(tall)} mm tall.")
    value = start + (end - start) * here / tall
    said = (
        f"{text(start)} + ({text(end)} − {text(start)}) · {text(here)} / {text(tall)}"
        f" = {text(value, 3)}"
    )
    return value, said


def _cornering(m: Measured) -> Outcome:
    value, said = _rising(m, "z")
    return _junction(value, said) if m.choices["kind"] == "junction" else _jerk(value, said)


def _junction(value: D, said: str) -> Outcome:
    if value > 1:
        raise BadMeasurement("end", "Junction deviation is a length below 1 mm.")
    key, number = "machine_max_junction_deviation", text(value, 3)
    return Outcome(
        (Line("machine", key, (number,), "Maximum junction deviation", "mm"),),
        (f"{said} mm",),
        "Corners up to here stayed sharp. A little less is safer than a little more.",
        _too_much(value, D("0.2"), "mm of junction deviation"),
        (Command("Marlin", f"M205 J{number}\nM500"),),
    )


def _jerk(value: D, said: str) -> Outcome:
    number, a_minute = text(value, 1), text(value * 60, 0)
    return Outcome(
        tuple(
            Line(
                "machine",
                f"machine_max_jerk_{axis}",
                (number, number),
                f"Jerk {axis.upper()}",
                "mm/s",
            )
            for axis in ("x", "y")
        ),
        (f"{said} mm/s",),
        "Corners up to here stayed sharp. In Klipper the like of it is the square corner velocity.",
        _too_much(value, D(20), "mm/s of jerk"),
        (
            Command("Marlin", f"M205 X{number} Y{number}\nM500"),
            Command("Klipper", f"[printer]\nsquare_corner_velocity: {number}"),
            Command("RepRapFirmware", f"M566 X{a_minute} Y{a_minute}"),
        ),
    )


def _too_much(value: D, usual: D, what: str) -> tuple[str, ...]:
    return (f"More than {text(usual)} {what} is unusual; read it again.",) if value > usual else ()


def _shaping_frequency(m: Measured) -> Outcome:
    x, said_x = _rising(m, "z_x")
    y, said_y = _rising(m, "z_y")
    fx, fy = text(x, 1), text(y, 1)
    lines = (
        Line("machine", "input_shaping_freq_x", fx, "Frequency X", "Hz"),
        Line("machine", "input_shaping_freq_y", fy, "Frequency Y", "Hz"),
    )
    warnings = []
    if min(x, y) < 20:
        warnings.append("Below 20 Hz something is loose: tighten frame and belts, and repeat.")
    return Outcome(
        lines if m.choices["preset"] == "yes" else (),
        (f"X: {said_x} Hz", f"Y: {said_y} Hz"),
        "At these heights the ripples behind the corners were weakest.",
        tuple(warnings),
        (
            Command("Marlin", f"M593 X F{fx}\nM593 Y F{fy}\nM500"),
            Command("Klipper", f"[input_shaper]\nshaper_freq_x: {fx}\nshaper_freq_y: {fy}"),
            Command("RepRapFirmware", f'M593 P"zvd" F{text((x + y) / 2, 1)}'),
        ),
    )


def _shaping_damping(m: Measured) -> Outcome:
    x, said_x = _rising(m, "z_x")
    y, said_y = _rising(m, "z_y")
    if max(x, y) >= 1:
        raise BadMeasurement("end", "Damping lies below 1.")
    dx, dy = text(x, 3), text(y, 3)
    lines = (
        Line("machine", "input_shaping_damp_x", dx, "Damping X"),
        Line("machine", "input_shaping_damp_y", dy, "Damping Y"),
    )
    return Outcome(
        lines if m.choices["preset"] == "yes" else (),
        (f"X: {said_x}", f"Y: {said_y}"),
        "With these values what was left of the ripples was weakest.",
        _too_much(max(x, y), D("0.4"), "of damping"),
        (
            Command("Marlin", f"M593 X D{dx}\nM593 Y D{dy}\nM500"),
            Command("Klipper", f"[input_shaper]\ndamping_ratio_x: {dx}\ndamping_ratio_y: {dy}"),
        ),
    )


def _tolerance(m: Measured) -> Outcome:
    lines: list[Line] = []
    steps: list[str] = []
    warnings: list[str] = []
    for what, key in (("hole", "xy_hole_compensation"), ("contour", "xy_contour_compensation")):
        wanted, got = m[f"{what}_wanted"], m.get(f"{what}_measured")
        if got is None:
            continue
        value = (wanted - got) / 2 + m[f"{what}_old"]
        old = m[f"{what}_old"]
        rest = f" + {text(old)} (as before)" if old else ""
        steps.append(f"{what}: ({text(wanted)} − {text(got)}) / 2{rest} = {text(value, 3)} mm")
        lines.append(
            Line("process", key, text(value, 3), f"X-Y {what} compensation", "mm", text(old))
        )
        if abs(wanted - got) > D("0.5"):
            warnings.append(
                f"The {what} is off by more than 0.5 mm: measure again, and check flow."
            )
    if not lines:
        raise BadMeasurement("hole_measured", "Measure the hole, the tester, or both.")
    return Outcome(
        tuple(lines),
        tuple(steps),
        "Each value moves one side of the outline, so it is half of the difference in width.",
        tuple(warnings),
    )


def _shrinkage(m: Measured) -> Outcome:
    value = m["measured"] / m["nominal"] * 100
    warnings = []
    if not D(97) <= value <= D("100.5"):
        warnings.append("Few filaments shrink by more than 3 %, and none grows. Measure again.")
    if m["nominal"] < 80:
        warnings.append("On less than 80 mm the error of the calipers counts as much as shrinkage.")
    return Outcome(
        (Line("filament", "filament_shrink", (f"{text(value, 2)}%",), "Shrinkage (XY)", ""),),
        (f"{text(m['measured'])} / {text(m['nominal'])} · 100 = {text(value, 2)} %",),
        "The slicer makes the part larger by as much as it will shrink.",
        tuple(warnings),
    )


def _compensation(what: str, label: str) -> tuple[Field, ...]:
    return (
        Field(
            f"{what}_wanted",
            f"{label} in the model",
            "mm",
            default=D(6),
            minimum=D(1),
            maximum=D(500),
        ),
        Field(
            f"{what}_measured",
            f"{label} as printed",
            "mm",
            minimum=D("0.5"),
            maximum=D(510),
            is_needed=False,
            help="Leave it empty if you did not measure it.",
        ),
        Field(
            f"{what}_old",
            f"X-Y {what} compensation during the test",
            "mm",
            default=D(0),
            minimum=D(-2),
            maximum=D(2),
        ),
    )


def _axes(start: str, end: str, unit: str, most: str) -> tuple[Field, ...]:
    return (
        Field("start", "Start (bottom)", unit, default=D(start), minimum=D(0), maximum=D(most)),
        Field("end", "End (top)", unit, default=D(end), minimum=D(0), maximum=D(most)),
        TALL,
        Field("z_x", "Best height on the X walls", "mm", minimum=D(0), maximum=D(1000)),
        Field("z_y", "Best height on the Y walls", "mm", minimum=D(0), maximum=D(1000)),
        INTO_PRESET,
    )


MOTION_TESTS = (
    Calibration(
        "cornering",
        "Cornering",
        7,
        "Calibration → Cornering",
        "guide/calibrate-cornering",
        "Find the height up to which corners neither round, bulge nor ring.",
        "value = start + (end − start) · z / height",
        (
            Field(
                "kind",
                "What the firmware uses",
                kind="choice",
                default="jerk",
                choices=(("jerk", "Jerk (mm/s)"), ("junction", "Junction deviation (mm)")),
                help="Send M503: M205 X… Y… is jerk, M205 J… junction deviation.",
            ),
            Field("start", "Start (bottom)", default=D(1), minimum=D(0), maximum=D(100)),
            Field("end", "End (top)", default=D(15), minimum=D(0), maximum=D(100)),
            TALL,
            BEST_HEIGHT,
        ),
        _cornering,
        ("machine_max_jerk_x", "machine_max_jerk_y", "machine_max_junction_deviation"),
        "Printer → Motion ability, and the firmware",
    ),
    Calibration(
        "input-shaping-frequency",
        "Input shaping, frequency",
        8,
        "Calibration → Input shaping → Frequency",
        "guide/calibrate-input-shaping",
        "Find for the X and for the Y walls the height with the least ringing.",
        "f = start + (end − start) · z / height",
        _axes("15", "110", "Hz", "300"),
        _shaping_frequency,
        ("input_shaping_freq_x", "input_shaping_freq_y"),
        "The firmware, or Printer → Motion ability",
    ),
    Calibration(
        "input-shaping-damping",
        "Input shaping, damping",
        9,
        "Calibration → Input shaping → Damping",
        "guide/calibrate-input-shaping",
        "Printed with the frequencies found before; find the least ringing again.",
        "damping = start + (end − start) · z / height",
        _axes("0", "0.5", "", "1"),
        _shaping_damping,
        ("input_shaping_damp_x", "input_shaping_damp_y"),
        "The firmware, or Printer → Motion ability",
    ),
    Calibration(
        "vfa",
        "VFA",
        10,
        "Calibration → More → VFA",
        "guide/calibrate-vfa",
        "Find the block whose walls reflect a lamp most evenly.",
        "speed = start + floor(z / 5) · step",
        (
            Field("start", "Start (bottom)", "mm/s", default=D(40), minimum=D(1), maximum=D(600)),
            Field("end", "End (top)", "mm/s", default=D(200), minimum=D(1), maximum=D(600)),
            Field("step", "Step", "mm/s", default=D(10), minimum=D("0.1"), maximum=D(100)),
            BEST_HEIGHT,
        ),
        _vfa,
        ("outer_wall_speed",),
        "Process → Speed → Outer wall",
    ),
    Calibration(
        "tolerance",
        "Tolerance",
        11,
        "Calibration → More → Tolerance test",
        "guide/calibrate-tolerance",
        "Measure a hole and the tester with calipers, after they have cooled.",
        "compensation = (wanted − measured) / 2",
        (
            *_compensation("hole", "Width of the hole"),
            *_compensation("contour", "Width of the tester"),
        ),
        _tolerance,
        ("xy_hole_compensation", "xy_contour_compensation"),
        "Process → Quality → Precision",
    ),
    Calibration(
        "shrinkage",
        "Shrinkage",
        12,
        "No entry in the menu: print a bar of 150 mm or more",
        "guide/calibrate-shrinkage",
        "Measure a long distance between two equal edges, an hour after printing.",
        "shrinkage = measured / nominal · 100 %",
        (
            Field(
                "nominal",
                "Length in the model",
                "mm",
                default=D(150),
                minimum=D(10),
                maximum=D(1000),
            ),
            Field("measured", "Length as printed", "mm", minimum=D(5), maximum=D(1100)),
        ),
        _shrinkage,
        ("filament_shrink",),
        "Filament → Shrinkage (XY)",
    ),
)
