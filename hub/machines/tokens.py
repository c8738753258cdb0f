"""Tokens of people's programs and of machines: short ones to come in with, and long ones that are
changed for another each time they are used."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, NewSecret, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Unauthenticated
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.lasting import Lasting
from hub.identity.principals import principal
from hub.identity.revocations import Revocations
from hub.identity.sessions import From
from hub.machines.rules import REMEMBERED, Kind, Pair, hashed, program_of, spent
from hub.machines.store import Machines
from hub.machines.token_store import Row, Tokens
from hub.sealing import Seal
from hub.users.store import Accounts

SEEN_EVERY = timedelta(minutes=1)  # a token that is used is not written each time
PREFIXES: dict[Kind, str] = {"person": "oht_", "machine": "ohm_"}
REFRESH = "ohr_"
PURPOSE = "successor"
NOWHERE = From("", "")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Refused:
    """`account_id`: of whom something ended by it."""

    problem: Unauthenticated
    account_id: str = ""


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
        revocations: Revocations,
        lasting: Lasting,
        *,
        access: timedelta,
        unused: timedelta,
    ) -> None:
        self._database, self._audit, self._seal, self._clock = database, audit, seal, clock
        self._new_id, self._new_secret = new_id, new_secret
        self._lasting, self._access, self._unused = lasting, access, unused
        self._revocations, self._known = revocations, revocations.cache()
        revocations.at_end(self._end_all)

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
            "proved_at": now,
        }
        async with self._writing(connection) as writing:
            tokens = Tokens(writing)
            await tokens.begin(family)
            await self._keep(tokens, family["id"] or "", pair)
        return pair

    async def refresh(self, secret: str, whence: From = NOWHERE) -> Pair:
        """The next pair. Of many that ask at once all get the same one.

        Raises Unauthenticated `token-ended`, and `token-reused`, which ends the family; and Denied
        where the provider is to be heard first, which changes nothing."""
        async with self._database.writing() as connection:
            answer = await self._next(connection, hashed(secret), whence)
        if isinstance(answer, _Refused):  # what it changed is kept
            if answer.account_id:
                await self.tell(answer.account_id)
            raise answer.problem
        return answer

    async def _next(self, connection: AsyncConnection, key: str, whence: From) -> Pair | _Refused:
        tokens, now = Tokens(connection), self._clock()
        row = await tokens.find(key)
        family = row and await tokens.held(row["family_id"])
        if not row or not family or row["kind"] != "refresh":
            return _Refused(ended())
        account = await Accounts(connection).find(family["account_id"])
        if account is None or not account["is_active"]:
            await tokens.end(family["account_id"], family["id"])
            return _Refused(ended())
        await self._lasting.check(connection, account["id"])
        pair = self._new_pair(family["kind"])
        if await tokens.use(key, rfc3339(now), self._sealed(pair, now)):
            await self._keep(tokens, family["id"], pair)
            await tokens.seen(family["id"], rfc3339(now), whence.address[:64], whence.program[:300])
            return pair
        return await self._once_more(connection, family, account, key)

    async def _once_more(
        self, connection: AsyncConnection, family: Row, account: Row, key: str
    ) -> Pair | _Refused:
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
            return _Refused(ended())
        await tokens.end(family["account_id"], family["id"])
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
        problem = Unauthenticated(
            "token-reused", "This token was used before, so all of its kind have ended. Sign in."
        )
        return _Refused(problem, account["id"])

    async def who(self, secret: str, whence: Callable[[], From]) -> Principal:
        """Who sends an access token, and, if that is noted, from where. Raises Unauthenticated, and
        Denied as `refresh`."""
        return await self._known.find(secret, lambda: self._look(secret, whence()))

    async def _look(self, secret: str, whence: From) -> tuple[Principal, datetime]:
        async with self._database.reading() as connection:
            family = await Tokens(connection).family_of(hashed(secret))
            if family is None:
                raise ended()
            is_machine = family["kind"] == "machine"
            who = await principal(
                connection,
                family["account_id"],
                "machine" if is_machine else "token",
                family["machine_id"] if is_machine else family["id"],
            )
            if who is not None:
                await self._lasting.check(connection, who.account_id)
        now, ends_at = self._clock(), from_rfc3339(family["ends_at"])
        if who is None or now >= ends_at:
            raise ended()
        if now - from_rfc3339(family["seen_at"]) >= SEEN_EVERY:
            async with self._database.writing() as connection:
                await self._seen(connection, family, whence)
        return who, ends_at

    async def _seen(self, connection: AsyncConnection, family: Row, whence: From) -> None:
        now, address = rfc3339(self._clock()), whence.address[:64]
        await Tokens(connection).seen(family["id"], now, address, whence.program[:300])
        if family["machine_id"] is not None:
            version, system = program_of(whence.program)
            about = {"version": version, "os": system} if version else {}
            await Machines(connection).change(
                family["machine_id"], {"seen_at": now, "address": address, **about}
            )

    async def end(self, account_id: str, family_id: str) -> None:
        """One family, at once."""
        async with self._database.writing() as connection:
            await Tokens(connection).end(account_id, family_id)
        await self.tell(account_id)

    async def proved_at(self, connection: AsyncConnection, family_id: str) -> str | None:
        """When its owner last proved who they are."""
        return await Tokens(connection).proved_at(family_id)

    async def prove(self, connection: AsyncConnection, family_id: str, at: str) -> None:
        await Tokens(connection).prove(family_id, at)

    async def end_programs(
        self, connection: AsyncConnection, account_id: str, *, but: str = ""
    ) -> None:
        """All of a person's own programs but one; machines stay. Call `tell` afterwards."""
        await Tokens(connection).end_programs(account_id, but)

    async def tell(self, account_id: str) -> None:
        """Once it is committed that something of an account has ended."""
        await self._revocations.tell(account_id)

    async def _end_all(self, connection: AsyncConnection, account_id: str) -> None:
        await Tokens(connection).end(account_id)

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
