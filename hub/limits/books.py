"""How much of each quota is taken: checked and changed in one step, exact for all replicas."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from sqlalchemy import delete, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.databases import Databases
from hub.limits.rules import Amounts, Counter, Quota, Reservation, exceeds
from hub.limits.store import COUNTED, QUOTA_USE, RESERVATION, Rulings

AT_ONCE = 500
ADD_TO_COUNTER = text(
    "INSERT INTO quota_use (quota_id, starts_at, who, requests, tokens, cost_micros) "
    "VALUES (:quota_id, :starts_at, :who, :requests, :tokens, :cost_micros) "
    "ON CONFLICT (quota_id, starts_at, who) DO UPDATE SET "
    "requests = quota_use.requests + excluded.requests, "
    "tokens = quota_use.tokens + excluded.tokens, "
    "cost_micros = quota_use.cost_micros + excluded.cost_micros"
)
ADD_TO_USAGE = text(
    "INSERT INTO usage (day, account_id, model, provider, requests, failed, prompt_tokens, "
    "answer_tokens, cost_micros, milliseconds) VALUES (:day, :account_id, :model, :provider, "
    ":requests, :failed, :prompt_tokens, :answer_tokens, :cost_micros, :milliseconds) "
    "ON CONFLICT (day, account_id, model, provider) DO UPDATE SET "
    "requests = usage.requests + excluded.requests, failed = usage.failed + excluded.failed, "
    "prompt_tokens = usage.prompt_tokens + excluded.prompt_tokens, "
    "answer_tokens = usage.answer_tokens + excluded.answer_tokens, "
    "cost_micros = usage.cost_micros + excluded.cost_micros, "
    "milliseconds = usage.milliseconds + excluded.milliseconds"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """A counter, and what it may come to."""

    counter: Counter
    quota: Quota


@dataclass(frozen=True, slots=True)
class Full:
    """Nothing was taken: `what` of this limit does not let it."""

    limit: Limit
    used: Amounts
    what: str


@dataclass(frozen=True, slots=True)
class Use:
    """What is added to a row of the usage."""

    day: str
    account_id: str
    model: str
    provider: str
    requests: int
    failed: int
    prompt_tokens: int
    answer_tokens: int
    cost_micros: int
    milliseconds: int


class Books(Protocol):
    """A file's and a server's, which differ in their statements alone. Counters are handed in
    sorted, and locked in that order: two requests never wait for each other."""

    async def take(
        self, reservation: Reservation, limits: Sequence[Limit], expires_at: str
    ) -> Full | None:
        """All of it or nothing."""

    async def settle(self, reservation: Reservation, spent: Amounts, use: Use | None) -> None:
        """`spent` stands where the reservation stood, also if that has ended meanwhile."""

    async def end(self, reservation: Reservation) -> None:
        """If it is still there, nothing stands in its place."""

    async def extend(self, ids: Sequence[str], expires_at: str) -> None:
        """Of requests that go on."""


class FileBooks:
    """In SQLite, where one writes at a time."""

    def __init__(self, database: Databases) -> None:
        self._database = database

    async def take(
        self, reservation: Reservation, limits: Sequence[Limit], expires_at: str
    ) -> Full | None:
        async with self._database.writing() as connection:
            used = await Rulings(connection).used([one.counter for one in limits])
            for one in limits:
                so_far = used.get(one.counter, Amounts())
                if what := exceeds(one.quota, so_far, reservation.amounts):
                    return Full(one, so_far, what)
            for one in limits:
                more = asdict(one.counter) | asdict(reservation.amounts)
                await connection.execute(ADD_TO_COUNTER, more)
            await connection.execute(insert(RESERVATION), [kept(reservation, expires_at)])
        return None

    async def settle(self, reservation: Reservation, spent: Amounts, use: Use | None) -> None:
        async with self._database.writing() as connection:
            if reservation.counters:
                is_there = await _gone(connection, reservation)
                before = reservation.amounts if is_there else Amounts()
                await _change(connection, reservation, minus(spent, before))
            if use is not None and (reservation.counters or await _is_new(connection, reservation)):
                await connection.execute(ADD_TO_USAGE, asdict(use))

    async def end(self, reservation: Reservation) -> None:
        async with self._database.writing() as connection:
            if await _gone(connection, reservation):
                await _change(connection, reservation, minus(Amounts(), reservation.amounts))

    async def extend(self, ids: Sequence[str], expires_at: str) -> None:
        async with self._database.writing() as connection:
            changed = update(RESERVATION).where(RESERVATION.c.id.in_(ids))
            await connection.execute(changed.values(expires_at=expires_at))


async def settle_again(
    database: Databases, reservation: Reservation, spent: Amounts, use: Use
) -> None:
    """After an attempt whose outcome nobody knows: counts nothing if that one, or the end of the
    reservation, came through. In any database."""
    has_counters = bool(reservation.counters)
    async with database.writing() as connection:
        is_first = _gone if has_counters else _is_new
        if not await is_first(connection, reservation):
            return
        if has_counters:
            await _change(connection, reservation, minus(spent, reservation.amounts))
        await connection.execute(ADD_TO_USAGE, asdict(use))


async def _is_new(connection: AsyncConnection, reservation: Reservation) -> bool:
    """Whether it was not counted before: without a quota there is no row that would be gone."""
    words = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"id": reservation.key, "day": reservation.day}
    query = words.insert(COUNTED).values(row).on_conflict_do_nothing(index_elements=["id"])
    return (await connection.execute(query.returning(COUNTED.c.id))).first() is not None


async def _gone(connection: AsyncConnection, reservation: Reservation) -> bool:
    gone = delete(RESERVATION).where(RESERVATION.c.id == reservation.id)
    return (await connection.execute(gone.returning(RESERVATION.c.id))).first() is not None


async def _change(connection: AsyncConnection, reservation: Reservation, by: Amounts) -> None:
    for counter in reservation.counters:
        changed = (
            update(QUOTA_USE)
            .where(*(QUOTA_USE.c[name] == value for name, value in asdict(counter).items()))
            .values({name: QUOTA_USE.c[name] + more for name, more in asdict(by).items()})
        )
        await connection.execute(changed)


async def expired(database: Databases, now: str) -> list[Reservation]:
    """Those of replicas that have died, a page of them."""
    query = select(RESERVATION).where(RESERVATION.c.expires_at < now).limit(AT_ONCE)
    async with database.reading() as connection:
        return [_reservation(row) for row in (await connection.execute(query)).mappings()]


async def left_behind(database: Databases, key: str) -> Reservation | None:
    """What is still set aside under a key."""
    query = select(RESERVATION).where(
        or_(RESERVATION.c.id == key, RESERVATION.c.id.startswith(f"{key}~", autoescape=True))
    )
    async with database.reading() as connection:
        row = (await connection.execute(query)).mappings().first()
    return _reservation(row) if row else None


def kept(reservation: Reservation, expires_at: str) -> dict[str, Any]:  # Any: a row's values
    """As a row."""
    counters = [[one.quota_id, one.starts_at, one.who] for one in reservation.counters]
    return {
        "id": reservation.id,
        "account_id": reservation.account_id,
        "model": reservation.model,
        "day": reservation.day,
        "expires_at": expires_at,
        **asdict(reservation.amounts),
        "counters": counters,
    }


def minus(one: Amounts, other: Amounts) -> Amounts:
    return Amounts(
        one.requests - other.requests,
        one.tokens - other.tokens,
        one.cost_micros - other.cost_micros,
    )


def _reservation(row: Any) -> Reservation:  # Any: of SQLAlchemy
    return Reservation(
        row["id"],
        row["account_id"],
        row["model"],
        row["day"],
        Amounts(row["requests"], row["tokens"], row["cost_micros"]),
        tuple(Counter(*one) for one in row["counters"]),
    )
