"""Background work."""

from dataclasses import dataclass

from hub.core import Area, Core


@dataclass(frozen=True, slots=True)
class JobParts:
    area: Area


async def open_jobs(core: Core) -> JobParts:
    """Nothing yet."""
    return JobParts(Area())
