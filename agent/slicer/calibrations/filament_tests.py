"""The tests that end in a filament's preset: temperature, pressure advance, retraction, and how
much the hot end melts."""

from decimal import Decimal

from agent.slicer.calibrations.rules import (
    BadMeasurement,
    Calibration,
    Field,
    Line,
    Measured,
    Outcome,
    floor,
    text,
)

D = Decimal  # the tables below are full of them
BLOCK_MM, BLOCK_C = D(10), D(5)
ORDINARY_C = D(300)
# Where the towers end if nothing else is typed into OrcaSlicer.
PA_ENDS = {"direct": D("0.1"), "bowden": D(1)}
RETRACTION_ENDS = {"direct": D(2), "bowden": D(6)}
HEIGHT = Field(
    "z",
    "Height of the best place",
    "mm",
    minimum=D(0),
    maximum=D(1000),
    help="From the bottom of the print, measured with calipers or read in the preview.",
)
DRIVE = Field(
    "drive",
    "Extruder",
    kind="choice",
    default="direct",
    choices=(("direct", "Direct drive"), ("bowden", "Bowden")),
)


def _temperature(m: Measured) -> Outcome:
    start, end, z, first = m["start"], m["end"], m["z"], m["first_layer"]
    if end >= start:
        raise BadMeasurement("end", "The tower gets cooler upwards: its end lies below its start.")
    blocks = floor(z / BLOCK_MM)
    value = start - BLOCK_C * blocks
    if value < end:
        tall = text((start - end) / BLOCK_C * BLOCK_MM + BLOCK_MM)
        raise BadMeasurement("z", f"This tower is only {tall} mm tall.")
    warnings = []
    if value + first > ORDINARY_C:
        warnings.append(
            f"More than {ORDINARY_C} °C needs an all-metal hot end that is made for it."
        )
    if value == end:
        warnings.append(
            "The coolest block was the best. If it strings, dry the filament rather than go lower."
        )
    if blocks == 0:
        warnings.append("The hottest block was the best: repeat with a higher start to be sure.")
    if first > 0:
        warnings.append(f"The first layer is {text(first)} °C hotter, so that it sticks.")
    return Outcome(
        (
            Line("filament", "nozzle_temperature", (text(value),), "Other layers", "°C"),
            Line(
                "filament",
                "nozzle_temperature_initial_layer",
                (text(value + first),),
                "First layer",
                "°C",
            ),
        ),
        (
            f"floor({text(z)} / {BLOCK_MM}) = {text(blocks)}",
            f"{text(start)} − {BLOCK_C} · {text(blocks)} = {text(value)} °C",
        ),
        f"Block {text(blocks + 1)} from below was printed at {text(value)} °C.",
        tuple(warnings),
    )


def _within(end: D, start: D, value: D, tall: D) -> None:
    """Raises BadMeasurement for what no place of the tower was printed with."""
    if end <= start:
        raise BadMeasurement("end", "The value rises upwards: its end lies above its start.")
    if value > end:
        raise BadMeasurement(
            "z",
            f"A tower from {text(start)} to {text(end)} is only {text(tall, 1)} mm tall. Check the "
            "height, and the end that the test was printed with.",
        )


def _pressure_advance_tower(m: Measured) -> Outcome:
    start, step, z = m["start"], m["step"], m["z"]
    value = start + floor(z) * step
    end = m.numbers.get("end", PA_ENDS[m.choices["drive"]])
    _within(end, start, value, (end - start) / step + 1)
    return _pressure_advance(
        value,
        m.choices["drive"],
        (
            f"floor({text(z)}) = {text(floor(z))}",
            f"{text(start)} + {text(floor(z))} · {text(step)} = {text(value)}",
        ),
        f"Each millimetre of the tower adds {text(step)}.",
    )


def _pressure_advance_read(m: Measured) -> Outcome:
    value = m["value"]
    return _pressure_advance(
        value,
        m.choices["drive"],
        (f"{text(value)}",),
        "The number beside the best line or corner is the value itself.",
    )


