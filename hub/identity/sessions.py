"""Sessions of browsers: kept on the hub, found by a secret that only the cookie holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, NewSecret, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound, Unauthenticated
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.principals import principal, principal_of
from hub.identity.revocations import Revocations, hashed
from hub.identity.store import Row, Sessions

__all__ = ["From", "Opened", "SessionService", "principal_of"]
SEEN_EVERY = timedelta(minutes=1)  # a session that is used is not written each time
ENDED = "The session has ended. Sign in again."


@dataclass(frozen=True, slots=True)
class From:
    """Where a request came from: the address, what the program calls itself, and whom a browser
    says that it knows."""

    address: str
    program: str
    known: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun; the secret is said once."""

    id: str
    secret: str
    ends_in_s: int
    account_id: str = ""


class SessionService:
    """Begins, finds and ends them. A session ends unused, at its last day, or by a click."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
        revocations: Revocations,
        *,
        unused: timedelta,
        at_all: timedelta,
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._new_id, self._new_secret = new_id, new_secret
        self._unused, self._at_all = unused, at_all
        self._revocations, self._known = revocations, revocations.cache()
        revocations.at_end(self._end_all)

    def opened(self, account_id: str, method: str, whence: From) -> tuple[Row, Opened]:
        """A row to add in the transaction that lets somebody in, and what to tell the browser."""
        now = self._clock()
        secret = self._new_secret()
        row = {
            "id": self._new_id(),
            "secret_hash": hashed(secret),
            "account_id": account_id,
            "method": method,
            "created_at": rfc3339(now),
            "seen_at": rfc3339(now),
            "ends_at": rfc3339(now + self._at_all),
            "proved_at": rfc3339(now),
            "address": whence.address[:64],
            "program": whence.program[:300],
            "iss": None,
            "sid": None,
            "sealed": None,
        }
        opened = Opened(row["id"] or "", secret, int(self._at_all.total_seconds()), account_id)
        return row, opened

    async def who(self, secret: str) -> Principal:
        """Raises Unauthenticated."""
        return await self._known.find(secret, lambda: self._look(secret))

    async def _look(self, secret: str) -> tuple[Principal, datetime]:
        async with self._database.reading() as connection:
            row = await Sessions(connection).by_secret(hashed(secret))
            who = row and await principal(connection, row["account_id"], "session", row["id"])
        now = self._clock()
        if not row or not who:
            raise Unauthenticated("session-ended", ENDED)
        seen_at = from_rfc3339(row["seen_at"])
        ends_at = min(from_rfc3339(row["ends_at"]), seen_at + self._unused)
        if now >= ends_at:
            raise Unauthenticated("session-ended", ENDED)
        if now - seen_at >= SEEN_EVERY:
            async with self._database.writing() as connection:
                await Sessions(connection).seen(row["id"], rfc3339(now))
        return who, ends_at

    async def rotated(self, connection: AsyncConnection, session_id: str) -> Opened | None:
        """The session goes on under another secret, from when this is committed; None if it has
        ended meanwhile. Call `revocations.tell` then."""
        secret = self._new_secret()
        ends_at = await Sessions(connection).rotate(session_id, hashed(secret))
        if ends_at is None:
            return None
        left = from_rfc3339(ends_at) - self._clock()
        return Opened(session_id, secret, max(0, int(left.total_seconds())))

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
            await self._audit.note(connection, "session.end", session_id)
        await self._revocations.tell(account_id)

    async def end_others(self, account_id: str, session_id: str, *, name: str = "") -> int:
        """All but this one; says how many. `name`: of whom, where that is not the caller."""
        async with self._database.writing() as connection:
            gone = await Sessions(connection).end(account_id, but=session_id)
            await self._audit.note(connection, "session.end", name, number=gone)
        await self._revocations.tell(account_id)
        return gone

    async def _end_all(self, connection: AsyncConnection, account_id: str) -> None:
        await Sessions(connection).end(account_id)

    async def forget_old(self) -> int:
        """Those that have ended by themselves."""
        now = self._clock()
        async with self._database.writing() as connection:
            return await Sessions(connection).forget(rfc3339(now), rfc3339(now - self._unused))
