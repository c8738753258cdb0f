"""How two presets differ, and a file from the preset that it names."""

from dataclasses import dataclass

from agent.slicer.presets.rules import Difference, Preset, is_same
from agent.slicer.presets.values import joined, split
from agent.slicer.presets.writing import ID_KEYS
from agent.slicer.rules import Facts, PresetType

# They say where a preset may be used, which no sliced file repeats.
NOT_SLICED = frozenset(
    {
        "compatible_printers",
        "compatible_printers_condition",
        "compatible_prints",
        "compatible_prints_condition",
        "default_filament_profile",
        "default_print_profile",
        "upward_compatible_machine",
    }
)


@dataclass(frozen=True, slots=True)
class Named:
    """A preset that a file names. `index` is of the filament, else 0."""

    type: PresetType
    name: str
    index: int = 0


def named_by(facts: Facts) -> tuple[Named, ...]:
    """The presets that a file was sliced with."""
    found: list[Named] = []
    for preset_type, key in ID_KEYS.items():
        text = facts.settings.get(key, "")
        names = split(key, text) if preset_type == "filament" else (text.strip('"'),)
        found += [Named(preset_type, name, n) for n, name in enumerate(names) if name]
    return tuple(found)


def compare(old: Preset, new: Preset) -> tuple[Difference, ...]:
    """What two presets of one type have differently, by key."""
    keys = sorted(old.settings.keys() | new.settings.keys())
    found = (Difference(key, old.settings.get(key), new.settings.get(key)) for key in keys)
    return tuple(
        one for one in found if one.old is None or one.new is None or not is_same(one.old, one.new)
    )


def compare_settings(facts: Facts, preset: Preset, *, index: int = 0) -> tuple[Difference, ...]:
    """Where a file was sliced with something else than the preset has now: `old` is the
    preset's, `new` the file's. What the file does not say is left out.

    `index` says which filament of the file the preset is for."""
    found: list[Difference] = []
    for key, value in sorted(preset.settings.items()):
        text = facts.settings.get(key)
        if text is None or key in NOT_SLICED:
            continue
        if isinstance(value, str):
            if not is_same(joined(key, value), text):
                found.append(Difference(key, value, text))
            continue
        there = split(key, text)
        if preset.type == "filament" and len(value) == 1:
            there = there[index : index + 1]
        if there and not is_same(value, there):
            found.append(Difference(key, value, there))
    return tuple(found)
