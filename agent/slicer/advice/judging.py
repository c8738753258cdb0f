"""Proposals held against what OrcaSlicer knows and what is safe: outside of any model."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.slicer.advice.limits import (
    Bound,
    Situation,
    bound_of,
    is_hardware,
    percent_bound,
)
from agent.slicer.advice.quoting import plain
from agent.slicer.advice.rules import Line, Proposed, Value, Verdict
from agent.slicer.presets.keys import KEYS, Key, Kind
from agent.slicer.rules import Change, Facts, PresetType
from agent.slicer.values import figure

MOST_LINES = 40
HARDWARE_STAYS = "It says what the printer or the spool is, which advice cannot change."
NIL = "nil"
DIGITS = 4  # behind the point, at the most
NEAR = 1e-6  # what a preset's text cannot tell apart
TYPES: Mapping[str, PresetType] = {
    "machine": "machine",
    "printer": "machine",
    "process": "process",
    "print": "process",
    "filament": "filament",
    "material": "filament",
}
FLAGS = {
    **dict.fromkeys(("1", "true", "on", "yes", "enabled", "enable"), "1"),
    **dict.fromkeys(("0", "false", "off", "no", "disabled", "disable"), "0"),
}
UNITS = {"c": "°c", "degc": "°c", "mm3/s": "mm³/s", "mm/s2": "mm/s²", "mm/s^2": "mm/s²"}
_NUMBER = re.compile(r"\s*([-+]?\d{1,7}(?:[.,]\d{1,6})?)\s*([^\d\s].{0,7})?\s*")
_BY_LABEL = {key.label.casefold(): name for name, key in KEYS.items()}


class RefusedError(Exception):
    """A value that cannot stand. The text says why."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as it was written."""

    number: float
    is_percent: bool
    unit: str


@dataclass(frozen=True, slots=True)
class _Written:
    """A value as the preset has it, and what was done to it."""

    text: str
    why: str = ""


def judged(proposals: Sequence[Proposed], situation: Situation) -> list[Line]:
    """A line for each proposal, in its order: accepted, clamped or refused, with the reason."""
    lines: list[Line] = []
    seen: set[str] = set()
    for number, proposed in enumerate(proposals[:MOST_LINES], start=1):
        line = _line(number, proposed, situation)
        if line.verdict != "refused" and line.key in seen:
            line = _refused(line, "Another line changes this setting already.")
        seen |= {line.key} if line.verdict != "refused" else set()
        lines.append(line)
    return lines


def situation_of(facts: Facts) -> Situation:
    """The settings of a file. Of several filaments, the one that most is used of is meant."""
    used = {one.index: one.used_g or one.used_mm or 0.0 for one in facts.filaments}
    return Situation(facts.settings, max(used, key=used.__getitem__, default=0))


def proposed_of(changes: Iterable[Change]) -> list[Proposed]:
    """Changes that a check wants: held to the same limits as anybody's."""
    return [
        Proposed(
            one.key,
            one.new,
            one.preset_type,
            one.old,
            one.reason,
            filament=one.filament,
            is_ours=True,
        )
        for one in changes
    ]


def changes_of(lines: Iterable[Line]) -> list[Change]:
    """The lines that are picked, as changes of presets."""
    return [
        Change(line.preset_type, line.key, line.old, line.new, line.reason)
        for line in lines
        if line.is_picked and line.preset_type is not None and line.new is not None
    ]


def known_key(name: str) -> Key | None:
    """The setting of this name, or of this label."""
    wanted = name.strip()
    bare = re.sub(r"[\s-]+", "_", wanted.lower())
    return KEYS.get(wanted) or KEYS.get(bare) or KEYS.get(_BY_LABEL.get(wanted.casefold(), ""))


# --- one line -------------------------------------------------------------------------------------


def _line(number: int, proposed: Proposed, situation: Situation) -> Line:
    key = known_key(proposed.key)
    reason, asked = plain(proposed.reason, 400), plain(_shown(proposed.new), 80)
    if key is None:
        name = plain(proposed.key, 60)
        line = Line(number, None, name, name, None, None, asked, "refused", reason=reason)
        return _refused(line, f"OrcaSlicer has no setting called {name}.")
    told = TYPES.get(str(proposed.preset_type or "").lower())
    preset_type = told if told in key.types else key.types[0]
    old = _old(key, situation)
    line = Line(
        number,
        preset_type,
        key.name,
        key.label,
        old,
        None,
        asked,
        "refused",
        reason=reason,
        unit=key.unit,
    )
    if proposed.filament not in {None, situation.filament}:
        return _refused(
            line, f"It is for filament {(proposed.filament or 0) + 1} of the file: ask for that."
        )
    if is_hardware(key.name) and not proposed.is_ours:
        return _refused(line, HARDWARE_STAYS)
    try:
        new, why = _new(key, proposed.new, old, situation)
    except RefusedError as err:
        return _refused(line, str(err))
    if new == old:
        so = "It is so already."
        return _refused(replace(line, new=new), f"{why} {so}".strip())
    verdict: Verdict = "clamped" if why else "accepted"
    return replace(line, new=new, verdict=verdict, why=why, is_picked=True)


def _refused(line: Line, why: str) -> Line:
    return replace(line, verdict="refused", why=why, is_picked=False)


def _old(key: Key, situation: Situation) -> Value | None:
    """What it is now, as the preset of its type has it: a filament's has one value."""
    if key.name not in situation.settings:
        return None
    if not key.is_list:
        return situation.text(key.name, key)
    if key.types == ("filament",):
        one = situation.text(key.name, key)
        return None if one is None else (one,)
    return situation.elements(key.name) or None


