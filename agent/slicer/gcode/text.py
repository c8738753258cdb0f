"""Small readings of the texts in a G-code's comments: durations, numbers, lists, strings."""

import math
import re
from collections.abc import Iterator

DURATION = re.compile(r"(\d{1,9})\s*([dhms])")
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def decoded(raw: bytes) -> str:
    """UTF-8, or what an old Windows editor wrote; without control characters but tabs."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return text if text.isprintable() else "".join(c for c in text if c.isprintable() or c == "\t")


def seconds(text: str) -> int | None:
    """Of "1d 2h 3m 4s"; None where there is no duration in it."""
    parts = DURATION.findall(text)
    return sum(int(count) * SECONDS[unit] for count, unit in parts) if parts else None


def number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def numbers(text: str) -> list[float | None]:
    """Of "1234.56, 0.00", or with semicolons; an element that is no number is None."""
    return [number(part.strip()) for part in re.split("[,;]", text)] if text.strip() else []


def strings(text: str) -> list[str]:
    """Of a list as slicers write it: joined by semicolons, quoted where an element needs it."""
    return list(_strings(text)) if text else []


def _strings(text: str) -> Iterator[str]:
    at = 0
    while at <= len(text):
        if text[at : at + 1] == '"':
            value, at = _quoted(text, at + 1)
            end = text.find(";", at)
            at = (len(text) if end < 0 else end) + 1
            yield value
            continue
        end = text.find(";", at)
        end = len(text) if end < 0 else end
        yield text[at:end].strip()
        at = end + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    found = []
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
            found.append(ESCAPES.get(text[at], text[at]))
        else:
            found.append(text[at])
        at += 1
    return "".join(found), at + 1
