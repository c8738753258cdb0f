"""Typed reading of a slicer's settings, which are text. What is not there or unreadable is None."""

import re
from collections.abc import Mapping

# Every digit has one place in it: else a long row of them would be tried in every division.
_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_NUMBER_CHARACTERS = 400  # more than the longest that any program writes
_STRING = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(?:;|$)|([^;]*)(?:;|$)')
_ESCAPES = {"n": "\n", "r": "", "t": "\t"}
_TRUE, _FALSE = {"1", "true", "yes"}, {"0", "false", "no"}


def number(text: str) -> float | None:
    """`"0.2"`; also `"15%"` as 15. None for what is no finite number."""
    bare = text.strip().removesuffix("%").strip()
    found = _NUMBER.fullmatch(bare) if len(bare) <= _NUMBER_CHARACTERS else None
    value = float(found[0]) if found else None
    return value if value is not None and abs(value) < 1e300 else None


def strings(text: str) -> tuple[str, ...]:
    """A list of strings as the slicer joins it: by semicolons, in quotes where needed."""
    if not text.strip():
        return ()
    found: list[str] = []
    at = 0
    while at <= len(text):
        match = _STRING.match(text, at)
        if match is None or (match.end() == at and at == len(text) and found):
            break
        quoted = match[1]
        found.append(unescaped(quoted) if quoted is not None else match[2].strip())
        if match.end() == len(text) and not match[0].endswith(";"):
            break
        at = match.end()
    return tuple(found)


def words(text: str) -> tuple[str, ...]:
    """A list of names of a closed set, which are joined by commas or semicolons."""
    names = (item.strip().strip('"') for item in re.split(r"[,;]", text))
    return tuple(name for name in names if name)


def unescaped(text: str) -> str:
    """`text` with the slicer's backslash escapes undone."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text, flags=re.DOTALL)


def points(text: str) -> tuple[tuple[float, float], ...]:
    """`0x0,220x0,220x220`; () if one of them is no point."""
    found = []
    for item in words(text):
        x, _, y = item.partition("x")
        across, along = number(x), number(y)
        if across is None or along is None:
            return ()
        found.append((across, along))
    return tuple(found)


def figure(value: float, digits: int = 2) -> str:
    """`0.2`, `215`: as short as it can be written with these digits behind the point."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def duration(seconds: float) -> str:
    """`45 s`, `2 min 5 s`, `1 h 2 min`."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


class Values:
    """A file's settings by key. A list that is shorter than asked for repeats its first item, as
    the slicer does it."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._words: dict[str, tuple[str, ...]] = {}  # a list is asked for again and again
        self._strings: dict[str, tuple[str, ...]] = {}
        self._programs: dict[str, str] = {}

    def text(self, key: str) -> str | None:
        """As it stands in the file; None if it is not there or says `nil`."""
        value = self._settings.get(key)
        return None if value is None or value.strip() == "nil" else value

    def word(self, key: str, index: int = 0) -> str | None:
        """A name of a closed set, such as `aligned`."""
        return _at(self._list(key), index)

    def string(self, key: str, index: int = 0) -> str | None:
        """One of a list of strings, such as a filament's type."""
        if key not in self._strings:
            self._strings[key] = strings(self._settings.get(key, ""))
        return _at(self._strings[key], index)

    def number(self, key: str, index: int = 0) -> float | None:
        value = _at(self._list(key), index)
        return None if value is None else number(value)

    def numbers(self, key: str) -> tuple[float, ...]:
        """All of a list that are numbers."""
        found = (number(item) for item in self._list(key))
        return tuple(value for value in found if value is not None)

    def flag(self, key: str, index: int = 0) -> bool | None:
        value = (_at(self._list(key), index) or "").lower()
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        return None

    def size(self, key: str, whole: float | None, index: int = 0) -> float | None:
        """A number, or a percentage of `whole`. None where `whole` is needed and unknown."""
        value = _at(self._list(key), index)
        if value is None or (amount := number(value)) is None:
            return None
        if not value.endswith("%"):
            return amount
        return None if whole is None else amount * whole / 100

    def program(self, key: str) -> str | None:
        """A piece of G-code, its lines apart, whether the file escaped them or not."""
        value = self.text(key)
        if value is None:
            return None
        if key not in self._programs:
            value = value.strip()
            is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
            self._programs[key] = unescaped(value[1:-1] if is_quoted else value)
        return self._programs[key]

    def _list(self, key: str) -> tuple[str, ...]:
        if key not in self._words:
            self._words[key] = words(self._settings.get(key, ""))
        return self._words[key]

    def length(self, key: str) -> int:
        """How many items a list has."""
        return len(self._list(key))


def _at(items: tuple[str, ...], index: int) -> str | None:
    if not items:
        return None
    value = items[index] if index < len(items) else items[0]
    return None if value == "nil" else value