def _pressure_advance(value: D, drive: str, steps: tuple[str, ...], explanation: str) -> Outcome:
    usual = D("0.2") if drive == "direct" else D(2)
    warnings = []
    if value > usual:
        warnings.append(
            f"More than {text(usual)} is unusual for this extruder: check which kind it is, and "
            "that the right number was read."
        )
    if value == 0:
        warnings.append("Zero turns pressure advance off. Was the best place really the lowest?")
    return Outcome(
        (
            Line("filament", "enable_pressure_advance", ("1",), "Enable pressure advance"),
            Line("filament", "pressure_advance", (text(value),), "Pressure advance"),
        ),
        steps,
        f"{explanation} Remove fixed values (M900, SET_PRESSURE_ADVANCE) from the start G-code, or "
        "they win.",
        tuple(warnings),
    )


def _retraction(m: Measured) -> Outcome:
    start, step, z, reserve = m["start"], m["step"], m["z"], m["reserve"]
    count = floor(max(D(0), z - D("0.4")))
    value = start + count * step
    end = m.numbers.get("end", RETRACTION_ENDS[m.choices["drive"]])
    _within(end, start, value, (end - start) / step + D("1.4"))
    chosen = value + reserve
    warnings = []
    if m.choices["drive"] == "direct" and chosen > 2:
        warnings.append("More than 2 mm on a direct drive leads to jams rather than clean prints.")
    if m.choices["drive"] == "bowden" and chosen > 8:
        warnings.append(
            "More than 8 mm is long even for a Bowden tube: look for play in its fittings."
        )
    if z < 1:
        warnings.append("Clean from the bottom on: less retraction than the start may do as well.")
    if m.choices["target"] == "machine":
        line = Line("machine", "retraction_length", (text(chosen),), "Retraction length", "mm")
    else:
        line = Line(
            "filament", "filament_retraction_length", (text(chosen),), "Retraction length", "mm"
        )
    return Outcome(
        (line,),
        (
            f"floor(max(0, {text(z)} − 0.4)) = {text(count)}",
            f"{text(start)} + {text(count)} · {text(step)} = {text(value)} mm",
            f"{text(value)} + {text(reserve)} (reserve) = {text(chosen)} mm",
        ),
        "The shortest length above which no strings remained, and a little more.",
        tuple(warnings),
    )


def _max_flow(m: Measured) -> Outcome:
    start, step, z, reserve = m["start"], m["step"], m["z"], m["reserve"]
    limit, end = start + z * step, m["end"]
    # The tower goes on for one mm³/s, so that its end can be seen.
    _within(end + 1, start, limit, (end + 1 - start) / step)
    value = limit * (100 - reserve) / 100
    warnings = []
    if reserve < 10:
        warnings.append("With less than 10 % reserve a cooler day or another colour is too much.")
    if z == 0:
        warnings.append("A fault from the bottom on: repeat with a lower start.")
    return Outcome(
        (
            Line(
                "filament",
                "filament_max_volumetric_speed",
                (text(value, 1),),
                "Max volumetric speed",
                "mm³/s",
            ),
        ),
        (
            f"{text(start)} + {text(z)} · {text(step)} = {text(limit)} mm³/s",
            f"{text(limit)} · (100 − {text(reserve)}) / 100 = {text(value, 1)} mm³/s",
        ),
        f"A line of 0.42 × 0.2 mm then goes at most {text(value / D('0.084'), 0)} mm/s. The value "
        "holds for the temperature of the test.",
        tuple(warnings),
    )


def _end(direct: str, bowden: str, unit: str, most: D) -> Field:
    return Field(
        "end",
        "End",
        unit,
        minimum=D(0),
        maximum=most,
        is_needed=False,
        help=f"Empty: as OrcaSlicer suggests, {direct} for direct drive and {bowden} for Bowden.",
    )


