"""From what was measured to a value, and to a preset that holds it."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.shared.clock import Clock
from agent.shared.errors import Invalid, NotFound
from agent.slicer.calibrations import catalogue, rules
from agent.slicer.calibrations.bounding import computed
from agent.slicer.calibrations.rules import Calibration, Outcome, Raw
from agent.slicer.presets.parents import Parent, PresetParents
from agent.slicer.presets.writing import Preset, clean_name, own_name, preset_json
from agent.slicer.rules import Change

IMPORTING = (
    "Download the preset.",
    "In OrcaSlicer choose File → Import → Import Configs, and the file.",
    "Choose the new preset in its list, and slice again.",
)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a test came to. `preset` is there when a parent was named and a setting came out;
    `warning` is what could not be seen of that parent."""

    test: Calibration
    outcome: Outcome
    changes: tuple[Change, ...]
    preset: Preset | None
    next: Calibration | None
    warning: str | None = None


class CalibrationService:
    """Computes, and keeps nothing."""

    def __init__(self, clock: Clock, parents: PresetParents) -> None:
        self._clock, self._parents = clock, parents

    async def compute(
        self,
        test_id: str,
        values: Mapping[str, Raw],
        *,
        parent: str | None = None,
        name: str | None = None,
    ) -> Calibrated:
        """Raises NotFound for a test that there is not, Invalid for what cannot be measured."""
        test = catalogue.BY_ID.get(test_id)
        if test is None:
            raise NotFound("no-such-calibration", f"There is no calibration {test_id[:60]!r}.")
        try:
            outcome = computed(test, rules.measured(test, values))
        except rules.BadMeasurement as wrong:
            raise Invalid(
                "bad-measurement",
                wrong.detail,
                errors=[{"field": f"values.{wrong.field}", "detail": wrong.detail}],
            ) from None
        changes = tuple(
            Change(line.preset_type, line.key, line.old, line.value, f"{test.title}: measured")
            for line in outcome.lines
        )
        following = catalogue.after(test)
        if not (parent and changes):
            return Calibrated(test, outcome, changes, None, following)
        made_from = await self._parents.parent(changes[0].preset_type, parent)
        preset = await self._preset(changes, parent, made_from, name)
        return Calibrated(test, outcome, changes, preset, following, made_from.warning)

    async def preset(
        self, test_id: str, values: Mapping[str, Raw], *, parent: str, name: str | None = None
    ) -> Preset:
        """As `compute`, the preset alone. Raises Invalid if the test ends in the firmware."""
        found = await self.compute(test_id, values, parent=parent, name=name)
        if found.preset is None:
            raise Invalid(
                "no-preset",
                "What this test finds belongs into the printer's firmware, not a preset.",
            )
        return found.preset

    async def _preset(
        self, changes: tuple[Change, ...], parent: str, made_from: Parent, name: str | None
    ) -> Preset:
        preset_type = changes[0].preset_type
        if name is None:
            day = self._clock().date().isoformat()
            name = own_name(parent, day, await self._parents.names(preset_type))
        return preset_json(
            preset_type,
            clean_name(name),
            made_from.inherits,
            changes,
            base=made_from.base,
            version=made_from.version,
        )
