"""G-code that people write into their printer's preset: what it does, as far as one can tell."""

import re
from collections.abc import Iterator

_CODE = re.compile(r"[GMT]\d", re.IGNORECASE)
_MACRO = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_CONTROL = ("{", "[", "}", "]")
_HOME = re.compile(r"\bG28(?!\d)", re.IGNORECASE)
_HEAT = re.compile(r"\bM10[49]\b", re.IGNORECASE)
_TARGET = re.compile(r"\b[SR](\d+(?:\.\d+)?)\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"[\[{]")
_HEATS = {"nozzle": _HEAT, "bed": re.compile(r"\bM1[49]0\b", re.IGNORECASE)}
_NOTHING = re.compile(r"\b[SR]0+(?:\.0+)?\b(?!\.)", re.IGNORECASE)


def lines(program: str) -> Iterator[str]:
    """What is done: without comments and empty lines."""
    for line in program.splitlines():
        if text := line.split(";", maxsplit=1)[0].strip():
            yield text


def calls_macros(program: str) -> bool:
    """Whether it calls a program of the printer's own, which may do anything."""
    return any(_is_macro(line) for line in lines(program))


def _is_macro(line: str) -> bool:
    word = line.split(maxsplit=1)[0]
    if word.startswith(_CONTROL) or _CODE.match(word):
        return bool(_CODE.match(word)) and word.upper().startswith("M98")  # RepRapFirmware's call
    return bool(_MACRO.match(word)) or "=" in line


def homes(program: str) -> bool:
    return any(_HOME.search(line) for line in lines(program))


def has_conditions(program: str) -> bool:
    """Whether the slicer decides by itself which lines count."""
    return "{if" in program.replace(" ", "")


def last_nozzle_target(program: str) -> tuple[str, float | None] | None:
    """The last line that heats the nozzle, and its temperature where it is a plain number."""
    found = None
    for line in lines(program):
        if _HEAT.search(line):
            target = _TARGET.search(line)
            is_fixed = target is not None and not _PLACEHOLDER.search(line)
            found = (line, float(target[1]) if target and is_fixed else None)
    return found


def switches_off(program: str, what: str) -> bool:
    return any(_is_off(line, _HEATS[what]) for line in lines(program))


def _is_off(line: str, heat: re.Pattern[str]) -> bool:
    # In two steps: one pattern for both would look through a long line once for each command.
    command = heat.search(line)
    return command is not None and _NOTHING.search(line, command.end()) is not None