FILAMENT_TESTS = (
    Calibration(
        "temperature",
        "Temperature tower",
        1,
        "Calibration → Temperature",
        "guide/calibrate-temperature",
        "Find the block with clean overhangs, few strings, and layers that do not break apart.",
        "T = start − 5 · floor(z / 10)",
        (
            Field(
                "start",
                "Start (bottom)",
                "°C",
                default=D(230),
                minimum=D(150),
                maximum=D(450),
                step=D(1),
            ),
            Field("end", "End (top)", "°C", default=D(190), minimum=D(140), maximum=D(445)),
            HEIGHT,
            Field(
                "first_layer",
                "First layer hotter by",
                "°C",
                default=D(0),
                minimum=D(0),
                maximum=D(20),
                step=D(1),
            ),
        ),
        _temperature,
        ("nozzle_temperature", "nozzle_temperature_initial_layer"),
        "Filament → Print temperature → Nozzle",
    ),
    Calibration(
        "max-volumetric-speed",
        "Max volumetric speed",
        2,
        "Calibration → Max flowrate",
        "guide/calibrate-max-flow",
        "From the bottom upwards look for the first dull, thin or torn place.",
        "speed = start + z · step, less 10 to 20 %",
        (
            Field("start", "Start", "mm³/s", default=D(5), minimum=D(0), maximum=D(100)),
            Field("end", "End", "mm³/s", default=D(20), minimum=D(0), maximum=D(100)),
            Field("step", "Step", "mm³/s", default=D("0.5"), minimum=D("0.01"), maximum=D(10)),
            Field(
                "z",
                "Height of the first fault",
                "mm",
                minimum=D(0),
                maximum=D(1000),
                help="Measured with calipers from the bottom of the print.",
            ),
            Field("reserve", "Reserve", "%", default=D(15), minimum=D(0), maximum=D(50)),
        ),
        _max_flow,
        ("filament_max_volumetric_speed",),
        "Filament → Volumetric speed limitation",
    ),
    Calibration(
        "pressure-advance-tower",
        "Pressure advance, tower",
        3,
        "Calibration → Pressure advance → PA Tower",
        "guide/calibrate-pressure-advance",
        "Find the height at which corners are sharp: below they bulge, above they thin out.",
        "PA = start + floor(z) · step",
        (
            Field("start", "Start", default=D(0), minimum=D(0), maximum=D(5)),
            _end("0.1", "1", "", D(5)),
            Field("step", "Step", default=D("0.002"), minimum=D("0.0001"), maximum=D(1)),
            HEIGHT,
            DRIVE,
        ),
        _pressure_advance_tower,
        ("pressure_advance", "enable_pressure_advance"),
        "Filament → Pressure advance",
        "Pressure advance",
        "Tower",
    ),
    Calibration(
        "pressure-advance-line",
        "Pressure advance, line or pattern",
        3,
        "Calibration → Pressure advance → PA Line, PA Pattern",
        "guide/calibrate-pressure-advance",
        "Read the number printed beside the most even line, or the sharpest corner.",
        "PA = the number read",
        (
            Field("value", "Number read", minimum=D(0), maximum=D(5)),
            DRIVE,
        ),
        _pressure_advance_read,
        ("pressure_advance", "enable_pressure_advance"),
        "Filament → Pressure advance",
        "Pressure advance",
        "Line or pattern",
    ),
    Calibration(
        "retraction",
        "Retraction tower",
        6,
        "Calibration → Retraction test",
        "guide/calibrate-retraction",
        "Find the first height above which no strings remain between the towers.",
        "length = start + floor(max(0, z − 0.4)) · step",
        (
            Field("start", "Start", "mm", default=D(0), minimum=D(0), maximum=D(20)),
            _end("2", "6", "mm", D(20)),
            Field("step", "Step", "mm", default=D("0.1"), minimum=D("0.01"), maximum=D(2)),
            HEIGHT,
            Field("reserve", "Reserve", "mm", default=D("0.1"), minimum=D(0), maximum=D(1)),
            DRIVE,
            Field(
                "target",
                "Keep it in",
                kind="choice",
                default="filament",
                choices=(
                    ("filament", "this filament alone"),
                    ("machine", "the printer, for all filaments"),
                ),
            ),
        ),
        _retraction,
        ("filament_retraction_length", "retraction_length"),
        "Filament → Setting overrides, or Printer → Extruder → Retraction",
    ),
)
