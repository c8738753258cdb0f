"""What whoever operates the hub looks at."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from quart import Quart

from hub.core import Area, Core
from hub.health import Part
from hub.jobs.opening import JobParts
from hub.operation import compressing, lending, metrics, routes
from hub.operation.concerns import AllConcerns, of_audit
from hub.operation.metering import RequestMeter
from hub.operation.tracing import Tracing, tracing_to


@dataclass(frozen=True, slots=True)
class Operation:
    area: Area
    meter: RequestMeter
    tracing: Tracing | None
    lent: frozenset[str]

    def before_guard(self, app: Quart) -> None:
        """What answers before it is known who asks."""
        lending.install(app, self.lent)

    def behind_guard(self, app: Quart) -> None:
        """What looks at answers, the last one first."""
        self.meter.install(app)
        if self.tracing is not None:
            self.tracing.install(app)
        compressing.install(app)


async def open_operation(
    core: Core, jobs: JobParts, areas: Sequence[Area], parts: Sequence[Part]
) -> Operation:
    """`parts` is what readiness looks at; the areas say what can be counted in them."""
    settings, meter = core.settings, RequestMeter()
    sources = [metrics.of_jobs(jobs.jobs), metrics.of_database(core.database)]
    if core.redis is not None:
        sources.append(metrics.of_redis(core.redis))
    sources += [metrics.of_parts(parts), *(one for area in areas for one in area.readings)]
    tracing = tracing_to(settings.otlp_endpoint)
    if tracing is not None:
        core.stack.push_async_callback(asyncio.to_thread, tracing.close)
    concerns = AllConcerns([of_audit(jobs.jobs), *(one for area in areas for one in area.concerns)])
    area = Area(blueprints=(routes.routes(metrics.Metrics(meter, sources), concerns),))
    return Operation(area, meter, tracing, frozenset(settings.lent_origins))
