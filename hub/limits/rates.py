"""How often people, keys and addresses may ask: counted here, or by Redis for all replicas."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from agent.shared.clock import Clock
from agent.shared.errors import Unavailable
from agent.shared.tasks import Tasks
from hub.limits.buckets import Bucket, Rate, Verdict, take, wait_for_one
from hub.redis import SharedRedis, key

MOST_SUBJECTS = 50_000
LENT_S = 1.0  # after which what a replica took ahead and did not use goes back
REDIS_S, AWAY_S = 2.0, 5.0  # patience with one answer; how long it is left alone after that
# The clock is that of Redis. `back` is what was taken ahead and not used.
TAKE = """
local amount, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, back = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'held', 'at')
local held, at = tonumber(kept[1]) or amount, tonumber(kept[2]) or now
held = math.min(amount, held + back + math.max(0, now - at) * amount / seconds)
local given = math.min(wanted, math.floor(held))
held = held - given
redis.call('HSET', KEYS[1], 'held', string.format('%.6f', held), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(seconds * 1000) + 1000)
return {given, string.format('%.6f', held)}
"""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Lent:
    """What this replica took ahead for one subject."""

    left: int = 0
    size: int = 1
    until: float = 0.0
    held: float = 0.0  # in the bucket after it was taken
    empty_until: float = 0.0  # until then nobody needs to ask
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Rates:
    """Never more than the rate, by all replicas together: each takes some ahead from the bucket in
    Redis, the more the faster they are used. While Redis is away each counts by itself."""

    def __init__(self, redis: SharedRedis | None, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._lent: OrderedDict[str, Lent] = OrderedDict()
        self._away_until, self._is_doubted, self._failures = 0.0, False, 0
        self._tasks = Tasks()
        self.fallbacks = 0
        self.refused = 0

    async def hit(self, kind: str, subject: str, rate: Rate) -> Verdict:
        """One request of a subject."""
        now, name = self._clock().timestamp(), f"{kind}:{subject}"
        if self._redis is not None and now >= self._away_until:
            if self._is_doubted:  # this one tries it, and nobody else waits for what comes of that
                self._away_until = now + REDIS_S
            try:
                verdict = await self._shared(self._redis, name, rate, now)
            except (Unavailable, TimeoutError):
                self._is_away()
                verdict = self._alone(name, rate, now)
        else:
            self.fallbacks += self._redis is not None
            verdict = self._alone(name, rate, now)
        self.refused += verdict.wait_s > 0
        return verdict

    async def check(self) -> None:
        """Raises Unavailable `limits-alone` while replicas count by themselves."""
        if self._clock().timestamp() < self._away_until:
            raise Unavailable(
                "limits-alone",
                "Redis does not answer, so that each replica counts requests by itself.",
            )

    async def close(self) -> None:
        await self._tasks.close()

    def _is_away(self) -> None:
        if not self._is_doubted:
            log.warning("Redis is away: each replica counts requests by itself")
        self._is_doubted, self._failures = True, self._failures + 1
        self._away_until = self._clock().timestamp() + AWAY_S  # one that hangs took its time
        self.fallbacks += 1

    def _alone(self, name: str, rate: Rate, now: float) -> Verdict:
        bucket, given = take(self._buckets.get(name), rate, now)
        self._buckets[name] = bucket
        self._buckets.move_to_end(name)
        if len(self._buckets) > MOST_SUBJECTS:
            self._buckets.popitem(last=False)
        wait_s = 0.0 if given else max(wait_for_one(bucket.held, rate), 1e-3)
        return Verdict(rate, int(bucket.held), wait_s)

    async def _shared(self, redis: SharedRedis, name: str, rate: Rate, now: float) -> Verdict:
        lent = self._lent.get(name)
        if lent is None:
            lent = self._lent[name] = Lent()
            if len(self._lent) > MOST_SUBJECTS:
                self._lent.popitem(last=False)
        if not _may(lent, now) and now >= lent.empty_until:
            failures = self._failures
            async with lent.lock:  # what one fetches the others use, too
                if self._failures != failures:
                    raise Unavailable("redis-away", "Redis did not answer a moment ago.")
                if not _may(lent, now) and now >= lent.empty_until:
                    await self._fetch(redis, name, rate, lent, now)
        if not _may(lent, now):
            return Verdict(rate, 0, max(lent.empty_until - now, 1e-3))
        lent.left -= 1
        return Verdict(rate, int(lent.held) + lent.left)

    async def _fetch(
        self, redis: SharedRedis, name: str, rate: Rate, lent: Lent, now: float
    ) -> None:
        was_used_up = lent.left == 0 and now < lent.until
        size = min(lent.size * 2, rate.most_lent) if was_used_up else 1
        back, lent.left = lent.left, 0
        values = (rate.amount, rate.seconds, size, back)
        async with asyncio.timeout(REDIS_S):  # it ends by itself: a connection is not torn off
            said = await self._tasks.to_the_end(_asked(redis, name, values), name="rate")
        if said is None:
            raise Unavailable("redis-away", "Redis does not answer.")
        self._is_doubted, self._away_until = False, 0.0
        given, held = said
        lent.left, lent.size, lent.until, lent.held = given, size, now + LENT_S, held
        lent.empty_until = 0.0 if lent.left else now + wait_for_one(lent.held, rate)


async def _asked(
    redis: SharedRedis, name: str, values: tuple[int, ...]
) -> tuple[int, float] | None:
    """What the bucket gave, and what is left in it; None without Redis."""
    try:
        with redis.asking() as client:
            given, held = await client.eval(TAKE, 1, key("rate", name), *values)
    except Unavailable:
        return None
    return int(given), float(held)


def _may(lent: Lent, now: float) -> bool:
    return lent.left > 0 and now < lent.until
