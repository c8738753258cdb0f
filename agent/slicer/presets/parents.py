"""What a new preset is made from: a preset of the user's, or of the system's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from agent.shared.errors import Invalid
from agent.slicer.presets.rules import SAID
from agent.slicer.presets.service import Listed, Presets
from agent.slicer.presets.writing import Value
from agent.slicer.rules import PresetType

NEAR = 3
SHOWN_CHARACTERS = 80
UNSEEN = (
    "OrcaSlicer's presets were not found on this computer, so nobody has seen whether {name!r} is "
    "among them. OrcaSlicer leaves the file out without a word if that {type} preset is not "
    "installed."
)


@dataclass(frozen=True, slots=True)
class Parent:
    """A system preset, what a user's preset adds to it, and the version that it is for.

    `warning` says what could not be seen."""

    inherits: str
    base: Mapping[str, Value]
    version: str | None = None
    warning: str | None = None


class PresetParents:
    """Looks up in the slicer's folders what a new preset is made from."""

    def __init__(self, presets: Presets) -> None:
        self._presets = presets

    async def parent(self, preset_type: PresetType, name: str) -> Parent:
        """A system preset is inherited; of a user's what it changes goes along.

        Raises Invalid for a name that is not among the presets of this type here. Where the
        slicer's presets were not found, any name is taken, with a warning."""
        known = await self._presets.listed()
        if not known:
            shown = name[:SHOWN_CHARACTERS]
            return Parent(name, {}, warning=UNSEEN.format(name=shown, type=preset_type))
        _check(preset_type, name, known)
        preset = await self._presets.get(preset_type, name)
        if preset.is_system:
            return Parent(preset.name, {}, preset.version)
        if preset.inherits:
            return Parent(preset.system_parent or preset.inherits, preset.mine, preset.version)
        return Parent("", preset.settings, preset.version)

    async def names(self, preset_type: PresetType) -> frozenset[str]:
        return await self._presets.names(preset_type)


def _check(preset_type: PresetType, name: str, known: Sequence[Listed]) -> None:
    """Raises Invalid for a preset that OrcaSlicer would not find when it imports."""
    found = [one for one in known if one.name == name]
    fitting = [one for one in found if one.type == preset_type]
    shown = repr(name[:SHOWN_CHARACTERS])
    if fitting and not any(one.problem is None for one in fitting):
        problem = fitting[0].problem
        _refuse(f"OrcaSlicer does not load {shown}: {SAID[problem] if problem else ''}")
    if fitting:
        return
    if found:
        said = f"{shown} is a {found[0].type} preset, and this needs a {preset_type} preset."
    else:
        said = f"There is no {preset_type} preset {shown} on this computer."
    near = _near(name, [one.name for one in known if one.type == preset_type])
    _refuse(f"{said} Near it are {', '.join(near)}." if near else said)


def _near(name: str, names: Sequence[str]) -> list[str]:
    """Names that were perhaps meant, the nearest first."""
    by_folded = {one.casefold(): one for one in names}
    close = get_close_matches(name.casefold(), by_folded, n=NEAR, cutoff=0.5)
    words = set(name.casefold().split())
    alike = [folded for folded in by_folded if words & set(folded.split())]
    return [by_folded[one] for one in dict.fromkeys([*close, *alike])][:NEAR]


def _refuse(detail: str) -> NoReturn:
    raise Invalid("unusable-parent", detail, errors=[{"field": "parent", "detail": detail}])
