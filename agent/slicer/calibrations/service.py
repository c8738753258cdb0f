"""From what was measured to a value, and to a preset that holds it."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.shared.clock import Clock
from agent.shared.errors import Invalid, NotFound
from agent.slicer.calibrations import catalogue, rules
from agent.slicer.calibrations.rules import Calibration, Outcome, Raw
from agent.slicer.presets.parents import PresetParents
from agent.slicer.presets.writing import Preset, clean_name, own_name, preset_json
from agent.slicer.rules import Change

IMPORTING = (
    "Download the preset.",
    "In OrcaSlicer choose File → Import → Import Configs, and the file.",
    "Choose the new preset in its list, and slice again.",
)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a test came to. `preset` is there when a parent was named and a setting came out."""

    test: Calibration
    outcome: Outcome
    changes: tuple[Change, ...]
    preset: Preset | None
    next: Calibration | None


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
            outcome = test.compute(rules.measured(test, values))
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
        preset = await self._preset(changes, parent, name) if parent and changes else None
        return Calibrated(test, outcome, changes, preset, catalogue.after(test))

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

    async def _preset(self, changes: tuple[Change, ...], parent: str, name: str | None) -> Preset:
        preset_type = changes[0].preset_type
        made_from = await self._parents.parent(preset_type, parent)
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
