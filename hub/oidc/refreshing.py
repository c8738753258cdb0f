"""Sessions that a provider let in are looked at again, every few minutes in which they are used."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from quart import g, request

from agent.shared.clock import from_rfc3339, rfc3339
from agent.shared.errors import Unauthenticated, Unavailable
from agent.shared.tasks import Tasks
from hub.access import Principal
from hub.core import Core
from hub.identity.opening import People
from hub.identity.store import Row, Sessions
from hub.oidc.people import Vouched
from hub.oidc.provider import GrantGone, ProviderClient
from hub.oidc.rules import BadToken, Claims, check_access_digest, check_identity
from hub.oidc.sign_in import SignIn, opened_tokens, sealed_tokens
from hub.oidc.store import Identities, ProviderSessions
from hub.oidc.tokens import ID_TYPES, read_token
from hub.oidc.wire import Answer
from hub.users.store import Accounts

# Longer than all questions of one refresh may take together, so that two never overlap.
CLAIM_HOLDS = timedelta(seconds=60)
AWAY_PAUSE = timedelta(seconds=30)
ELSEWHERE_S, MOST_WAITS = 0.1, 50  # for another replica
KNOWN_SESSIONS = 20_000
SIGNING_OUT = ("/api/v1/auth/logout", "/api/v1/auth/oidc/logout")
ENDED = "The session has ended. Sign in again."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider answered, and what that says of the person."""

    said: Answer
    claims: Claims
    subject: str


