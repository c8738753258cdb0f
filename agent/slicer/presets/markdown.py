"""A preset as Markdown, for a forum or another assistant."""

from collections.abc import Iterable, Mapping

from agent.slicer.presets.keys import KEYS, Kind
from agent.slicer.presets.rules import Preset, Value
from agent.slicer.presets.values import shown

ELSEWHERE = "Not known here"
TITLES = {"machine": "Printer", "process": "Process", "filament": "Filament"}
NO_CHANGES = "Nothing was changed against its parent."
LONGEST = 120

Row = tuple[str, Value | None, Value]


def as_markdown(preset: Preset, *, only_changed: bool = True) -> str:
    """Headings by the page on which the slicer shows a setting; G-code stands in blocks."""
    own = preset.own
    rows: list[Row] = [
        (key, own[key][0] if key in own else None, value)
        for key, value in sorted(preset.settings.items())
        if key in own or not (only_changed and preset.inherits)
    ]
    parts = [f"## {TITLES[preset.type]}: {_cell(preset.name)}", *_about(preset)]
    if not rows:
        parts.append(NO_CHANGES)
    for page, found in _by_page(rows).items():
        parts += [f"### {page}", *_table(found, own)]
        parts += [_block(key, value) for key, _, value in found if _is_gcode(key, value)]
    return "\n\n".join(parts) + "\n"


def _about(preset: Preset) -> Iterable[str]:
    if preset.chain:
        yield "Inherits: " + " ← ".join(_cell(name) for name in preset.chain)
    elif preset.inherits:
        yield f"Inherits: {_cell(preset.inherits)} (not found)"
    if preset.version:
        yield f"Version: {_cell(preset.version)}"


def _by_page(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    pages: dict[str, list[Row]] = {}
    for row in rows:
        known = KEYS.get(row[0])
        pages.setdefault(known.page if known else ELSEWHERE, []).append(row)
    return dict(sorted(pages.items(), key=lambda page: (page[0] == ELSEWHERE, page[0])))


def _table(rows: Iterable[Row], own: Mapping[str, object]) -> Iterable[str]:
    lines = []
    for key, old, value in rows:
        if _is_gcode(key, value):
            continue
        known = KEYS.get(key)
        label = f"{known.label} (`{key}`)" if known else f"`{_cell(key)}`"
        unit = known.unit if known else ""
        was = _with_unit(old, unit) if key in own else ""
        lines.append(f"| {label} | {_with_unit(value, unit)} | {was} |")
    if lines:
        yield "\n".join(["| Setting | Value | Parent |", "|---|---|---|", *lines])


def _with_unit(value: Value | None, unit: str) -> str:
    text = shown(value)
    if not text or not unit or text.endswith("%") or text == "nil":
        return _cell(text)
    return f"{_cell(text)} {unit}"


def _is_gcode(key: str, value: Value) -> bool:
    known = KEYS.get(key)
    return "\n" in shown(value) or (
        known is not None and known.kind is Kind.GCODE and bool(shown(value))
    )


def _block(key: str, value: Value) -> str:
    text = value if isinstance(value, str) else "\n".join(value)
    # A fence longer than any in the text, so that the text cannot end it.
    longest = max((len(run) for run in _runs(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"`{key}`:\n\n{fence}gcode\n{text.rstrip()}\n{fence}"


def _runs(text: str) -> Iterable[str]:
    run = ""
    for char in text:
        if char == "`":
            run += char
        elif run:
            yield run
            run = ""
    if run:
        yield run


def _cell(text: str) -> str:
    """Text that cannot leave its cell, nor become a link, a picture or a tag."""
    flat = " ".join(text.split())
    if len(flat) > LONGEST:
        flat = f"{flat[: LONGEST - 1]}…"
    for char in "\\|<>[]`*_":
        flat = flat.replace(char, f"\\{char}")
    return flat
