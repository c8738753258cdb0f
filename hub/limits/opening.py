"""How much anybody may ask: rates, quotas, what it cost."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.identity.opening import People
from hub.limits.books import Books, FileBooks
from hub.limits.lanes import Lanes
from hub.limits.quotas import Quotas
from hub.limits.server_books import ServerBooks
from hub.postgres import PostgresDatabase


@dataclass(frozen=True, slots=True)
class Limits:
    area: Area
    quotas: Quotas


async def open_limits(core: Core, people: People) -> Limits:
    """Quotas are asked by whoever calls a model."""
    quotas = Quotas(core.database, _books(core), core.clock, core.new_id)
    return Limits(Area(loops={"quotas": quotas.run}), quotas)


def _books(core: Core) -> Books:
    if isinstance(core.database, PostgresDatabase):
        lanes = Lanes(core.database)
        core.stack.push_async_callback(lanes.close)
        return ServerBooks(lanes)
    return FileBooks(core.database)
