"""Who is it? Tokens, page sessions, tickets and pairings."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from agent import runfile
from agent.access import rules
from agent.access.memory import Failures, Pairings, Tickets
from agent.access.rules import Caller, PageSession, PairingState, Token, address, hashed, is_over
from agent.access.store import Credentials
from agent.access.token_file import TokenFile
from agent.shared.clock import Clock, NewId, NewSecret, random_secret, rfc3339
from agent.shared.database import Database
from agent.shared.errors import (
    Conflict,
    Invalid,
    NoSpace,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from agent.shared.web import SCOPES

TOKEN_NAME = "token"  # noqa: S105 - a file's name
MAIN_ID = "main"
MAIN = Caller("token", "main token", frozenset(SCOPES), MAIN_ID)
PAIRED_SCOPES = frozenset(SCOPES) - {"admin"}
SECRET_CHARACTERS = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """Signs one browser in, once, until `ends_at`."""

    url: str = field(repr=False)
    ends_at: datetime


class AccessService:
    """Knows every credential by its hash; a secret is handed out once and never kept."""

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        *,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret = random_secret,
    ) -> None:
        """Makes the token file if there is none. Raises Unavailable if that cannot be."""
        self._db, self._data_dir, self._clock = database, data_dir, clock
        try:
            self._main = TokenFile(data_dir / TOKEN_NAME, new_secret)
        except OSError as err:
            raise _no_token_file(err) from err
        self._new_id, self._new_secret = new_id, new_secret
        self.tickets = Tickets(clock, new_secret)
        self.pairings = Pairings(clock, new_id, new_secret)
        self._failures = Failures(clock)
        self._known: dict[str, Token | PageSession] = {}
        self._revocations = 0

    async def who(self, *, bearer: str | None = None, cookie: str | None = None) -> Caller:
        """The one who knows this secret; a bearer's goes before a page's.

        Raises Unauthenticated, or TooMany after many wrong ones; a right one always passes."""
        secret, kind = (bearer, Token) if bearer is not None else (cookie, PageSession)
        if not secret:
            raise _stranger("Send a token: `Authorization: Bearer ...`, or open the panel.")
        digest = hashed(secret[:SECRET_CHARACTERS])
        if bearer is not None and self._main.is_digest(digest):
            return MAIN
        known, now = self._known.get(digest) or await self._look_up(digest), self._clock()
        if not isinstance(known, kind) or is_over(known.expires_at, now):
            self._failures.count()
            raise _stranger("This token or session is not valid, or not any more.")
        if rules.is_due(known.last_used_at, now):
            return rules.caller(await self._use(digest, known, now), is_renewed=True)
        return rules.caller(known)

    async def guess(self, *, bearer: str | None = None, cookie: str | None = None) -> Caller | None:
        """As `who`, for what strangers may see as well: None for a stranger."""
        try:
            return await self.who(bearer=bearer, cookie=cookie)
        except (Unauthenticated, TooMany, Unavailable):
            return None

    async def list_all(self) -> list[Token | PageSession]:
        """Tokens, then pages that are signed in; the oldest first."""
        now = self._clock()
        async with self._db.reading() as connection:
            stored = Credentials(connection)
            sessions = await stored.sessions()
            return [
                *await stored.tokens(),
                *(s for s in sessions if not is_over(s.expires_at, now)),
            ]

    async def add_token(
        self, name: str, scopes: frozenset[str], *, expires_at: datetime | None = None
    ) -> tuple[Token, str]:
        """A new token, and its secret for this one time. Raises Invalid."""
        now, secret = self._clock(), self._new_secret()
        if is_over(expires_at, now):
            raise Invalid("expired-already", "expires_at must lie in the future.")
        token = Token(self._new_id(), name, tuple(sorted(scopes)), now, None, expires_at)
        async with self._db.writing() as connection:
            await Credentials(connection).add_token(token, hashed(secret))
        return token, secret

    async def revoke(self, credential_id: str) -> None:
        """Ends a token or signs a page out, from the next request on.

        Raises NotFound, or Conflict for the main token."""
        if credential_id == MAIN_ID:
            raise Conflict(
                "main-token",
                "The main token cannot be taken away. `orca-agent token rotate` "
                "puts a new one in its place.",
            )
        async with self._db.writing() as connection:
            stored = Credentials(connection)
            digest = await stored.remove_token(credential_id)
            digest = digest or await stored.remove_session(credential_id)
        if digest is None:
            raise NotFound("no-such-token", "There is no such token.")
        self._revocations += 1
        self._known.pop(digest, None)

    async def rotate(self) -> None:
        """Puts a new main token in place of the old one. Raises Unavailable."""
        try:
            await asyncio.to_thread(self._main.rotate)
            await asyncio.to_thread(runfile.refresh, self._data_dir)
        except OSError as err:
            raise _no_token_file(err) from err

    async def add_session(self, name: str, scopes: frozenset[str]) -> tuple[PageSession, str]:
        """Signs a page in; the secret is for its cookie."""
        now, secret = self._clock(), self._new_secret()
        session = PageSession(
            self._new_id(), name, tuple(sorted(scopes)), now, now + rules.SESSION_LIFE, now
        )
        async with self._db.writing() as connection:
            stored = Credentials(connection)
            await stored.remove_old_sessions(rfc3339(now))
            await stored.add_session(session, hashed(secret))
        return session, secret

    def new_ticket(self, port: int, *, scopes: frozenset[str] = MAIN.scopes) -> Link:
        """A link to the panel on this port, for a session with these scopes."""
        ticket, ends_at = self.tickets.make("Browser page", scopes)
        return Link(f"{address(port)}/ui/ticket/{ticket}", ends_at)

    async def redeem_ticket(self, ticket: str) -> tuple[PageSession, str]:
        """A session for a ticket. Raises Gone."""
        redeemed = self.tickets.redeem(ticket)
        return await self.add_session(redeemed.name, frozenset(redeemed.scopes))

    async def ask_pairing(
        self, pairing_id: str, secret: str, *, for_page: bool
    ) -> tuple[PairingState, str | None]:
        """The state, and once, when confirmed, the secret of a new session or token.

        A page may do everything, because it is the panel; a program all but administer.
        Raises NotFound."""
        pairing = self.pairings.ask(pairing_id, secret)
        if pairing.state is not PairingState.CONFIRMED:
            return pairing.state, None
        if for_page:
            return pairing.state, (await self.add_session(pairing.name, MAIN.scopes))[1]
        return pairing.state, (await self.add_token(pairing.name, PAIRED_SCOPES))[1]

    async def _look_up(self, digest: str) -> Token | PageSession | None:
        revocations = self._revocations
        async with self._db.reading() as connection:
            stored = Credentials(connection)
            known = await stored.find_token(digest) or await stored.find_session(digest)
        if known and revocations == self._revocations:  # else it may be the one that was revoked
            self._known[digest] = known
        return known

    async def _use(
        self, digest: str, known: Token | PageSession, now: datetime
    ) -> Token | PageSession:
        used = rules.used(known, now)
        if digest in self._known:
            self._known[digest] = used  # first, so that requests beside this one do not write, too
        try:
            async with self._db.writing() as connection:
                stored = Credentials(connection)
                if isinstance(used, Token):
                    await stored.touch_token(used)
                else:
                    await stored.touch_session(used)
        except (NoSpace, Unavailable) as err:
            # A full disk must not lock anybody out.
            log.warning("the use of a credential was not written down: %s", err.code)
        return used


def _stranger(detail: str) -> Unauthenticated:
    return Unauthenticated("unauthenticated", detail)


def _no_token_file(err: OSError) -> Unavailable:
    return Unavailable("token-file", f"The token file cannot be written ({err.strerror}).")
