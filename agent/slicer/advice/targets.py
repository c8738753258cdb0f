"""Which preset a change of each type becomes: a new one, beside what the user has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.shared.errors import NotFound
from agent.slicer.advice.quoting import plain
from agent.slicer.advice.rules import Target, Value
from agent.slicer.advice.sources import Sources
from agent.slicer.presets.comparing import named_by
from agent.slicer.presets.keys import KEYS
from agent.slicer.presets.rules import Preset
from agent.slicer.presets.values import split
from agent.slicer.presets.writing import ID_KEYS, own_name
from agent.slicer.rules import Facts, PresetType

NO_NAME = (
    "The file does not say which {type} preset it was sliced with. Change these lines by hand in "
    "OrcaSlicer, or ask again with the preset named."
)
NOT_SEEN = (
    "{name} was not found on this computer, so it was taken as the name of a system preset. If "
    "OrcaSlicer skips the import, it was one of yours."
)


@dataclass(frozen=True, slots=True)
class Meant:
    """What a file and a request say of the presets. `filament` counts the file's from 0."""

    facts: Facts | None = None
    filament: int = 0
    preset: Preset | None = None

    def name_of(self, preset_type: PresetType) -> str | None:
        """The preset of a type that the user has in force."""
        if self.preset is not None and self.preset.type == preset_type:
            return self.preset.name
        for one in named_by(self.facts) if self.facts else ():
            wanted = self.filament if preset_type == "filament" else 0
            if (one.type, one.index) == (preset_type, wanted):
                return one.name
        return None


async def targets_for(
    types: Iterable[PresetType], meant: Meant, sources: Sources, *, day: str, taken: Iterable[str]
) -> tuple[dict[PresetType, Target], list[str]]:
    """The new preset of each type, and what the user has to know of those that cannot be."""
    found: dict[PresetType, Target] = {}
    notes: list[str] = []
    names = set(taken)
    for preset_type in types:
        name = meant.name_of(preset_type)
        if name is None:
            notes.append(NO_NAME.format(type=preset_type))
            continue
        target, note = await _target(preset_type, name, meant, sources)
        if note:
            notes.append(note)
        names |= set(await sources.preset_names(preset_type))
        new = own_name(name, day, names)
        names.add(new)
        found[preset_type] = Target(new, target.inherits, name, target.base, target.version)
    return found, notes


async def _target(
    preset_type: PresetType, name: str, meant: Meant, sources: Sources
) -> tuple[Target, str]:
    try:
        preset = meant.preset if meant.preset and meant.preset.type == preset_type else None
        preset = preset or await sources.preset(preset_type, name)
    except NotFound:
        return _as_told(preset_type, name, meant)
    if preset.is_system:
        return Target("", preset.name, name, {}, preset.version), ""
    parent = preset.system_parent or preset.inherits
    base = preset.mine if parent else preset.settings  # without a parent it has to be whole
    return Target("", parent or "", name, base, preset.version), ""


def _as_told(preset_type: PresetType, name: str, meant: Meant) -> tuple[Target, str]:
    """Without the preset itself: as the file has it, which is all that there is."""
    facts = meant.facts
    parent = _parent_in(facts, preset_type, meant.filament) if facts else None
    if facts is None or parent is None:
        return Target("", name, name), NOT_SEEN.format(name=plain(name))
    if parent in {"", name}:
        return Target("", name, name), ""
    base = {
        key: value
        for key in facts.changed.get(preset_type, ())
        if key in KEYS and (value := _as_stored(facts, key, preset_type, meant.filament))
    }
    return Target("", parent, name, base), ""


def _parent_in(facts: Facts, preset_type: PresetType, filament: int) -> str | None:
    """The system preset that the file names as the parent, empty where it is one itself; None
    where it says nothing. The process comes first, the machine last."""
    group = split("inherits_group", facts.settings.get("inherits_group", ""))
    filaments = len(split(ID_KEYS["filament"], facts.settings.get(ID_KEYS["filament"], "")))
    if len(group) != filaments + 2:
        return None
    place = {"process": 0, "filament": 1 + filament, "machine": len(group) - 1}[preset_type]
    return group[place]


def _as_stored(facts: Facts, key: str, preset_type: PresetType, filament: int) -> Value | None:
    text = facts.settings.get(key)
    if text is None:
        return None
    if not KEYS[key].is_list:
        return text
    parts = split(key, text)
    return parts[filament : filament + 1] if preset_type == "filament" else parts


def kept(target: Target) -> Mapping[str, object]:
    """A target as it is stored."""
    base = {key: list(v) if isinstance(v, tuple) else v for key, v in target.base.items()}
    return {
        "name": target.name,
        "inherits": target.inherits,
        "made_from": target.made_from,
        "base": base,
        "version": target.version,
    }


def read_back(stored: Mapping[str, object]) -> Target:
    """A target from `kept`."""
    base = stored["base"]
    values: dict[str, Value] = {}
    for key, value in base.items() if isinstance(base, dict) else ():
        values[key] = tuple(map(str, value)) if isinstance(value, list) else str(value)
    version = stored["version"]
    return Target(
        str(stored["name"]),
        str(stored["inherits"]),
        str(stored["made_from"]),
        values,
        str(version) if version else None,
    )
