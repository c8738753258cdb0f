"""What a line means that is no move: commands that set something, and the slicer's marks."""

import re
from collections.abc import Callable, Mapping
from enum import IntEnum, auto
from typing import NamedTuple

from agent.slicer.gcode.features import named
from agent.slicer.gcode.text import decoded
from agent.slicer.values import number

TOOLS = 64  # what is above is no tool: Bambu's printers use T255 and T1000 for other things
INCH_MM = 25.4
LONGEST = 400
COMMAND = re.compile(r"([GMT])0*(\d{1,4})(?![\d.])")
WORD = re.compile(r"([A-Z])[ \t]*([-+]?[0-9]*\.?[0-9]+)")
PARAMETER = re.compile(r"([A-Z_]+)=([-+]?[0-9]*\.?[0-9]+)")
AXES = "XYZE"


class What(IntEnum):
    """What an event changes, or that something happens."""

    LAYER = auto()
    LAYER_Z = auto()
    LAYER_HEIGHT = auto()
    FEATURE = auto()
    ABSOLUTE = auto()  # positions
    ABSOLUTE_E = auto()
    UNIT = auto()  # millimetres
    ACCELERATION = auto()  # mm/s², of what extrudes
    TRAVEL_ACCELERATION = auto()
    RETRACT_ACCELERATION = auto()
    MOST_ACCELERATION = auto()  # by axis
    MOST_SPEED = auto()  # mm/s, by axis
    JERK = auto()  # mm/s, by axis
    JUNCTION_DEVIATION = auto()  # mm
    CORNER_SPEED = auto()  # Klipper's square corner velocity, mm/s
    SPEED_LIMIT = auto()  # Klipper's, mm/s, of all axes together
    FAN = auto()  # percent
    NOZZLE = auto()  # °C
    OTHER_NOZZLE = auto()  # °C, of the tool that `axis` says
    BED = auto()
    TOOL = auto()
    SPEED_FACTOR = auto()
    FLOW_FACTOR = auto()
    VOLUMETRIC = auto()  # the filament's diameter, when E is a volume; 0: it is a length
    STOP = auto()  # the seconds that nothing moves
    RETRACTION = auto()  # by the firmware


class Event(NamedTuple):
    what: What
    value: float = 0.0
    name: str = ""
    axis: int = 0


Words = Mapping[str, float]


def events(line: bytes) -> tuple[Event, ...]:
    """In the order in which they take effect; nothing for what changes no move."""
    text = decoded(line[:LONGEST]).strip()
    if text.startswith(";"):
        return tuple(_of_comment(text))
    text = text.partition(";")[0]
    command, rest = _split(text.upper())
    if command in COMMANDS:
        return tuple(COMMANDS[command](_words(rest)))
    if command.startswith("T") and command[1:].isdecimal() and int(command[1:]) < TOOLS:
        return (Event(What.TOOL, int(command[1:])),)
    if command in MACROS:
        return tuple(MACROS[command](rest))
    return ()


def _split(text: str) -> tuple[str, str]:
    """ "M204S500" as well as "M204 S500": a command is a letter and its number."""
    if match := COMMAND.match(text):
        return f"{match[1]}{match[2]}", text[match.end() :]
    command, _, rest = text.partition(" ")
    return command, rest


def _words(rest: str) -> dict[str, float]:
    return {letter: float(value) for letter, value in WORD.findall(rest)}


def _of_comment(text: str) -> list[Event]:
    name, _, value = text[1:].strip().partition(":")
    value = value.strip()
    if name in {"LAYER_CHANGE", "CHANGE_LAYER", "LAYER"}:
        return [Event(What.LAYER)]
    if name in {"TYPE", "FEATURE"}:
        return [Event(What.FEATURE, name=named(value))]
    found = number(value)
    if found is None or not 0 <= found < 1e5:
        return []
    if name in {"Z", "Z_HEIGHT"}:
        return [Event(What.LAYER_Z, found)]
    return [Event(What.LAYER_HEIGHT, found)] if name in {"HEIGHT", "LAYER_HEIGHT"} else []


def _stop(words: Words) -> list[Event]:
    return [Event(What.STOP, words.get("S", 0.0) + words.get("P", 0.0) / 1000)]


def _wait(words: Words) -> list[Event]:
    del words
    return [Event(What.STOP)]


def _nozzle(words: Words) -> list[Event]:
    target = words.get("S", words.get("R"))
    if target is None:
        return []
    if "T" in words:
        return [Event(What.OTHER_NOZZLE, target, axis=int(words["T"]))]
    return [Event(What.NOZZLE, target)]


def _bed(words: Words) -> list[Event]:
    target = words.get("S", words.get("R"))
    return [] if target is None else [Event(What.BED, target)]


