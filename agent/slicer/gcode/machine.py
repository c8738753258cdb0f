"""How fast a printer may move, as its settings and the G-code say."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.slicer.gcode.text import numbers

Axes = tuple[float, float, float, float]
AXES = "xyze"
UNLIMITED = 1e9
ASSUMED_ACCELERATION = 1000.0  # mm/s²
ASSUMED_JERK: Axes = (8.0, 8.0, 0.4, 2.5)  # mm/s
NOT_SAID = (
    f"The file does not say how fast the printer accelerates: {ASSUMED_ACCELERATION:g} mm/s² is "
    "assumed wherever no command sets it, so times are rough."
)


@dataclass(frozen=True, slots=True)
class Machine:
    """Limits by axis (X, Y, Z, E) in mm, seconds. `corner` is Klipper's square corner velocity,
    `deviation` Marlin's junction deviation: either takes the place of the jerk where it is set."""

    speed: Axes = (UNLIMITED,) * 4
    acceleration: Axes = (UNLIMITED,) * 4
    jerk: Axes = ASSUMED_JERK
    corner: float = 0.0
    deviation: float = 0.0
    overall_speed: float = UNLIMITED


def with_axis(axes: Axes, axis: int, value: float) -> Axes:
    x, y, z, e = (value if at == axis else now for at, now in enumerate(axes))
    return x, y, z, e


@dataclass(frozen=True, slots=True)
class Printer:
    """What holds before the first line: limits, accelerations, filament, times of tool changes."""

    machine: Machine
    extruding: float
    travel: float
    retracting: float
    most_extruding: float
    most_travel: float
    diameters: tuple[float, ...]
    tool_change_s: float
    is_by_minute: bool  # RepRapFirmware counts M203 in mm a minute
    is_volumetric: bool
    nozzle: float | None
    bed: float | None
    notes: tuple[str, ...]

    def area(self, tool: int) -> float:
        """The cross-section of the filament in mm²."""
        diameter = self.diameters[min(tool, len(self.diameters) - 1)]
        return 3.141592653589793 * (diameter / 2) ** 2


def printer_of(settings: Mapping[str, str], written: Mapping[str, str]) -> Printer:
    flavour = settings.get("gcode_flavor", "")
    extruding = _first(settings, "machine_max_acceleration_extruding")
    default = _first(settings, "default_acceleration")
    is_known = bool(extruding or default)
    acceleration = extruding or default or ASSUMED_ACCELERATION
    travel = _first(settings, "machine_max_acceleration_travel") or acceleration
    is_volumetric = written.get("use_volumetric_e") == "1" or flavour == "ultigcode"
    return Printer(
        machine=_machine(settings, flavour),
        extruding=acceleration,
        travel=travel,
        retracting=_first(settings, "machine_max_acceleration_retracting") or acceleration,
        most_extruding=extruding or UNLIMITED,
        most_travel=_first(settings, "machine_max_acceleration_travel") or UNLIMITED,
        diameters=_diameters(settings),
        tool_change_s=sum(
            _first(settings, key) or 0
            for key in (
                "machine_load_filament_time",
                "machine_unload_filament_time",
                "machine_tool_change_time",
            )
        ),
        is_by_minute=flavour == "reprapfirmware",
        is_volumetric=is_volumetric,
        nozzle=_first(settings, "nozzle_temperature_initial_layer"),
        bed=_first(settings, "hot_plate_temp_initial_layer"),
        notes=() if is_known else (NOT_SAID,),
    )


def _machine(settings: Mapping[str, str], flavour: str) -> Machine:
    deviation = _first(settings, "machine_max_junction_deviation") or 0.0
    return Machine(
        speed=_axes(settings, "machine_max_speed", (UNLIMITED,) * 4),
        acceleration=_axes(settings, "machine_max_acceleration", (UNLIMITED,) * 4),
        jerk=_axes(settings, "machine_max_jerk", ASSUMED_JERK),
        deviation=deviation if flavour == "marlin2" else 0.0,
    )


def _axes(settings: Mapping[str, str], name: str, otherwise: Axes) -> Axes:
    x, y, z, e = (
        _first(settings, f"{name}_{axis}") or otherwise[at] for at, axis in enumerate(AXES)
    )
    return x, y, z, e


def _first(settings: Mapping[str, str], key: str) -> float | None:
    """The first of a list: of the normal mode, where there is a silent one too. 0 is not set."""
    values = numbers(settings.get(key, ""))
    return values[0] if values and values[0] and 0 < values[0] < UNLIMITED else None


def _diameters(settings: Mapping[str, str]) -> tuple[float, ...]:
    said = [value for value in numbers(settings.get("filament_diameter", "")) if value]
    return tuple(value for value in said if 0 < value < 10) or (1.75,)
