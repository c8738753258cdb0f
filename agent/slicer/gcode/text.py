"""Small readings of the texts in a G-code's comments: durations, numbers, characters."""

import re

from agent.slicer.values import number

DURATION = re.compile(r"(\d{1,9})\s*([dhms])")
DURATION_CHARACTERS = 100
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def decoded(raw: bytes) -> str:
    """UTF-8, or what an old Windows editor wrote; without control characters but tabs."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return text if text.isprintable() else "".join(c for c in text if c.isprintable() or c == "\t")


def seconds(text: str) -> int | None:
    """Of "1d 2h 3m 4s"; None where there is no duration in it."""
    parts = DURATION.findall(text[:DURATION_CHARACTERS])
    return sum(int(count) * SECONDS[unit] for count, unit in parts) if parts else None


def numbers(text: str) -> list[float | None]:
    """Of "1234.56, 0.00", or with semicolons; an element that is no number is None."""
    return [number(part.strip()) for part in re.split("[,;]", text)] if text.strip() else []
