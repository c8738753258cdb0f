"""All presets of a data folder, and what becomes of each with all that it inherits."""

from collections.abc import Iterable, Mapping

from agent.slicer.presets.rules import LIBRARY, NOTHING, Preset, Problem, Stored, Value
from agent.slicer.rules import PresetType

MOST_PARENTS = 64
FROM_USER = "It inherits a preset of the user's, which OrcaSlicer may not load."

Parents = tuple[Stored, ...]
Line = tuple[Parents, Problem | None]
NO_LINE: Line = ((), None)
LOST: Line = ((), Problem.NO_PARENT)
ROUND: Line = ((), Problem.CYCLE)


class Catalogue:
    """Finds presets by type and name, and lays them over their parents.

    Of two with the same name the first one given counts, as with the slicer."""

    def __init__(self, stored: Iterable[Stored], *, folder: str = "") -> None:
        self.folder = folder
        self._scoped: dict[tuple[str, PresetType, str], Stored] = {}
        self._system: dict[tuple[PresetType, str], Stored] = {}
        self._former: dict[tuple[PresetType, str], Stored] = {}
        self._users: dict[tuple[PresetType, str], Stored] = {}
        # By the identity of a preset that others inherit: this object keeps it alive.
        self._lines: dict[int, Line] = {}
        self._chains: dict[int, tuple[str, ...]] = {}
        self._merged: dict[int, Mapping[str, Value]] = {}
        for one in stored:
            if self._scoped.setdefault((one.scope, one.type, one.name), one) is not one:
                continue
            if one.is_system:
                self._add_system(one)
            else:
                self._users.setdefault((one.type, one.name), one)
        self.all = tuple(self._scoped.values())

    def find(self, preset_type: PresetType, name: str) -> Stored | None:
        """The one that the slicer takes by that name, which may be a former one."""
        key = preset_type, name
        return self._system.get(key) or self._users.get(key) or self._former.get(key)

    def problem_of(self, one: Stored) -> Problem | None:
        """Why the slicer leaves it out, if it does."""
        return one.problem or self._own_name(one) or self._line(one)[1]

    def resolve(self, one: Stored) -> Preset:
        """With everything that it inherits, as far as that is there."""
        line, problem = self._line(one)
        above = self._laid(line) if line else NOTHING
        base, mine, notes = above, one.settings, one.notes
        if not one.inherits:
            mine = NOTHING
        elif line and not one.is_system and not line[0].is_system:
            system = tuple(parent for parent in line if parent.is_system)
            base = self._laid(system) if system else NOTHING
            mine = _laid((one, *(parent for parent in line if not parent.is_system)))
            notes = (*notes, FROM_USER)
        return Preset(
            one.type,
            one.name,
            one.scope,
            one.is_system,
            one.inherits,
            self._names(line),
            {**above, **one.settings},
            base,
            mine,
            one.version,
            one.problem or self._own_name(one) or problem,
            notes,
            self.folder,
            None if one.is_system else next((up.name for up in line if up.is_system), None),
        )

    def _add_system(self, one: Stored) -> None:
        key = one.type, one.name
        known = self._system.get(key)
        # Vendors call their abstract presets alike; what a user inherits is a real one.
        if known is None or (known.is_abstract and not one.is_abstract):
            self._system[key] = one
        for name in one.former_names:
            self._former.setdefault((one.type, name), one)

    def _own_name(self, one: Stored) -> Problem | None:
        is_taken = not one.is_system and (one.type, one.name) in self._system
        return Problem.SYSTEM_NAME if is_taken else None

    def _line(self, one: Stored) -> Line:
        """All parents, nearest first, and what is wrong with them. Those of a parent are kept:
        many share it."""
        if not one.inherits:
            return NO_LINE
        parent = self._parent(one)
        if parent is None:
            return LOST
        line = self._lines.get(id(parent))
        if line is None:
            line = self._lines[id(parent)] = self._above(parent)
        return ROUND if one in line[0] else line

    def _above(self, child: Stored) -> Line:
        """A preset and all its parents."""
        line = [child]
        while child.inherits:
            parent = self._parent(child)
            if parent is None:
                return tuple(line), Problem.NO_PARENT
            if parent in line or len(line) == MOST_PARENTS:
                return tuple(line), Problem.CYCLE
            line.append(parent)
            child = parent
        return tuple(line), None

    def _parent(self, child: Stored) -> Stored | None:
        name = child.inherits or ""
        if child.is_system:
            return self._scoped.get((child.scope, child.type, name)) or self._scoped.get(
                (LIBRARY, child.type, name)
            )
        key = child.type, name
        found = self._system.get(key) or self._former.get(key)
        return found or self._scoped.get((child.scope, child.type, name)) or self._users.get(key)

    def _names(self, line: Parents) -> tuple[str, ...]:
        if not line:
            return ()
        names = self._chains.get(id(line[0]))
        if names is None:
            names = self._chains[id(line[0])] = tuple([parent.name for parent in line])
        return names

    def _laid(self, line: Parents) -> Mapping[str, Value]:
        """What a preset and its parents say together; all who inherit it share this."""
        merged = self._merged.get(id(line[0]))
        if merged is None:
            merged = self._merged[id(line[0])] = _laid(line)
        return merged


def _laid(line: Parents) -> dict[str, Value]:
    """The nearest has the last word."""
    merged: dict[str, Value] = {}
    for each in reversed(line):
        merged.update(each.settings)
    return merged
