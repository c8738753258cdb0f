"""What stands in the comments at both ends of a G-code: totals, the config block, pictures."""

import re
from collections.abc import Iterator
from typing import Literal

from agent.slicer.gcode.text import decoded
from agent.slicer.gcode.windows import Windows
from agent.slicer.rules import Thumbnail

CONFIGS = (  # how each family of slicers begins and ends its settings
    (b"; CONFIG_BLOCK_START", b"; CONFIG_BLOCK_END"),
    (b"; prusaslicer_config = begin", b"; prusaslicer_config = end"),
    (b"; SuperSlicer_config = begin", b"; SuperSlicer_config = end"),
)
SETTING = re.compile(rb"^;[ \t]*([A-Za-z0-9_]{1,100}) =[ \t]?(.*)$", re.MULTILINE)
TOTAL = re.compile(
    rb"^;[ \t]*("
    rb"filament used \[(?:mm|cm3|g)\]|filament cost|total filament used \[g\]|total filament cost"
    rb"|total filament change|total layers count|total layer number|max_z_height|filament_diameter"
    rb"|filament_density|total filament (?:length|volume|weight) \[[a-z^0-9]+\]|filament"
    rb"|(?:estimated|first layer|estimated first layer) printing time(?: \([a-z]+ mode\))?"
    rb"|model printing time)[ \t]*[=:][ \t]*(.*)$",
    re.MULTILINE,
)
PICTURE = re.compile(
    rb"^;[ \t]*thumbnail(|_JPG|_QOI) begin[ \t]+(\d{1,5})[x ](\d{1,5})[ \t]+(\d{1,9})",
    re.MULTILINE,
)
Mime = Literal["image/png", "image/jpeg", "image/qoi"]
MIMES: dict[bytes, Mime] = {b"": "image/png", b"_JPG": "image/jpeg", b"_QOI": "image/qoi"}


def totals(windows: Windows) -> dict[str, str]:
    """The lines that every slicer of the family writes around the moves; of two, the later."""
    return {
        decoded(key): decoded(value).strip()
        for part in windows.both
        for key, value in TOTAL.findall(part)
    }


def config(windows: Windows) -> tuple[dict[str, str], list[str]]:
    """The settings, and sentences on what of them could not be read."""
    for start, end in CONFIGS:
        for part in windows.both:
            found = _between(part, start, end)
            if found is None:
                continue
            block, is_whole = found
            settings = {decoded(key): decoded(value) for key, value in SETTING.findall(block)}
            return settings, list(_complaints(block, len(SETTING.findall(block)), is_whole))
    return {}, []


def _between(part: bytes, start: bytes, end: bytes) -> tuple[bytes, bool] | None:
    begin, stop = _line(part, start), _line(part, end)
    if begin < 0 and stop < 0:
        return None
    if begin >= 0 and stop >= begin:
        return part[begin + len(start) : stop], True
    if begin >= 0:
        return part[begin + len(start) :], False
    return part[:stop], False


def _line(part: bytes, text: bytes) -> int:
    """Where a line that begins with `text` stands, or -1."""
    if part.startswith(text):
        return 0
    at = part.find(b"\n" + text)
    return at + 1 if at >= 0 else -1


def _complaints(block: bytes, read: int, is_whole: bool) -> Iterator[str]:  # noqa: FBT001
    if not is_whole:
        yield "The block with the settings is cut off; those that are there were read."
    lines = sum(1 for line in block.split(b"\n") if line.strip()) if is_whole else read
    if lines > read:
        yield f"{lines - read} lines among the settings are no settings, and were left out."


def pictures(windows: Windows) -> tuple[Thumbnail, ...]:
    """Every picture once, in the order of the file."""
    found = {
        Thumbnail(int(width), int(height), MIMES[kind]): None
        for part in windows.both
        for kind, width, height, _ in PICTURE.findall(part)
        if int(width) and int(height)
    }
    return tuple(found)
