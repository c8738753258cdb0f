"""Tokens of people's programs and of machines: short ones to come in with, and long ones that are
changed for another each time they are used."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, NewSecret, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Unauthenticated
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.sessions import From, principal_of
from hub.machines.rules import REMEMBERED, Kind, Pair, hashed, spent
from hub.machines.token_store import Row, Tokens
from hub.sealing import Seal
from hub.users.store import Accounts

SEEN_EVERY = timedelta(minutes=1)  # a token that is used is not written each time
PREFIXES: dict[Kind, str] = {"person": "oht_", "machine": "ohm_"}
REFRESH = "ohr_"
PURPOSE = "successor"
NOWHERE = From("", "")

log = logging.getLogger(__name__)


class TokenService:
    """Issues, renews and ends them. Tokens that came of one sign-in are a family; when one of its
    refresh tokens is used a second time, all of it ends, since somebody has a copy."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        seal: Seal,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
        *,
        access: timedelta,
        unused: timedelta,
    ) -> None:
        self._database, self._audit, self._seal, self._clock = database, audit, seal, clock
        self._new_id, self._new_secret = new_id, new_secret
        self._access, self._unused = access, unused

    async def issue(
        self,
        account: Row,
        kind: Kind = "person",
        machine_id: str | None = None,
        *,
        whence: From = NOWHERE,
        connection: AsyncConnection | None = None,
    ) -> Pair:
        """The first of a new family, for somebody who has just proved who it is. With a
        `connection` it is part of that transaction."""
        now, pair = rfc3339(self._clock()), self._new_pair(kind)
        family = {
            "id": self._new_id(),
            "account_id": account["id"],
            "kind": kind,
            "machine_id": machine_id,
            "address": whence.address[:64],
            "program": whence.program[:300],
            "created_at": now,
            "seen_at": now,
        }
        async with self._writing(connection) as writing:
            tokens = Tokens(writing)
            await tokens.begin(family)
            await self._keep(tokens, family["id"] or "", pair)
        return pair

    async def refresh(self, secret: str, whence: From = NOWHERE) -> Pair:
        """The next pair. Of many that ask at once all get the same one.

        Raises Unauthenticated `token-ended`, and `token-reused`, which ends the family."""
        async with self._database.writing() as connection:
            answer = await self._next(connection, hashed(secret), whence)
        if isinstance(answer, Unauthenticated):  # what it changed is kept
            raise answer
        return answer

    async def _next(
        self, connection: AsyncConnection, key: str, whence: From
    ) -> Pair | Unauthenticated:
        tokens, now = Tokens(connection), self._clock()
        row = await tokens.find(key)
        family = row and await tokens.held(row["family_id"])
        if not row or not family or row["kind"] != "refresh":
            return ended()
        account = await Accounts(connection).find(family["account_id"])
        if account is None or not account["is_active"]:
            await tokens.end(family_id=family["id"])
            return ended()
        pair = self._new_pair(family["kind"])
        if await tokens.use(key, rfc3339(now), self._sealed(pair, now)):
            await self._keep(tokens, family["id"], pair)
            await tokens.seen(family["id"], rfc3339(now), whence.address[:64], whence.program[:300])
            return pair
        return await self._once_more(connection, family, account, key)

    async def _once_more(
        self, connection: AsyncConnection, family: Row, account: Row, key: str
    ) -> Pair | Unauthenticated:
        """Of a token that is spent, also by somebody at this very moment."""
        tokens, now = Tokens(connection), self._clock()
        row = await tokens.find(key)
        used_at = from_rfc3339(row["used_at"]) if row and row["used_at"] else None
        pair, until = self._opened(row["successor"]) if row and used_at else (None, now)
        follower = await tokens.find(hashed(pair.refresh_token)) if pair else None
        is_used = follower is None or follower["used_at"] is not None
        answer = spent(used_at, now, successor_is_used=is_used)
        if answer == "again" and pair is not None:
            left = max(0, int((until - now).total_seconds()))
            return Pair(pair.access_token, pair.refresh_token, left)
        if answer != "reused":
            return ended()
        await tokens.end(family_id=family["id"])
        await self._audit.note(
            connection,
            "token.reuse",
            account["name"],
            outcome="refused",
            actor_name=account["name"],
            family=family["id"],
            machine=family["machine_id"],
        )
        log.warning("a refresh token of %s was used twice: its family has ended", account["name"])
        return Unauthenticated(
            "token-reused", "This token was used before, so all of its kind have ended. Sign in."
        )

    async def who(self, secret: str, whence: From = NOWHERE) -> Principal:
        """Who sends an access token. Raises Unauthenticated."""
        async with self._database.reading() as connection:
            found = await Tokens(connection).owner(hashed(secret))
        now = self._clock()
        if found is None:
            raise ended()
        family, account = found
        if rfc3339(now) >= family["ends_at"] or not account["is_active"]:
            raise ended()
        if now - from_rfc3339(family["seen_at"]) >= SEEN_EVERY:
            async with self._database.writing() as connection:
                await Tokens(connection).seen(
                    family["id"], rfc3339(now), whence.address[:64], whence.program[:300]
                )
        if family["kind"] == "machine":
            return principal_of(account, "machine", family["machine_id"])
        return principal_of(account, "token", family["id"])

    async def end(
        self,
        *,
        family_id: str | None = None,
        account_id: str | None = None,
        machine_id: str | None = None,
        connection: AsyncConnection | None = None,
    ) -> int:
        """All families that fit what is given; says how many there were."""
        if family_id is None and account_id is None and machine_id is None:
            return 0
        async with self._writing(connection) as writing:
            return await Tokens(writing).end(
                family_id=family_id, account_id=account_id, machine_id=machine_id
            )

    async def forget_old(self) -> int:
        """Those that have ended by themselves."""
        now = self._clock()
        async with self._database.writing() as connection:
            return await Tokens(connection).forget(rfc3339(now), rfc3339(now - REMEMBERED))

    def _new_pair(self, kind: Kind) -> Pair:
        access, refresh = PREFIXES[kind] + self._new_secret(), REFRESH + self._new_secret()
        return Pair(access, refresh, int(self._access.total_seconds()))

    async def _keep(self, tokens: Tokens, family_id: str, pair: Pair) -> None:
        now = self._clock()
        access, refresh = hashed(pair.access_token), hashed(pair.refresh_token)
        await tokens.add(family_id, "access", access, rfc3339(now + self._access))
        await tokens.add(family_id, "refresh", refresh, rfc3339(now + self._unused))

    def _sealed(self, pair: Pair, now: datetime) -> str:
        said = [pair.access_token, pair.refresh_token, rfc3339(now + self._access)]
        return self._seal.seal(orjson.dumps(said).decode(), PURPOSE)

    def _opened(self, sealed: str) -> tuple[Pair, datetime]:
        access, refresh, until = orjson.loads(self._seal.open(sealed, PURPOSE))
        return Pair(access, refresh, 0), from_rfc3339(until)

    @asynccontextmanager
    async def _writing(self, given: AsyncConnection | None) -> AsyncIterator[AsyncConnection]:
        if given is not None:
            yield given
            return
        async with self._database.writing() as connection:
            yield connection


def ended() -> Unauthenticated:
    return Unauthenticated("token-ended", "The token has ended. Sign in again.")
