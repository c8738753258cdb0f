"""OrcaSlicer's settings: which presets hold them, what they are, and what is sane.

Key names and kinds are facts of the slicer's files; what a newer slicer adds is simply unknown
here, and is shown as it stands."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from agent.slicer.presets.filament_keys import FILAMENT_KEYS
from agent.slicer.presets.key_kinds import Key, Kind
from agent.slicer.presets.machine_keys import MACHINE_KEYS
from agent.slicer.presets.process_keys import PROCESS_KEYS
from agent.slicer.rules import PresetType

__all__ = ["KEYS", "METADATA", "Key", "Kind", "find_key", "label_of", "types_of"]

# What a preset file says of itself, as opposed to what it sets.
METADATA = frozenset(
    {
        "base_id",
        "bundle_id",
        "description",
        "filament_id",
        "filament_settings_id",
        "from",
        "inherits",
        "instantiation",
        "is_custom_defined",
        "name",
        "print_settings_id",
        "printer_settings_id",
        "renamed_from",
        "setting_id",
        "type",
        "updated_time",
        "user_id",
        "version",
    }
)


def _by_name(keys: Iterable[Key]) -> Mapping[str, Key]:
    found: dict[str, Key] = {}
    for key in keys:
        same = found.get(key.name)
        found[key.name] = replace(same, types=(*same.types, *key.types)) if same else key
    return MappingProxyType(found)


KEYS = _by_name((*PROCESS_KEYS, *FILAMENT_KEYS, *MACHINE_KEYS))


def find_key(name: str, preset_type: PresetType | None = None) -> Key | None:
    """The key of this name, where presets of this type hold it."""
    key = KEYS.get(name)
    if key is None or (preset_type is not None and preset_type not in key.types):
        return None
    return key


def types_of(name: str) -> tuple[PresetType, ...]:
    """The preset types that hold a key; none for one that is not known."""
    key = KEYS.get(name)
    return key.types if key else ()


def label_of(name: str) -> str:
    """What a person knows a setting by: its label, or the key itself."""
    key = KEYS.get(name)
    return key.label if key else name