class Refreshing:
    """A session that is due is asked about before it is used again: by one replica, once, since a
    refresh token that is sent twice ends all that came of it."""

    def __init__(
        self,
        core: Core,
        people: People,
        client: ProviderClient,
        vouched: Vouched,
        sign_in: SignIn,
    ) -> None:
        self._core, self._people, self._client = core, people, client
        self._vouched, self._sign_in = vouched, sign_in
        self._tasks = Tasks()
        self._due: OrderedDict[str, datetime | None] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}

    async def close(self) -> None:
        """Lets what is on its way come to its end: a new token would be lost."""
        await self._tasks.finish(grace_s=5)

    async def __call__(self, who: Principal | None) -> None:
        """A door. Raises Unauthenticated where the provider knows the session no more, and
        Unavailable where it has not answered for too long."""
        if who is None or who.means != "session" or g.is_public or request.path in SIGNING_OUT:
            return
        if who.means_id not in self._due:
            await self._look(who.means_id)
        due = self._due.get(who.means_id)
        if due is None or self._core.clock() < due:
            return
        # It goes on when the browser leaves: what the provider answers must be kept.
        work = self._settled(who.means_id)
        await self._tasks.to_the_end(work, name="refresh of a session")

    async def _look(self, session_id: str) -> Row | None:
        async with self._core.database.reading() as connection:
            row = await ProviderSessions(connection).find(session_id)
        self._due[session_id] = self._next_look(row) if row and row["due_at"] else None
        while len(self._due) > KNOWN_SESSIONS:
            self._due.popitem(last=False)
        return row

    def _next_look(self, row: Row) -> datetime:
        return min(from_rfc3339(row["due_at"]), self._grace_ends_at(row))

    def _grace_ends_at(self, row: Row) -> datetime:
        """`due_at` is put off while the provider is away, `checked_at` is not."""
        settings = self._core.settings
        minutes = settings.oidc_refresh_minutes + settings.oidc_grace_minutes
        return from_rfc3339(row["checked_at"]) + timedelta(minutes=minutes)

    async def _settled(self, session_id: str) -> None:
        """Waits until somebody, here or on another replica, has asked."""
        lock = self._asking.setdefault(session_id, asyncio.Lock())
        try:
            async with lock:
                await self._until_asked(session_id)
        finally:
            if not lock.locked():
                self._asking.pop(session_id, None)

    async def _until_asked(self, session_id: str) -> None:
        waits = 0
        while True:
            row, now = await self._look(session_id), self._core.clock()
            if row is None:
                raise Unauthenticated("session-ended", ENDED)
            is_due = row["due_at"] is not None and row["due_at"] <= rfc3339(now)
            if not is_due or waits == MOST_WAITS:
                self._check_grace(row, now)
                return
            if row["iss"] != self._client.provider.issuer:
                await self._end(row, "another provider is set now")
            elif claim := await self._claimed(session_id, now):
                await self._ask(row, claim)
            else:
                waits += 1
                await asyncio.sleep(ELSEWHERE_S)

    async def _claimed(self, session_id: str, now: datetime) -> str | None:
        claim, ends_at = self._core.new_id(), rfc3339(now + CLAIM_HOLDS)
        async with self._core.database.writing() as connection:
            sessions = ProviderSessions(connection)
            is_ours = await sessions.claim(session_id, claim, rfc3339(now), ends_at)
        return claim if is_ours else None

    def _check_grace(self, row: Row, now: datetime) -> None:
        if row["due_at"] is not None and now >= self._grace_ends_at(row):
            name = self._client.provider.name
            raise Unavailable(
                "provider-away",
                f"{name} does not answer, so that nobody knows whether you may still come in. "
                "Try again in a moment, or sign out and in with a local account.",
                retry_after_s=30,
            )

    async def _ask(self, row: Row, claim: str) -> None:
        try:
            tokens = opened_tokens(self._core, row["sealed"])
        except Unavailable as err:
            await self._end(row, err.detail)
            return
        try:
            said = await self._client.refresh(tokens["refresh_token"])
        except GrantGone:
            await self._end(row, "the provider takes the refresh token no more", is_gone=True)
            return
        except Unavailable as err:
            await self._put_off(row, claim, err)
            return
        # Kept before anything is done with it: from now on the former one is worth nothing.
        sealed = sealed_tokens(self._core, said, tokens)
        async with self._core.database.writing() as connection:
            is_kept = await ProviderSessions(connection).keep(row["session_id"], claim, sealed)
        if not is_kept:  # signed out meanwhile
            await self._forget_grant(said)
            return
        try:
            told = await self._told(row, said)
        except BadToken as err:
            await self._end(row, f"what the provider says cannot be believed: {err}")
        except Unavailable as err:
            await self._put_off(row, claim, err)
        else:
            await self._apply(row, claim, told)

    async def _told(self, row: Row, said: Answer) -> Told:
        """Of the ID token where one came, else of userinfo. Raises BadToken and Unavailable."""
        issuer = self._client.provider.issuer
        async with self._core.database.reading() as connection:
            known = await Identities(connection).subjects_of(row["account_id"], issuer)
        claims: Claims = {}
        if "id_token" in said:
            claims = await self._claims(said)
        elif len(known) == 1:
            claims = {"sub": known[0]}
        subject = str(claims.get("sub"))
        if subject not in known:
            raise BadToken("it is about somebody else")
        return Told(said, await self._sign_in.all_claims(said, claims, subject), subject)

    async def _claims(self, said: Answer) -> Claims:
        core, provider = self._core, self._client.provider
        algorithms = core.settings.oidc_algorithms.split()
        algorithm, claims = await read_token(self._client, said["id_token"], algorithms, ID_TYPES)
        check_identity(
            claims,
            issuer=provider.issuer,
            client_id=provider.client_id,
            nonce=None,
            now_s=core.clock().timestamp(),
        )
        check_access_digest(claims, said["access_token"], algorithm)
        return claims

    async def _apply(self, row: Row, claim: str, told: Told) -> None:
        core = self._core
        now = core.clock()
        due = now + timedelta(minutes=core.settings.oidc_refresh_minutes)
        async with core.database.writing() as connection:
            account = await Accounts(connection).find(row["account_id"])
            moved: frozenset[str] = frozenset()
            issuer, heard = self._client.provider.issuer, {"checked_at": rfc3339(now)}
            identities = Identities(connection)
            await identities.seen(issuer, told.subject, {**heard, "gone_at": None})
            if account is not None:
                moved = await self._vouched.look_again(
                    connection, account, told.subject, told.claims
                )
            await ProviderSessions(connection).settle(
                row["session_id"], claim, {**heard, "due_at": rfc3339(due)}
            )
        await self._people.revocations.tell(*moved)

    async def _put_off(self, row: Row, claim: str, err: Unavailable) -> None:
        log.warning("A session cannot be looked at again: %s", err.code)
        due = rfc3339(self._core.clock() + AWAY_PAUSE)
        async with self._core.database.writing() as connection:
            await ProviderSessions(connection).settle(row["session_id"], claim, {"due_at": due})

    async def _end(self, row: Row, why: str, *, is_gone: bool = False) -> None:
        """`is_gone`: the provider may have removed the person, so that machines and keys wait, too;
        not if somebody has just signed out, which takes the token back."""
        core, account_id = self._core, row["account_id"]
        async with core.database.writing() as connection:
            account = await Accounts(connection).find(account_id)
            ended = await Sessions(connection).end(account_id, session_id=row["session_id"])
            if is_gone and ended:
                now = rfc3339(core.clock())
                await Identities(connection).gone(account_id, row["iss"], now)
            name = account["name"] if account else account_id
            await core.audit.note(
                connection, "session.end", name, actor_name="provider", reason=why
            )
        await self._people.revocations.tell(account_id)

    async def _forget_grant(self, said: Answer) -> None:
        if not isinstance(said.get("refresh_token"), str):
            return
        try:
            await self._client.revoke(said["refresh_token"])
        except Unavailable:
            log.warning("A refresh token of a session that has ended could not be revoked")
