"""orca-agent inspect"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.shared.clock import random_id, rfc3339, system_clock
from agent.shared.errors import Conflict, Invalid, OrcaError
from agent.terminal import AsJson, clean, console, echo_json, fail, note

if TYPE_CHECKING:
    from agent.slicer.rules import Analysis, Facts, Finding, Kind, SlicerFile

FOUND, UNREADABLE = 1, 2
WIDTH = 100  # where nobody watches


def inspect(
    file: Annotated[Path, typer.Argument(help="A G-code or a 3MF.")],
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Look at every move: flow, layer times, temperatures.")
    ] = False,
    plate: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With --full: which plate of a sliced project."),
    ] = None,
    spool: Annotated[
        float | None, typer.Option(min=0, metavar="GRAMS", help="What is left on the spool.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a sliced file, and say what to change. No agent has to run.

    Exit code 1 if a finding should keep the file from being printed, 2 if it cannot be read.

    Examples:

        orca-agent inspect benchy.gcode --full

        orca-agent inspect plates.gcode.3mf --full --plate 2

        orca-agent inspect benchy.gcode --json
    """
    try:
        kind = _kind(file)
        found, analysis = _inspected(file, kind, spool, plate=plate, is_full=full)
        if as_json:
            _print_json(file, found, is_full=analysis is not None)
    except OSError as err:
        raise fail(f"{file} cannot be read: {err.strerror or err}.", UNREADABLE) from None
    except OrcaError as err:
        raise fail(_told(file, err.detail), UNREADABLE) from None
    if not as_json:
        _print(found, analysis)
    raise typer.Exit(FOUND if any(one.severity == "blocking" for one in found.findings) else 0)


def _told(file: Path, detail: str) -> str:
    """The sentence with the file named once, by its path."""
    if detail.startswith(file.name):
        return f"{file}{detail.removeprefix(file.name)}"
    return f"{file}: {detail}"


def _kind(file: Path) -> "Kind":
    from agent.slicer.files.rules import kind_of  # slow import

    with file.open("rb") as stream:
        kind = kind_of(stream.read(8))
    if kind == "gcode" and file.suffix.lower() == ".3mf":
        raise Invalid("bad-archive", "The file is no 3MF, or is cut off. Export it again.")
    return kind


def _inspected(
    file: Path, kind: "Kind", spool_g: float | None, *, plate: int | None, is_full: bool
) -> "tuple[SlicerFile, Analysis | None]":
    from agent.slicer.checks.checking import check  # slow import
    from agent.slicer.files.reading import read_facts  # slow import
    from agent.slicer.rules import SlicerFile  # slow import

    if plate is not None and not (is_full and kind == "3mf"):
        raise fail("--plate is for --full, and for a sliced project.", UNREADABLE)
    facts = read_facts(file, kind)
    if is_full and kind == "3mf":
        facts, analysis, findings = _plate(file, facts, plate, spool_g)
    else:
        analysis = _moves(file) if is_full else None
        findings = check(facts, analysis, spool_g=spool_g)
    found = SlicerFile(
        id=random_id(),
        name=file.name,
        kind=kind,
        size_bytes=file.stat().st_size,
        created_at=rfc3339(system_clock()),
        facts=facts,
        findings=findings,
        source="file",
    )
    return found, analysis


def _plate(
    file: Path, facts: "Facts", wanted: int | None, spool_g: float | None
) -> "tuple[Facts, Analysis | None, tuple[Finding, ...]]":
    """The project with the moves of a plate, whose G-code lies beside it for the while."""
    from tempfile import TemporaryDirectory  # slow import

    from agent.slicer.checks.checking import check  # slow import
    from agent.slicer.files.reading import plate_read  # slow import
    from agent.slicer.threemf.gcode import choose_plate, copy_plate  # slow import

    try:
        plate = choose_plate(file, wanted, file.name)
    except Conflict as err:
        if wanted is not None:
            raise
        typer.echo(clean(err.detail), err=True)
        return facts, None, check(facts, spool_g=spool_g)
    with TemporaryDirectory(prefix="orca-agent-") as folder:
        gcode = Path(folder) / f"plate_{plate}.gcode"
        with gcode.open("wb") as stream:
            copy_plate(file, plate, stream.write)
        return plate_read(facts, plate, gcode, _moves(gcode), spool_g=spool_g)


def _moves(file: Path) -> "Analysis":
    from agent.slicer.gcode.motion import analyse  # slow import

    last = -1

    def tell(share: float) -> None:
        nonlocal last
        if (percent := int(share * 100)) != last:
            last = percent
            note(f"\rReading every move: {percent} %", end="")

    try:
        return analyse(file, tell)
    finally:
        note("\r" + " " * 30 + "\r", end="")


def _print_json(file: Path, found: "SlicerFile", *, is_full: bool) -> None:
    from dataclasses import replace  # slow import

    from agent.slicer.shapes import file_json  # slow import

    whole = replace(found, sha256=_sha256(file))
    echo_json(file_json(whole, has_analysis=is_full))


def _sha256(file: Path) -> str:
    import hashlib  # slow import

    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _print(found: "SlicerFile", analysis: "Analysis | None") -> None:
    from agent.commands.inspect_view import show  # slow import

    show(found, analysis, console(unwatched_width=WIDTH))
