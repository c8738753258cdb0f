"""What is set aside before a model is asked, and settled after it has answered."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, OrcaError, TooMany, Unavailable
from agent.shared.tasks import Tasks
from hub.access import Principal
from hub.limits.books import Books, Full, Limit, Use, expired, left_behind, settle_again
from hub.limits.rules import (
    MILLION,
    Amounts,
    Asked,
    Outcome,
    Price,
    Quota,
    Reservation,
    Used,
    cost,
    counter_of,
    dearest,
    holds,
    left,
    period_starts,
    price_of,
    resets_at,
    room,
)
from hub.limits.store import Rulings
from hub.limits.tallies import Tallies

HOLDS = timedelta(seconds=2)  # how long quotas and prices are known without a look
LIVES = timedelta(minutes=5)  # a reservation whose replica does not say that it goes on
BEAT_S, OWED_BEAT_S = 60.0, 5.0
WORDS = {"requests": "requests", "tokens": "tokens", "cost_micros": "money"}
LONGEST_NAME = 200
TRIES = 3  # to set aside what is left

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """As it was set a moment ago."""

    quotas: tuple[Quota, ...]
    prices: tuple[Price, ...]
    read_at: datetime


class Quotas:
    """`reserve` before the provider is called, then either `settle` or `release`, once.

    Without a quota for a request nothing is set aside, and the database is not asked."""

    def __init__(self, database: Databases, books: Books, clock: Clock, new_id: NewId) -> None:
        self._database, self._books = database, books
        self._clock, self._new_id = clock, new_id
        self._rulebook: Rulebook | None = None
        self._reading = asyncio.Lock()
        self._changes = 0  # so that what was read before a change is not kept after it
        self._live: dict[str, Reservation] = {}
        self._owed: dict[str, tuple[Reservation, Used]] = {}  # used, and not counted yet
        self._tasks = Tasks()
        self.tallies = Tallies()

    async def reserve(
        self,
        who: Principal,
        model: str,
        *,
        prompt_tokens: int,
        answer_tokens: int,
        least_tokens: int | None = None,
        key: str | None = None,
    ) -> Reservation:
        """`prompt_tokens` as estimated, `answer_tokens` as many as there may be. Where these do
        not fit, as many are set aside as do, if there are `least_tokens`. `key` becomes its id.

        Raises TooMany `quota-exceeded` with what is left and when it resets."""
        now, rulebook = self._clock(), await self.rulebook()
        asked = Asked(who.account_id, who.groups, model[:LONGEST_NAME])
        limits, prices = limits_of(rulebook, asked, now), rulebook.prices
        whole = Reservation(
            key or self._new_id(),
            asked.account_id,
            asked.model,
            period_starts("day", now),
            _amounts(prices, asked.model, prompt_tokens, answer_tokens),
            tuple(one.counter for one in limits),
            answer_tokens,
        )
        least = answer_tokens if least_tokens is None else min(least_tokens, answer_tokens)
        least_amounts = _amounts(prices, asked.model, prompt_tokens, least)
        one, tries = whole, len(limits) + TRIES  # others may take of what was left meanwhile
        while (full := await self._take(one, limits, now)) is not None:
            tries -= 1
            most = left(full.limit.quota, full.used)[full.what] or 0
            shorter = room(full.what, most, prices, asked.model, prompt_tokens, one.answer_tokens)
            if shorter < least or not tries:
                raise _exceeded(full, least_amounts, now)
            amounts = _amounts(prices, asked.model, prompt_tokens, shorter)
            one = replace(whole, amounts=amounts, answer_tokens=shorter)
        return one

    async def _take(
        self, reservation: Reservation, limits: Sequence[Limit], now: datetime
    ) -> Full | None:
        self._live[reservation.id] = reservation
        try:
            expires_at = rfc3339(now + LIVES)
            full = await self._books.take(reservation, limits, expires_at) if limits else None
        except BaseException:  # if it was taken nevertheless, it ends by itself
            del self._live[reservation.id]
            raise
        if full is not None:
            del self._live[reservation.id]
        return full

    async def settle(self, reservation: Reservation, used: Used) -> None:
        """Counts what it came to, in the quotas and in the usage. A second time does nothing.

        While the database is away it is kept here, and counted when that is back. It is counted
        also if nobody waits for that any more."""
        if self._live.pop(reservation.id, None) is not None:
            counting = self._settle(reservation, used)
            await self._tasks.to_the_end(counting, name=f"settle {reservation.id}")

    async def _settle(self, reservation: Reservation, used: Used) -> None:
        try:
            spent, use = await self._sums(reservation, used)
            await self._books.settle(reservation, spent, use)
        except (Unavailable, Conflict) as err:
            log.warning("what %s used is counted later: %s", reservation.model, err.detail)
            self._owed[reservation.id] = (reservation, used)
            return
        self.tallies.count(reservation.model, used, spent.cost_micros)

    async def _sums(self, reservation: Reservation, used: Used) -> tuple[Amounts, Use]:
        price = price_of(await self.prices(), reservation.model, used.provider)
        cost_micros = cost(price, used.prompt_tokens, used.answer_tokens)
        spent = Amounts(1, used.prompt_tokens + used.answer_tokens, cost_micros)
        return spent, _use(reservation, used, cost_micros)

    async def settle_lost(self, key: str, account_id: str, model: str, used: Used) -> None:
        """Of a request whose replica has died. What may have been counted is not counted again.
        Raises Unavailable."""
        found = await left_behind(self._database, key)
        if found is None:
            if (await self.rulebook()).quotas:
                return  # there was a reservation, which has been settled or has ended
            day = period_starts("day", self._clock())
            found = Reservation(key, account_id, model[:LONGEST_NAME], day, Amounts())
        spent, use = await self._sums(found, used)
        await settle_again(self._database, found, spent, use)

    async def release(self, reservation: Reservation) -> None:
        """Nothing was asked: as if it had not been reserved. A second time does nothing."""
        if self._live.pop(reservation.id, None) is not None and reservation.counters:
            ending = self._books.end(reservation)
            await self._tasks.to_the_end(ending, name=f"release {reservation.id}")

    async def close(self) -> None:
        """What is being counted is counted to its end."""
        await self._tasks.finish(grace_s=2)

    async def rulebook(self) -> Rulebook:
        """Two seconds old at most, and never older than the last change here."""
        known = self._known()
        if known is not None:
            return known
        async with self._reading:  # all who wait take what the first one reads
            if (known := self._known()) is not None:
                return known
            before, now = self._changes, self._clock()
            async with self._database.reading() as connection:
                rulings = Rulings(connection)
                read = Rulebook(tuple(await rulings.quotas()), tuple(await rulings.prices()), now)
            if before == self._changes:
                self._rulebook = read
            return read

    def _known(self) -> Rulebook | None:
        known = self._rulebook
        is_fresh = known and timedelta(0) <= self._clock() - known.read_at < HOLDS
        return known if is_fresh else None

    async def prices(self) -> tuple[Price, ...]:
        """As `rulebook` has them."""
        return (await self.rulebook()).prices

    def changed(self) -> None:
        """Somebody has set a quota or a price."""
        self._changes += 1
        self._rulebook = None

    # --- reservations of replicas that died -----------------------------------------------------

    async def run(self) -> None:
        """Until it is cancelled: what goes on here is kept, what others left behind is ended."""
        waited_s = 0.0
        while True:
            await asyncio.sleep(OWED_BEAT_S)
            waited_s += OWED_BEAT_S
            if waited_s < BEAT_S and not self._owed:
                continue
            waited_s = 0.0
            try:
                await self.beat()
            except OrcaError as err:
                log.warning("reservations were not looked after: %s", err.detail)

    async def beat(self) -> int:
        """One turn of `run`; says how many were left behind."""
        now = self._clock()
        await self._pay()
        if ids := [one.id for one in self._live.values() if one.counters]:
            await self._books.extend(ids, rfc3339(now + LIVES))
        gone = await expired(self._database, rfc3339(now))
        for one in gone:
            await self._books.end(one)
        return len(gone)

    async def _pay(self) -> None:
        for key, (reservation, used) in list(self._owed.items()):
            spent, use = await self._sums(reservation, used)
            await settle_again(self._database, reservation, spent, use)
            del self._owed[key]
            self.tallies.count(reservation.model, used, spent.cost_micros)


def limits_of(rulebook: Rulebook, asked: Asked, now: datetime) -> list[Limit]:
    """What holds for a request, in the order in which counters are locked."""
    found = [
        Limit(counter_of(one, asked.account_id, now), one)
        for one in rulebook.quotas
        if holds(one, asked)
    ]
    return sorted(found, key=lambda one: one.counter)


def _amounts(
    prices: Sequence[Price], model: str, prompt_tokens: int, answer_tokens: int
) -> Amounts:
    dear = dearest(prices, model, prompt_tokens, answer_tokens)
    return Amounts(1, prompt_tokens + answer_tokens, dear)


def _use(reservation: Reservation, used: Used, cost_micros: int) -> Use:
    failed: tuple[Outcome, ...] = ("failed",)
    return Use(
        reservation.day,
        reservation.account_id,
        reservation.model,
        used.provider[:LONGEST_NAME],
        1,
        int(used.outcome in failed),
        used.prompt_tokens,
        used.answer_tokens,
        cost_micros,
        round(used.seconds * 1000),
    )


def _exceeded(full: Full, wanted: Amounts, now: datetime) -> TooMany:
    quota = full.limit.quota
    resets = resets_at(quota.period, now)
    needed, there = getattr(wanted, full.what), left(quota, full.used)[full.what]
    return TooMany(
        "quota-exceeded",
        f"This does not fit into the quota of {WORDS[full.what]} for this {quota.period}: "
        f"{_said(full.what, needed)} needed, {_said(full.what, there or 0)} left. It "
        f"begins anew {_day(resets)}; an Administrator can raise it.",
        quota={"id": quota.id, "subject_kind": quota.subject_kind, "period": quota.period},
        exceeded=full.what,
        wanted=needed,
        left=left(quota, full.used),
        resets_at=rfc3339(resets),
        retry_after_s=max(1, round((resets - now).total_seconds())),
    )


def _said(what: str, amount: int) -> str:
    return (
        f"{amount / MILLION:,.6f}".rstrip("0").rstrip(".")
        if what == "cost_micros"
        else f"{amount:,}"
    )


def _day(resets: datetime) -> str:
    return f"on {resets:%B} {resets.day} at midnight (UTC)"
