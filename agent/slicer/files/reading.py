"""What a file says of itself, what the checks say to it, and its pictures. Blocking: for a
thread."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from agent.shared.errors import NotFound
from agent.slicer.checks.checking import check
from agent.slicer.checks.plates import check_plate
from agent.slicer.files.bounding import bounded
from agent.slicer.gcode.pictures import as_png
from agent.slicer.gcode.reading import NO_SETTINGS, read_gcode
from agent.slicer.gcode.thumbnails import thumbnail_bytes
from agent.slicer.rules import Analysis, Facts, Finding, Kind, Thumbnail
from agent.slicer.threemf.filling import filled, of_plate
from agent.slicer.threemf.pictures import picture_of
from agent.slicer.threemf.reading import read_3mf


def read_facts(path: Path, kind: Kind) -> Facts:
    """From the ends of a G-code, or the small members of a project. Raises Invalid."""
    return bounded(read_3mf(path) if kind == "3mf" else read_gcode(path))


def findings_in(facts: Facts, analysis: Analysis | None = None) -> tuple[Finding, ...]:
    """What every check finds; more of them can say something once all moves were read."""
    return check(facts, analysis)


def plate_read(
    facts: Facts, plate: int, gcode: Path, analysis: Analysis, *, spool_g: float | None = None
) -> tuple[Facts, Analysis, tuple[Finding, ...]]:
    """A project with what a plate's G-code adds to it, that plate's analysis, and what every
    check finds. Raises Invalid or OSError."""
    said = bounded(read_gcode(gcode))
    notes = [note for note in said.notes if note != NO_SETTINGS]
    analysis = replace(analysis, plate=plate, notes=(*notes, *analysis.notes))
    facts = filled(facts, plate, said)
    found = check_plate(facts, of_plate(facts, plate, said), analysis, spool_g=spool_g)
    return facts, analysis, found


def picture(path: Path, kind: Kind, wanted: Thumbnail, most_edge: int) -> bytes:
    """A picture of the file as PNG, its longer edge `most_edge` at the most. Raises Invalid."""
    raw = picture_of(path, wanted) if kind == "3mf" else thumbnail_bytes(path, wanted)
    return as_png(raw, wanted.mime, most_edge)


def best(thumbnails: Iterable[Thumbnail], most_edge: int, plate: int | None) -> Thumbnail | None:
    """The smallest that need not be blown up, else the largest; of this plate if one is named."""
    able = [one for one in thumbnails if plate is None or one.plate == plate]
    if plate is None and able:
        able = [one for one in able if one.plate == able[0].plate]
    enough = [one for one in able if max(one.width, one.height) >= most_edge]
    if enough:
        return min(enough, key=_edge)
    return max(able, key=_edge, default=None)


def no_picture() -> NotFound:
    return NotFound("no-thumbnail", "The file holds no picture of what it prints.")


def _edge(thumbnail: Thumbnail) -> int:
    return max(thumbnail.width, thumbnail.height)
