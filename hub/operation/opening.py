"""What whoever operates the hub looks at."""

from dataclasses import dataclass

from hub.ai.opening import Ai
from hub.core import Area, Core
from hub.jobs.opening import JobParts


@dataclass(frozen=True, slots=True)
class Operation:
    area: Area


async def open_operation(core: Core, jobs: JobParts, ai: Ai) -> Operation:
    """Nothing yet."""
    return Operation(Area())
