"""Other slicers' settings under OrcaSlicer's names."""

from collections.abc import Mapping

from agent.slicer.rules import Slicer


def translated(settings: Mapping[str, str], slicer: Slicer) -> dict[str, str]:
    del slicer
    return dict(settings)