def _fan(words: Words) -> list[Event]:
    """Fans 0 and 1 blow at the part; some firmwares count to 255, some to 1."""
    if words.get("P", 0) > 1:
        return []
    power = words.get("S", 255.0)
    share = power if 0 < power < 1 else power / 255
    return [Event(What.FAN, min(max(share, 0.0), 1.0) * 100)]


def _fan_off(words: Words) -> list[Event]:
    return [] if words.get("P", 0) > 1 else [Event(What.FAN, 0.0)]


def _acceleration(words: Words) -> list[Event]:
    """`S` alone is the older form: of all moves, with `T` of retractions."""
    if "S" in words:
        found = [(What.ACCELERATION, "S"), (What.TRAVEL_ACCELERATION, "S")]
        found.append((What.RETRACT_ACCELERATION, "T"))
    else:
        found = [(What.ACCELERATION, "P"), (What.TRAVEL_ACCELERATION, "T")]
        found.append((What.RETRACT_ACCELERATION, "R"))
    return [Event(what, words[letter]) for what, letter in found if words.get(letter, 0) > 0]


def _by_axis(what: What) -> Callable[[Words], list[Event]]:
    def read(words: Words) -> list[Event]:
        return [
            Event(what, words[letter], axis=axis)
            for axis, letter in enumerate(AXES)
            if words.get(letter, 0) > 0  # 0 is "as it was" where printers are set by it
        ]

    return read


def _jerk(words: Words) -> list[Event]:
    found = _by_axis(What.JERK)(words)
    if words.get("J", 0) > 0:
        found.append(Event(What.JUNCTION_DEVIATION, words["J"]))
    return found


def _jerk_a_minute(words: Words) -> list[Event]:
    return [event._replace(value=event.value / 60) for event in _by_axis(What.JERK)(words)]


def _factor(what: What) -> Callable[[Words], list[Event]]:
    def read(words: Words) -> list[Event]:
        return [Event(what, words["S"] / 100)] if 0 < words.get("S", 0) <= 1000 else []

    return read


def _volumetric(words: Words) -> list[Event]:
    return [Event(What.VOLUMETRIC, words["D"])] if "D" in words else []


def _retraction(words: Words) -> list[Event]:
    """`G10 P1 R200` is another command: it sets a tool's temperatures."""
    return [] if {"P", "L"} & set(words) else [Event(What.RETRACTION)]


def _klipper_limits(rest: str) -> list[Event]:
    said = {name: float(value) for name, value in PARAMETER.findall(rest)}
    found = [
        (What.ACCELERATION, "ACCEL"),
        (What.TRAVEL_ACCELERATION, "ACCEL"),
        (What.CORNER_SPEED, "SQUARE_CORNER_VELOCITY"),
        (What.SPEED_LIMIT, "VELOCITY"),
    ]
    return [Event(what, said[name]) for what, name in found if said.get(name, 0) > 0]


def _klipper_heater(rest: str) -> list[Event]:
    said = {name: float(value) for name, value in PARAMETER.findall(rest)}
    if "TARGET" not in said or "HEATER=EXTRUDER" not in rest.split():
        return []
    return [Event(What.NOZZLE, said["TARGET"])]


def _set(what: What, value: float) -> Callable[[Words], list[Event]]:
    def read(words: Words) -> list[Event]:
        del words
        return [Event(what, value)]

    return read


COMMANDS: dict[str, Callable[[Words], list[Event]]] = {
    "G4": _stop,
    "G10": _retraction,
    "G20": _set(What.UNIT, INCH_MM),
    "G21": _set(What.UNIT, 1.0),
    "G90": _set(What.ABSOLUTE, 1.0),
    "G91": _set(What.ABSOLUTE, 0.0),
    "M82": _set(What.ABSOLUTE_E, 1.0),
    "M83": _set(What.ABSOLUTE_E, 0.0),
    "M104": _nozzle,
    "M106": _fan,
    "M107": _fan_off,
    "M109": lambda words: [*_nozzle(words), *_wait(words)],
    "M116": _wait,
    "M140": _bed,
    "M190": lambda words: [*_bed(words), *_wait(words)],
    "M200": _volumetric,
    "M201": _by_axis(What.MOST_ACCELERATION),
    "M203": _by_axis(What.MOST_SPEED),
    "M204": _acceleration,
    "M205": _jerk,
    "M220": _factor(What.SPEED_FACTOR),
    "M221": _factor(What.FLOW_FACTOR),
    "M400": _wait,
    "M566": _jerk_a_minute,
    "M600": _wait,
    "M601": _wait,
}
MACROS: dict[str, Callable[[str], list[Event]]] = {
    "SET_VELOCITY_LIMIT": _klipper_limits,
    "SET_HEATER_TEMPERATURE": _klipper_heater,
}
