"""What the checks would say of a file with changed settings: two settings that are fine each can
be too much together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agent.slicer.checks.checking import check
from agent.slicer.presets.keys import KEYS
from agent.slicer.presets.values import joined, split
from agent.slicer.rules import Change, Facts, Finding


@dataclass(frozen=True, slots=True)
class Effects:
    """Findings that go, and those that come or become worse."""

    solved: tuple[Finding, ...] = ()
    raised: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As clients see it."""
        return {"solved": _told(self.solved), "raised": _told(self.raised)}


def effects_of(facts: Facts, changes: Sequence[Change], filament: int) -> Effects:
    """By the file's settings alone: how it then moves, only slicing it again can tell."""
    if not changes:
        return Effects()
    before = _worst(check(facts))
    after = _worst(check(with_changes(facts, changes, filament)))
    raised = [
        one
        for name, one in after.items()
        if name not in before or one.severity.rank > before[name].severity.rank
    ]
    solved = [one for name, one in before.items() if name not in after]
    return Effects(tuple(solved), tuple(raised))


def with_changes(facts: Facts, changes: Sequence[Change], filament: int) -> Facts:
    """The file as it would be sliced with them; of several filaments, `filament` is changed."""
    settings = dict(facts.settings)
    for change in changes:
        value = change.new
        there = split(change.key, settings.get(change.key, ""))
        if change.preset_type == "filament" and KEYS[change.key].is_list and len(there) > 1:
            at = min(filament, len(there) - 1)
            value = (*there[:at], change.new[0], *there[at + 1 :])
        settings[change.key] = joined(change.key, value)
    return replace(facts, settings=settings)


def _worst(findings: Iterable[Finding]) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for one in findings:
        if one.id not in found or one.severity.rank > found[one.id].severity.rank:
            found[one.id] = one
    return found


def _told(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [{"id": one.id, "severity": one.severity.value, "title": one.title} for one in findings]
