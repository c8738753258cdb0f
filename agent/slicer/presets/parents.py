"""What a new preset is made from: a preset of the user's, or of the system's."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.slicer.presets.service import Presets
from agent.slicer.presets.writing import Value
from agent.slicer.rules import PresetType


@dataclass(frozen=True, slots=True)
class Parent:
    """A system preset, what a user's preset adds to it, and the version that it is for."""

    inherits: str
    base: Mapping[str, Value]
    version: str | None = None


class PresetParents:
    """Looks up in the slicer's folders what a new preset is made from."""

    def __init__(self, presets: Presets) -> None:
        self._presets = presets

    async def parent(self, preset_type: PresetType, name: str) -> Parent:
        """A system preset is inherited; of a user's what it changes goes along.

        A name that is not found is taken to be a system preset's. Raises Invalid."""
        names = await self._presets.names(preset_type)
        if name not in names:
            return Parent(name, {})
        preset = await self._presets.get(preset_type, name)
        if preset.is_system:
            return Parent(preset.name, {}, preset.version)
        if preset.inherits:
            return Parent(preset.system_parent or preset.inherits, preset.mine, preset.version)
        return Parent("", preset.settings, preset.version)

    async def names(self, preset_type: PresetType) -> frozenset[str]:
        return await self._presets.names(preset_type)