def _new(key: Key, wanted: object, old: Value | None, situation: Situation) -> tuple[Value, str]:
    """The value as the preset has it, and what was done to it. Raises RefusedError."""
    if key.kind in {Kind.TEXT, Kind.GCODE, Kind.POINTS}:
        raise RefusedError("It holds free text or commands, which only you may write.")
    values = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    if not values:
        raise RefusedError("No value is given.")
    count = len(old) if isinstance(old, tuple) else 1
    if len(values) not in {1, count}:
        raise RefusedError(f"It has {count} value{'s' * (count != 1)}, not {len(values)}.")
    written = [_element(key, one, situation) for one in values]
    why = next((one.why for one in written if one.why), "")
    if not key.is_list:
        return written[0].text, why
    texts = [one.text for one in written]
    return tuple(texts if len(texts) == count else texts * count), why


# --- one value ------------------------------------------------------------------------------------


def _element(key: Key, wanted: object, situation: Situation) -> _Written:
    if wanted is None or isinstance(wanted, (dict, list, tuple)):
        raise RefusedError("This is no value that a setting can have.")
    text = _shown(wanted).strip()
    if key.is_nullable and text.lower() == NIL:
        return _Written(NIL)
    if key.kind is Kind.FLAG:
        return _Written(_flag(text))
    if key.kind is Kind.CHOICE:
        return _Written(_choice(key, text))
    return _numeric(key, text, situation)


def _flag(text: str) -> str:
    if text.lower() not in FLAGS:
        raise RefusedError(f"It is on or off (1 or 0), not {plain(text, 40)}.")
    return FLAGS[text.lower()]


def _choice(key: Key, text: str) -> str:
    def bare(word: str) -> str:
        return re.sub(r"[\s_-]+", "", word).casefold()

    for choice in key.choices:
        if bare(choice) == bare(text):
            return choice
    raise RefusedError(f"It is one of {', '.join(key.choices[:50])}, not {plain(text, 40)}.")


def _numeric(key: Key, text: str, situation: Situation) -> _Written:
    read = _read_number(key, text)
    number, why, is_percent = read.number, "", read.is_percent
    if key.kind is Kind.PERCENT:
        is_percent = True
        if 0 < number < 1 and not read.is_percent:
            number, why = number * 100, f"{number:g} was read as {number * 100:g} %."
    elif is_percent and key.kind is not Kind.NUMBER_OR_PERCENT:
        if key.unit != "%":
            raise RefusedError(
                f"It is a number{f' in {key.unit}' * bool(key.unit)}, no percentage."
            )
        is_percent = False
    if key.kind is Kind.INTEGER and number != round(number):
        number, why = round(number), "It is a whole number."
    if number == 0 and (key.low is None or key.low <= 0) and _may_be_zero(key):
        return _Written("0%" if is_percent else "0", why)
    number, cut = _within(key, number, situation, is_percent=is_percent)
    text = figure(math.floor(number) if key.kind is Kind.INTEGER and cut else number, DIGITS)
    return _Written(f"{text}%" if is_percent else text, cut or why)


def _may_be_zero(key: Key) -> bool:
    """Whether 0 means "as the default" or "none", and so is below no limit."""
    return key.kind is Kind.NUMBER_OR_PERCENT or key.unit in {"mm/s", "mm/s²"}


def _within(
    key: Key, number: float, situation: Situation, *, is_percent: bool
) -> tuple[float, str]:
    """The number within its limits, and why it is another one. Raises RefusedError."""
    of_another = is_percent and key.kind is Kind.NUMBER_OR_PERCENT
    bound = percent_bound(key) if of_another else bound_of(key, situation)
    unit = "%" if is_percent else key.unit
    if bound.never_above is not None and number > bound.never_above:
        most = _measure(bound.never_above, unit)
        raise RefusedError(
            f"{_measure(number, unit)} is beyond {most}, the most that is ever proposed: "
            "dangerous, so it is not even shortened."
        )
    if bound.low is not None and number < bound.low - NEAR:
        return bound.low, _clamped(number, bound.low, "below", bound.low_of, unit)
    if bound.high is not None and number > bound.high + NEAR:
        return bound.high, _clamped(number, bound.high, "above", bound.high_of, unit)
    return number, ""


def _clamped(asked: float, used: float, side: str, whose: str, unit: str) -> str:
    beyond = f"{_measure(asked, unit)} is {side} {whose or 'the limit'}"
    return f"{beyond}, so it is {_measure(used, unit)}."


def limits_text(key: Key, situation: Situation) -> str:
    """`190 to 240 °C`, for those who propose."""
    bound: Bound = bound_of(key, situation)
    if bound.low is None or bound.high is None:
        return ""
    return f"{figure(bound.low, DIGITS)} to {_measure(bound.high, key.unit)}"


def _read_number(key: Key, text: str) -> _Number:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise RefusedError(f"{plain(text, 40) or 'Nothing'} is no number.")
    unit = (match[2] or "").strip().lower()
    unit = UNITS.get(unit, unit)
    if unit not in {"", "%", key.unit.lower()}:
        raise RefusedError(f"It is in {key.unit or 'no unit'}, not in {plain(unit, 10)}.")
    return _Number(float(match[1].replace(",", ".")), unit == "%", unit)


def _measure(number: float, unit: str) -> str:
    return f"{figure(number, DIGITS)} {unit}".strip()


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        is_usual = math.isfinite(value) and abs(value) < 1e9
        return figure(value, DIGITS) if is_usual else "not a number"
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(one) for one in value[:16])
    return str(value)[:200]
