"""Settings as text: read from a preset's JSON, written as a G-code's comments have them."""

import re
from collections.abc import Iterable

from agent.slicer.presets.keys import KEYS, Kind
from agent.slicer.presets.rules import Value

WITHOUT_QUOTES = {Kind.NUMBER, Kind.INTEGER, Kind.PERCENT, Kind.NUMBER_OR_PERCENT, Kind.FLAG}
NUMERIC = re.compile(r"(-?(\d+(?:\.\d*)?|\.\d+)([eE][-+]?\d+)?%?|nil|(-?[\d.]+x-?[\d.]+))")
WANTS_QUOTES = re.compile(r"[\s;\"\\]")
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", '"': '\\"'}


def joined(key: str, value: Value) -> str:
    """A value as one text, the way the slicer joins a list at the end of a G-code."""
    if isinstance(value, str):
        return _escaped(value)
    known = KEYS.get(key)
    if known is not None and known.kind is Kind.POINTS:
        return ",".join(value)
    if known is not None and known.kind in WITHOUT_QUOTES:
        return ",".join(value)
    if known is None and all(NUMERIC.fullmatch(one) for one in value):
        return ",".join(value)
    return ";".join(_quoted(one) for one in value)


def split(key: str, text: str) -> tuple[str, ...]:
    """The elements of what `joined` wrote, or a slicer."""
    known = KEYS.get(key)
    if known is not None and (known.kind in WITHOUT_QUOTES or known.kind is Kind.POINTS):
        return tuple(part.strip() for part in text.split(","))
    if known is not None and not known.is_list:
        return (_unescaped(text),)
    if known is None and all(NUMERIC.fullmatch(part.strip()) for part in text.split(",")):
        return tuple(part.strip() for part in text.split(","))
    return tuple(_unquoted(text))


def shown(value: Value | None) -> str:
    """A value on one line, for people."""
    if value is None:
        return ""
    return value if isinstance(value, str) else ", ".join(value)


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(char, char) if char in "\n\r\\" else char for char in text)


def _quoted(text: str) -> str:
    if not text or WANTS_QUOTES.search(text):
        return '"' + "".join(ESCAPES.get(char, char) for char in text) + '"'
    return text


def _unescaped(text: str) -> str:
    rest = iter(text)
    return "".join(_meant(next(rest, "\\")) if char == "\\" else char for char in rest)


def _meant(escaped: str) -> str:
    return {"n": "\n", "r": "\r"}.get(escaped, escaped)


def _unquoted(text: str) -> Iterable[str]:
    """Elements between semicolons, some of them in quotes."""
    piece: list[str] = []
    is_inside = False
    rest = iter(text)
    for char in rest:
        if char == "\\" and is_inside:
            piece.append(_meant(next(rest, "\\")))
        elif char == '"':
            is_inside = not is_inside
        elif char == ";" and not is_inside:
            yield "".join(piece)
            piece = []
        else:
            piece.append(char)
    yield "".join(piece)
