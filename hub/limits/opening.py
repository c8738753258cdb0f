"""How much anybody may ask: rates, quotas, what it cost."""

from collections.abc import Iterable
from dataclasses import dataclass

from quart import Blueprint

from hub.audit import upkeep as audit_upkeep
from hub.core import Area, Core, Reading
from hub.health import Part
from hub.identity.opening import People
from hub.limits import routes
from hub.limits.books import Books, FileBooks
from hub.limits.buckets import rate_of
from hub.limits.door import Allowed, RateDoor, telling
from hub.limits.quotas import Quotas
from hub.limits.rates import Rates
from hub.limits.server_books import ServerBooks
from hub.limits.service import LimitService
from hub.limits.upkeep import add_upkeep
from hub.postgres import PostgresDatabase


@dataclass(frozen=True, slots=True)
class Limits:
    area: Area
    quotas: Quotas
    service: LimitService


async def open_limits(core: Core, people: People) -> Limits:
    """Quotas are asked by whoever calls a model; rates stand in front of everything."""
    quotas = Quotas(core.database, books_of(core), core.clock, core.new_id)
    core.stack.push_async_callback(quotas.close)
    rates = Rates(core.redis, core.clock)
    core.stack.push_async_callback(rates.close)

    add_upkeep(core)
    audit_upkeep.add_upkeep(core)
    service = LimitService(core.database, quotas, core.audit, core.clock, core.new_id)

    async def readings() -> Iterable[Reading]:
        return [*_readings(rates), *quotas.tallies.readings()]

    area = Area(
        blueprints=(
            telling(Blueprint("rates", __name__)),
            routes.quota_routes(service),
            routes.cost_routes(service),
            routes.usage_routes(service),
        ),
        doors=(RateDoor(rates, _allowed(core), core.clock),),
        health=(Part("limits", rates.check, is_needed=False),) if core.redis else (),
        loops={"quotas": quotas.run},
        readings=(readings,),
    )
    return Limits(area, quotas, service)


def _allowed(core: Core) -> Allowed:
    settings = core.settings
    return Allowed(
        rate_of(settings.rate_per_user),
        rate_of(settings.rate_per_key),
        rate_of(settings.rate_per_address),
        rate_of(settings.rate_of_logins),
    )


def books_of(core: Core) -> Books:
    """Closed with the core."""
    if isinstance(core.database, PostgresDatabase):
        books = ServerBooks(core.database)
        core.stack.push_async_callback(books.close)
        return books
    return FileBooks(core.database)


def _readings(rates: Rates) -> list[Reading]:
    return [
        Reading(
            "limit_fallbacks",
            "Requests that were counted without Redis because it was away.",
            rates.fallbacks,
            is_counter=True,
        ),
        Reading(
            "limit_refusals",
            "Requests that were refused because there were too many.",
            rates.refused,
            is_counter=True,
        ),
    ]
