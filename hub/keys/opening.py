"""Keys of programs."""

from dataclasses import dataclass
from datetime import timedelta

from hub.core import Area, Core
from hub.identity.opening import People
from hub.jobs.running import Job, Result
from hub.keys import routes
from hub.keys.service import PREFIX, KeyService


@dataclass(frozen=True, slots=True)
class Keys:
    area: Area
    service: KeyService


async def open_keys(core: Core, people: People) -> Keys:
    """Sent as `Authorization: Bearer ohk_...`."""
    service = KeyService(
        core.database,
        core.audit,
        people.revocations,
        core.clock,
        core.new_id,
        core.new_secret,
        people.proving,
        people.lasting,
    )

    async def forget(_: Job) -> Result:
        return {"removed": await service.forget_old()}

    core.jobs.every("keys.forget", timedelta(days=1), forget)
    area = Area(blueprints=(routes.routes(service),), bearers={PREFIX: service.who})
    return Keys(area, service)
