"""Sessions of browsers: kept on the hub, found by a secret that only the cookie holds."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from agent.shared.clock import Clock, NewId, NewSecret, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound, Unauthenticated
from hub.access import Principal
from hub.identity.store import Row, Sessions
from hub.users.store import Accounts

SEEN_EVERY = timedelta(minutes=1)  # a session that is used is not written each time
ENDED = "The session has ended. Sign in again."


@dataclass(frozen=True, slots=True)
class From:
    """Where a request came from: the address, and what the program calls itself."""

    address: str
    program: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun; the secret is said once."""

    id: str
    secret: str
    ends_in_s: int


class SessionService:
    """Begins, finds and ends them. A session ends unused, at its last day, or by a click."""

    def __init__(
        self,
        database: Databases,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
        *,
        unused: timedelta,
        at_all: timedelta,
    ) -> None:
        self._database, self._clock = database, clock
        self._new_id, self._new_secret = new_id, new_secret
        self._unused, self._at_all = unused, at_all

    def opened(self, account_id: str, method: str, whence: From) -> tuple[Row, Opened]:
        """A row to add in the transaction that lets somebody in, and what to tell the browser."""
        now = self._clock()
        secret = self._new_secret()
        row = {
            "id": self._new_id(),
            "secret_hash": _hash(secret),
            "account_id": account_id,
            "method": method,
            "created_at": rfc3339(now),
            "seen_at": rfc3339(now),
            "ends_at": rfc3339(now + self._at_all),
            "address": whence.address[:64],
            "program": whence.program[:300],
            "iss": None,
            "sid": None,
            "sealed": None,
        }
        return row, Opened(row["id"] or "", secret, int(self._at_all.total_seconds()))

    async def who(self, secret: str) -> Principal:
        """Raises Unauthenticated."""
        async with self._database.reading() as connection:
            row = await Sessions(connection).by_secret(_hash(secret))
            account = row and await Accounts(connection).find(row["account_id"])
        now = self._clock()
        if not row or not account or not account["is_active"]:
            raise Unauthenticated("session-ended", ENDED)
        seen_at = from_rfc3339(row["seen_at"])
        if rfc3339(now) >= row["ends_at"] or now - seen_at >= self._unused:
            raise Unauthenticated("session-ended", ENDED)
        if now - seen_at >= SEEN_EVERY:
            async with self._database.writing() as connection:
                await Sessions(connection).seen(row["id"], rfc3339(now))
        return principal_of(account, "session", row["id"])

    async def of(self, account_id: str) -> list[Row]:
        """A person's, the last used first."""
        async with self._database.reading() as connection:
            return await Sessions(connection).of(account_id)

    async def end(self, account_id: str, session_id: str) -> None:
        """Raises NotFound for one that is not this person's."""
        async with self._database.writing() as connection:
            gone = await Sessions(connection).end(account_id, session_id=session_id)
        if not gone:
            raise NotFound("no-such-session", "There is no session with this id.")

    async def end_others(self, account_id: str, session_id: str) -> int:
        """All but this one; says how many."""
        async with self._database.writing() as connection:
            return await Sessions(connection).end(account_id, but=session_id)

    async def forget_old(self) -> int:
        """Those that have ended by themselves."""
        now = self._clock()
        async with self._database.writing() as connection:
            return await Sessions(connection).forget(rfc3339(now), rfc3339(now - self._unused))


def principal_of(account: Row, means: str, means_id: str) -> Principal:
    return Principal(
        account_id=account["id"],
        name=account["name"],
        role=account["role"],
        means=means,  # type: ignore[arg-type] # written by us
        means_id=means_id,
        groups=tuple(account["groups"]),
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
