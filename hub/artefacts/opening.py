"""Files that models made."""

from dataclasses import dataclass

from hub.ai.opening import Ai
from hub.core import Area, Core


@dataclass(frozen=True, slots=True)
class Artefacts:
    area: Area


async def open_artefacts(core: Core, ai: Ai) -> Artefacts:
    """Nothing yet."""
    return Artefacts(Area())
