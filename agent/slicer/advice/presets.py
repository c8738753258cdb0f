"""Presets as evidence: what one sets, what it changes, and how two differ."""

from collections.abc import Iterable, Sequence

from agent.shared.errors import NotFound
from agent.slicer.advice.evidence import SETTINGS, shown, values_text
from agent.slicer.advice.quoting import plain, quoted
from agent.slicer.advice.rules import Piece, Value
from agent.slicer.advice.sources import Sources
from agent.slicer.presets.comparing import compare
from agent.slicer.presets.reading import is_secret
from agent.slicer.presets.rules import TYPES, Difference, Preset
from agent.slicer.rules import PresetType

MOST_DIFFERENCES = 60


def preset_piece(preset: Preset) -> Piece:
    """A preset, with what it changes before what it merely has."""
    name = plain(preset.name)
    return Piece(
        f"preset/{preset.type}/{name}",
        "preset",
        f"The {preset.type} preset {name}",
        preset_text(preset),
        f"preset/{preset.type}/{name}",
    )


def preset_text(preset: Preset, keys: Iterable[str] | None = None) -> str:
    """What a model reads of a preset; `keys` alone where some are named."""
    whose = "a system preset" if preset.is_system else "a preset of the user's own"
    lines = [f"{quoted(preset.name)} is {whose}."]
    if preset.inherits:
        lines.append(f"It inherits {quoted(preset.inherits)}.")
    if keys is not None:
        wanted = [key for key in keys if key in preset.settings]
        return "\n".join([*lines, values_text(preset.settings, wanted) or "It sets none of them."])
    if not preset.is_system:
        own = sorted(preset.own.items())
        lines += [_changed(key, *both) for key, both in own if not is_secret(key)]
    return "\n".join([*lines, values_text(preset.settings, SETTINGS)])


def differences_text(first: Preset, second: Preset) -> str:
    """How two presets differ, by key."""
    found: Sequence[Difference] = compare(first, second)
    if not found:
        return "They set everything alike."
    lines = [
        f"{plain(one.key, 60)}: {_or_default(one.old)} | {_or_default(one.new)}"
        for one in found[:MOST_DIFFERENCES]
        if not is_secret(one.key)
    ]
    if rest := len(found) - len(lines):
        lines.append(f"… and {rest} more.")
    return "\n".join([f"{quoted(first.name)} | {quoted(second.name)}", *lines])


async def find_preset(sources: Sources, wanted: str) -> Preset:
    """The preset that `type/name`, or a name alone, means. Raises NotFound."""
    head, _, tail = wanted.partition("/")
    if (named := _type(head)) and tail:
        return await sources.preset(named, tail)
    for preset_type in ("filament", "process", "machine"):
        try:
            return await sources.preset(_type(preset_type) or "process", wanted)
        except NotFound:
            continue
    raise NotFound("no-such-preset", f"No preset is called {wanted[:120]}.")


def _type(word: str) -> PresetType | None:
    return next((one for one in TYPES if one == word), None)


def _changed(key: str, old: Value | None, new: Value) -> str:
    return f"changed {plain(key, 60)}: {_or_default(old)} to {shown(new)}"


def _or_default(value: Value | None) -> str:
    return "(default)" if value is None else shown(value)
