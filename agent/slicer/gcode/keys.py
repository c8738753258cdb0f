"""Other slicers' settings under OrcaSlicer's names, where both mean the same thing."""

from collections.abc import Mapping

from agent.slicer.gcode import cura_keys, prusa_keys
from agent.slicer.rules import Slicer


def translated(settings: Mapping[str, str], slicer: Slicer) -> dict[str, str]:
    """What has no counterpart is left out: it stays in the settings as they were written."""
    if slicer is Slicer.PRUSA:
        return prusa_keys.translated(settings)
    if slicer is Slicer.CURA:
        return cura_keys.translated(settings)
    return dict(settings)
