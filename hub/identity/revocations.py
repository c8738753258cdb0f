"""Who was let in, for two seconds, and how that ends before."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock
from hub.access import Principal
from hub.channels import Channel
from hub.redis import SharedRedis

HOLDS = timedelta(seconds=2)
MOST = 20_000
CHANNEL = "revoked"
EVERYBODY = "*"

End = Callable[[AsyncConnection, str], Awaitable[None]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    who: Principal
    at: datetime
    ends_at: datetime | None


class Known:
    """Whom secrets belong to, so that the database is not asked at each request. Found by the
    digest of the whole secret, held for two seconds at most, and forgotten as soon as it is
    revoked here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._looking: dict[str, asyncio.Event] = {}  # of many that come at once one looks
        self._forgotten = 0  # so that what was read before a revocation is not kept after it

    async def find(
        self, secret: str, look: Callable[[], Awaitable[tuple[Principal, datetime | None]]]
    ) -> Principal:
        """`look` says who it is and until when at most, or raises Unauthenticated."""
        digest = hashed(secret)
        if (seen := self._still(digest)) is not None:
            return seen
        if (other := self._looking.get(digest)) is not None:
            await other.wait()
            if (seen := self._still(digest)) is not None:
                return seen
        done = self._looking[digest] = asyncio.Event()
        try:
            return await self._look(digest, look)
        finally:
            done.set()
            if self._looking.get(digest) is done:
                del self._looking[digest]

    def _still(self, digest: str) -> Principal | None:
        seen = self._seen.get(digest)
        if seen is None:
            return None
        now = self._clock()
        is_held = timedelta(0) <= now - seen.at < HOLDS and not _is_over(seen.ends_at, now)
        return seen.who if is_held else None

    async def _look(
        self, digest: str, look: Callable[[], Awaitable[tuple[Principal, datetime | None]]]
    ) -> Principal:
        now, before = self._clock(), self._forgotten
        who, ends_at = await look()
        if before == self._forgotten:
            self._seen[digest] = _Seen(who, now, ends_at)
            self._seen.move_to_end(digest)
            while len(self._seen) > MOST:
                self._seen.popitem(last=False)
        return who

    def forget(self, account_id: str) -> None:
        """Everything of one account, or of EVERYBODY."""
        self._forgotten += 1
        gone = [
            digest
            for digest, seen in self._seen.items()
            if account_id in (EVERYBODY, seen.who.account_id)
        ]
        for digest in gone:
            del self._seen[digest]


class Revocations:
    """Ends every way in of an account. In the transaction that takes the right away:
    `await revocations.end_all(connection, account_id)`. After it: `await revocations.tell(id)`,
    which holds at once on this replica, and on the others as soon as Redis says so, within two
    seconds without it."""

    def __init__(self, clock: Clock, redis: SharedRedis | None) -> None:
        self._clock, self._is_shared = clock, redis is not None
        self._channel = Channel(redis, CHANNEL)
        self._caches: list[Known] = []
        self._ends: list[End] = []
        self._waiting: list[End] = []

    def cache(self) -> Known:
        """Another one, which is told of everything."""
        made = Known(self._clock)
        self._caches.append(made)
        return made

    def at_end(self, end: End) -> None:
        """What else an account can come in with: `end` takes it away, in a transaction."""
        self._ends.append(end)

    def at_end_of_waiting(self, end: End) -> None:
        """What has been allowed and not been fetched yet."""
        self._waiting.append(end)

    async def end_waiting(self, connection: AsyncConnection, account_id: str) -> None:
        """What was allowed and is not fetched yet is not to be had any more."""
        for end in self._waiting:
            await end(connection, account_id)

    async def end_all(self, connection: AsyncConnection, account_id: str) -> None:
        """Sessions, tokens, keys: all that is there. First what is only allowed, so that nothing
        comes of it after the rest has ended."""
        await self.end_waiting(connection, account_id)
        for end in self._ends:
            await end(connection, account_id)

    async def tell(self, *account_ids: str) -> None:
        """Once it is committed. Never raises: without Redis the others see it a little later."""
        for one in account_ids:
            self._forget(one)
        if self._is_shared and not await self._channel.say(*account_ids):
            log.warning("Redis is away: the other replicas see a revocation in two seconds")

    async def listen(self) -> None:
        """Until it is cancelled: what other replicas revoke."""
        await self._channel.listen(self._forget, lambda: self._forget(EVERYBODY))

    def _forget(self, account_id: str) -> None:
        for cache in self._caches:
            cache.forget(account_id)


def hashed(secret: str) -> str:
    """As secrets are kept and found: SHA-256 of the whole, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_over(ends_at: datetime | None, now: datetime) -> bool:
    return ends_at is not None and now >= ends_at
