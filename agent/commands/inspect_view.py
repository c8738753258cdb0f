"""A sliced file as a report in the terminal. Imported when there is one to show."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent.commands.bars import Gather, columns, gathered, mean, stretches
from agent.slicer.checks.checking import CHECKS
from agent.slicer.checks.flow import over_limit
from agent.slicer.rules import Analysis, Change, Facts, Finding, Layers, Severity, SlicerFile
from agent.slicer.values import Values, duration, figure
from agent.terminal import clean, size

SIGNS = {
    Severity.BLOCKING: ("✗", "red"),
    Severity.WARNING: ("!", "yellow"),
    Severity.INFO: ("i", "cyan"),
}
WIDTH = 100
HEIGHT = 5
AXIS = 10
MOST_FEATURES = 14
MOST_STRETCHES = 6


def show(file: SlicerFile, analysis: Analysis | None, console: Console) -> None:
    console.print(_head(file))
    if file.facts.plates:
        console.print(_plates(file.facts))
    if len(file.facts.filaments) > 1:
        console.print(_filaments(file.facts))
    if analysis is not None:
        for part in _moves(analysis, file.facts, console.width):
            console.print(part)
    for finding in file.findings:
        console.print(_finding(finding))
    for note in file.facts.notes:
        console.print(Text(f"Note: {clean(note)}", style="dim"))
    console.print(Text(conclusion(file.findings), style="bold"))
    if analysis is None:
        console.print(Text(not_made(), style="dim"))


def conclusion(findings: Sequence[Finding]) -> str:
    """`1 blocking finding, 2 warnings, 3 notes.`"""
    counts = {one: sum(f.severity is one for f in findings) for one in Severity}
    names = {
        Severity.BLOCKING: ("blocking finding", "blocking findings"),
        Severity.WARNING: ("warning", "warnings"),
        Severity.INFO: ("note", "notes"),
    }
    told = [
        f"{count} {names[one][count != 1]}"
        for one in (Severity.BLOCKING, Severity.WARNING, Severity.INFO)
        if (count := counts[one])
    ]
    return f"{', '.join(told)}." if told else "Nothing stands out."


def not_made() -> str:
    """What the quick look leaves out."""
    count = sum(one.looks_at == "every move" for one in CHECKS)
    return f"{count} of {len(CHECKS)} checks look at every move, and were not made: use --full."


def _head(file: SlicerFile) -> Group:
    facts = file.facts
    grams = sum(one.used_g or 0 for one in facts.filaments)
    metres = sum(one.used_mm or 0 for one in facts.filaments) / 1000
    told = (
        (facts.estimated_seconds and duration(facts.estimated_seconds)),
        grams and f"{figure(grams, 1)} g",
        metres and f"{figure(metres, 1)} m",
        facts.layers and f"{facts.layers} layers",
        facts.max_z_mm and f"{figure(facts.max_z_mm)} mm high",
        size(file.size_bytes),
    )
    made = (
        facts.generator,
        facts.printer,
        len(facts.filaments) == 1 and (facts.filaments[0].name or facts.filaments[0].type),
    )
    return Group(
        Text(clean(file.name), style="bold"),
        Text(" · ".join(clean(one) for one in made if one)),
        Text(" · ".join(one for one in told if one)),
        Text(),
    )


def _plates(facts: Facts) -> Table:
    table = _table("plate", "objects", ">time", ">weight")
    for one in facts.plates:
        table.add_row(
            clean(one.name or str(one.index)),
            clean(", ".join(one.objects)),
            duration(one.estimated_seconds) if one.estimated_seconds else "-",
            f"{figure(one.grams, 1)} g" if one.grams else "-",
        )
    return table


def _filaments(facts: Facts) -> Table:
    table = _table(">filament", "name", "type", "colour", ">length", ">weight")
    for one in facts.filaments:
        table.add_row(
            str(one.index + 1),
            *(clean(text or "-") for text in (one.name, one.type, one.colour)),
            f"{figure(one.used_mm / 1000, 1)} m" if one.used_mm else "-",
            f"{figure(one.used_g, 1)} g" if one.used_g else "-",
        )
    return table


def _moves(analysis: Analysis, facts: Facts, width: int) -> Iterable[Group | Table | Text]:
    layers = analysis.layers
    limit = Values(facts.settings).number("filament_max_volumetric_speed")
    yield plot("flow, mm³/s", layers.max_flow_mm3_s, layers, max, width, limit=limit or None)
    yield plot("layer time, s", layers.seconds, layers, mean, width)
    yield _temperatures(layers)
    yield _features(analysis)
    of = f"Plate {analysis.plate} by its moves" if analysis.plate else "By its moves"
    yield Text(
        f"{of} {duration(analysis.seconds)}, first layer "
        f"{duration(analysis.first_layer_seconds)}, {analysis.retractions} retractions, "
        f"{figure(analysis.travel_mm / 1000, 1)} m of travel.\n"
    )


def plot(
    title: str,
    values: Sequence[float],
    layers: Layers,
    gather: Gather,
    width: int,
    *,
    limit: float | None = None,
) -> Group:
    """A plot by height. Columns above the limit are red, and the title counts the layers."""
    room = max(min(width, WIDTH) - AXIS - 1, 10)
    shown = gathered(values, room, gather)
    top = max([*shown, limit or 0.0, 1e-9])
    over = [limit is not None and value > limit for value in shown]
    head = title + (f"; limit {figure(limit)}" if limit else "")
    if limit and (count := len(over_limit(values, limit))):
        head += f", passed in {count} layer{'s' * (count != 1)}"
    lines = [Text(head)]
    rows = columns(shown, top, HEIGHT)
    for at, row in enumerate(rows):
        label = figure(top, 1) if at == 0 else ("0" if at == len(rows) - 1 else "")
        line = Text(f"{label:>{AXIS - 2}} │")
        for letter, is_over in zip(row, over, strict=True):
            line.append(letter, style="red" if is_over else "cyan")
        lines.append(line)
    low, high = (layers.z_mm[0], layers.z_mm[-1]) if layers.z_mm else (0.0, 0.0)
    foot = f"{figure(high)} mm"
    begin = f"{figure(low)} mm"
    gap = max(len(shown) - len(begin) - len(foot), 1)
    lines.append(Text(f"{'':>{AXIS}}{begin}{' ' * gap}{foot}\n", style="dim"))
    return Group(*lines)


def _temperatures(layers: Layers) -> Text:
    """`nozzle 220 °C, from layer 2 on 215 °C`"""
    told = []
    for name, values in (("nozzle", layers.nozzle_c), ("bed", layers.bed_c)):
        changes = stretches(values)
        known = [
            f"{figure(value)} °C" + (f" from layer {index + 1} on" if index else "")
            for index, value in changes[:MOST_STRETCHES]
            if value > 0
        ]
        more = ", …" if len(changes) > MOST_STRETCHES else ""
        told.append(f"{name} {', '.join(known) or 'set by a macro, or never'}{more}")
    return Text("; ".join(told))


def _features(analysis: Analysis) -> Table:
    table = _table("lines", ">time", ">share", ">length", ">mean speed", ">mean flow", ">most flow")
    whole = analysis.seconds or 1.0
    ordered = sorted(analysis.features, key=lambda one: -one.seconds)
    for one in ordered[:MOST_FEATURES]:
        table.add_row(
            clean(one.name),
            duration(one.seconds),
            f"{figure(one.seconds / whole * 100, 1)} %",
            f"{figure(one.length_mm / 1000, 1)} m",
            f"{figure(one.mean_speed_mm_s, 0)} mm/s",
            f"{figure(one.mean_flow_mm3_s, 1)}",
            f"{figure(one.max_flow_mm3_s, 1)} mm³/s",
        )
    return table


def _finding(finding: Finding) -> Group:
    sign, colour = SIGNS[finding.severity]
    head = Text(f"{sign} ", style=colour)
    head.append(finding.title, style="bold")
    head.append(f"  ({finding.severity})", style="dim")
    told = Table.grid(padding=(0, 2))
    for one in finding.evidence:
        limit = Text(clean(one.limit or ""), style="dim")
        where = Text(clean(one.where or ""), style="dim")
        told.add_row(Text(clean(one.key)), Text(clean(one.value), style=colour), limit, where)
    changes = [Text(_change(one), style="green") for one in finding.changes]
    body = Group(told, Text(finding.explanation), Text(f"→ {finding.fix}"), *changes)
    return Group(head, Padding(body, (0, 0, 1, 2)))


def _change(one: Change) -> str:
    old, new = (
        ", ".join(value) if isinstance(value, tuple) else value for value in (one.old, one.new)
    )
    return clean(f"  {one.preset_type}: {one.key} {old or '(unset)'} → {new}")


def _table(*head: str) -> Table:
    table = Table(box=box.SIMPLE)
    for name in head:
        is_number = name.startswith(">")
        justify = "right" if is_number else "left"
        table.add_column(name.lstrip(">"), justify=justify, overflow="fold")  # type: ignore[arg-type] # one of its words
    return table
