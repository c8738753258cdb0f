"""The presets that OrcaSlicer has on this computer: listed, resolved, compared. Read only."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.shared.errors import Invalid, NotFound
from agent.slicer.presets.catalogue import Catalogue
from agent.slicer.presets.comparing import Named, compare, compare_settings, named_by
from agent.slicer.presets.places import data_folders
from agent.slicer.presets.rules import SAID, Difference, Preset, Problem, Stored
from agent.slicer.presets.tree import Tree
from agent.slicer.rules import Facts, PresetType

NO_FOLDER = (
    "No data folder of OrcaSlicer was found. Start OrcaSlicer once, or name its folder in the "
    "setting slicer_data_dirs."
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A preset in a list. `problem` is why the slicer would not load it."""

    type: PresetType
    name: str
    scope: str
    is_system: bool
    inherits: str | None
    folder: str
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder of the slicer's, and how much is in it."""

    path: str
    system: int
    user: int
    scopes: tuple[str, ...]
    notes: tuple[str, ...]


class Presets:
    """Reads what changed and nothing else. Never writes, and never opens the app's own settings."""

    def __init__(
        self,
        wanted: Sequence[Path],
        environment: Mapping[str, str],
        programs: Callable[[], Sequence[Path]] = tuple,
    ) -> None:
        self._wanted, self._environment, self._programs = tuple(wanted), environment, programs
        self._trees: dict[Path, Tree] = {}
        self._reading = asyncio.Lock()

    async def folders(self) -> list[Folder]:
        """Every data folder that was found."""
        return [_folder(tree) for tree in await self._refreshed()]

    async def listed(
        self,
        preset_type: PresetType | None = None,
        q: str = "",
        *,
        is_system: bool | None = None,
    ) -> list[Listed]:
        """The user's first, then by name; abstract ones are left out."""
        words = q.casefold().split()
        found = [
            _listed(one, catalogue)
            for catalogue in await self._catalogues()
            for one in catalogue.all
            if not one.is_abstract
            and preset_type in (None, one.type)
            and is_system in (None, one.is_system)
            and all(word in one.name.casefold() for word in words)
        ]
        found.sort(key=lambda one: (one.is_system, one.name.casefold(), one.type, one.folder))
        return found

    async def get(self, preset_type: PresetType, name: str) -> Preset:
        """With all that it inherits. Raises NotFound, or Invalid for a file that is no preset."""
        return await self._get(preset_type, name, await self._catalogues())

    async def names(self, preset_type: PresetType) -> frozenset[str]:
        """Every name that is taken."""
        return frozenset(
            one.name
            for catalogue in await self._catalogues()
            for one in catalogue.all
            if one.type == preset_type
        )

    async def compare(
        self, preset_type: PresetType, old: str, new: str
    ) -> tuple[Preset, Preset, tuple[Difference, ...]]:
        """Two presets of one type, and what they have differently."""
        catalogues = await self._catalogues()
        ours = await self._get(preset_type, old, catalogues)
        theirs = await self._get(preset_type, new, catalogues)
        return ours, theirs, compare(ours, theirs)

    async def of_file(
        self, facts: Facts
    ) -> list[tuple[Named, Preset | None, tuple[Difference, ...]]]:
        """Each preset that a file names, and where the file was sliced with something else."""
        catalogues = await self._catalogues()
        found: list[tuple[Named, Preset | None, tuple[Difference, ...]]] = []
        for named in named_by(facts):
            try:
                preset = await self._get(named.type, named.name, catalogues)
            except (NotFound, Invalid):
                found.append((named, None, ()))
                continue
            found.append((named, preset, compare_settings(facts, preset, index=named.index)))
        return found

    async def _get(
        self, preset_type: PresetType, name: str, catalogues: Sequence[Catalogue]
    ) -> Preset:
        for catalogue in catalogues:
            one = catalogue.find(preset_type, name)
            if one is None:
                continue
            if one.problem is Problem.UNREADABLE:
                raise Invalid("preset-unreadable", f"{one.file}: {SAID[one.problem]}")
            return catalogue.resolve(one)
        detail = f"There is no {preset_type} preset {name[:200]!r} here."
        raise NotFound("no-such-preset", detail if catalogues else f"{detail} {NO_FOLDER}")

    async def _catalogues(self) -> list[Catalogue]:
        return [tree.catalogue for tree in await self._refreshed()]

    async def _refreshed(self) -> list[Tree]:
        async with self._reading:
            return await asyncio.to_thread(self._refresh)

    def _refresh(self) -> list[Tree]:
        folders = data_folders(self._wanted, self._environment, self._programs())
        trees = {folder: self._trees.get(folder) or Tree(folder) for folder in folders}
        for tree in trees.values():
            tree.refresh()
        self._trees = trees
        return list(trees.values())


def _listed(one: Stored, catalogue: Catalogue) -> Listed:
    return Listed(
        type=one.type,
        name=one.name,
        scope=one.scope,
        is_system=one.is_system,
        inherits=one.inherits,
        folder=catalogue.folder,
        problem=catalogue.problem_of(one),
    )


def _folder(tree: Tree) -> Folder:
    stored = tree.catalogue.all
    system = sum(one.is_system for one in stored)
    return Folder(
        path=str(tree.folder),
        system=system,
        user=len(stored) - system,
        scopes=tuple(dict.fromkeys(one.scope for one in stored)),
        notes=tree.notes,
    )
