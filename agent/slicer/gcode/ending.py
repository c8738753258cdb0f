"""Whether a G-code has the end that its slicer always writes."""

from agent.slicer.gcode.windows import Windows
from agent.slicer.rules import Slicer

LINE_BREAKS = "line breaks"
BLOCKS = (  # what is begun is ended
    (b"; HEADER_BLOCK_START", b"; EXECUTABLE_BLOCK_END"),
    (b"; CONFIG_BLOCK_START", b"; CONFIG_BLOCK_END"),
    (b"; prusaslicer_config = begin", b"; prusaslicer_config = end"),
    (b"; SuperSlicer_config = begin", b"; SuperSlicer_config = end"),
)
LAST = {
    Slicer.ORCA: b"; EXECUTABLE_BLOCK_END",
    Slicer.PRUSA: b"; filament used [mm]",
    Slicer.CURA: b";End of Gcode",
}
AFTER_MOVES = {LINE_BREAKS, *(line.decode().lstrip("; ") for line in LAST.values())}
FAMILY = {Slicer.ORCA, Slicer.BAMBU}


def missing(windows: Windows, slicer: Slicer) -> str | None:
    """What the end of the file should hold, and does not. None where that is not known."""
    if windows.tail and b"\n" not in windows.head.rstrip() and b"\n" not in windows.tail.rstrip():
        return LINE_BREAKS
    for begin, end in BLOCKS:
        if begin == BLOCKS[0][0] and slicer not in FAMILY:
            continue
        if _has(windows, begin) and not _has(windows, end):
            return _told(end)
    last = LAST.get(slicer)
    return _told(last) if last and not _has(windows, last) else None


def _has(windows: Windows, line: bytes) -> bool:
    return any(part.startswith(line) or b"\n" + line in part for part in windows.comments)


def _told(line: bytes) -> str:
    return line.decode().lstrip("; ")
