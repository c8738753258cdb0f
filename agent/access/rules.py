"""Who may, how long, and how many wrong guesses: decisions without a clock or a database."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

SESSION_LIFE = timedelta(days=90)
TOUCH_EVERY = timedelta(hours=1)
TICKET_LIFE = timedelta(seconds=60)
TICKETS_AT_ONCE = 100
PAIRING_LIFE = timedelta(seconds=120)
COLLECT_LIFE = timedelta(seconds=60)  # from the confirmation until the program asks again
REMEMBERED = timedelta(minutes=5)  # so that a program hears that its pairing was refused
PAIRING_TRIES = 5
PAIRINGS_AT_ONCE = 5
FAILURES_A_MINUTE = 20

NAMES = ("127.0.0.1", "localhost")  # that this machine has for itself, and nobody else

CallerKind = Literal["token", "session"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request, and what they may do. `admin` may do everything."""

    kind: CallerKind
    name: str
    scopes: frozenset[str]
    id: str
    expires_at: datetime | None = None
    is_renewed: bool = False  # a session that lives longer than its cookie: send the cookie again

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True, slots=True)
class Token:
    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PageSession:
    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    name: str
    scopes: tuple[str, ...]
    ends_at: datetime


class PairingState(StrEnum):
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Pairing:
    id: str
    name: str
    code: str
    secret_hash: str
    created_at: datetime
    ends_at: datetime
    state: PairingState = PairingState.WAITING
    tries_left: int = PAIRING_TRIES


def address(port: int, name: str = NAMES[0]) -> str:
    """`http://127.0.0.1:14434`."""
    return f"http://{name}:{port}"


def hashed(secret: str) -> str:
    """SHA-256 as hex. A secret of 256 random bits needs neither salt nor a slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Takes as long for a near miss as for a wide one."""
    return hmac.compare_digest(one.encode(), other.encode())


def is_over(ends_at: datetime | None, now: datetime) -> bool:
    return ends_at is not None and ends_at <= now


def is_due(last_used_at: datetime | None, now: datetime) -> bool:
    """Use is written down once an hour at most, so that a request does not cost a write."""
    return last_used_at is None or now - last_used_at >= TOUCH_EVERY


def used(known: Token | PageSession, now: datetime) -> Token | PageSession:
    """After use: a session lives on for its whole time again, a token keeps its end."""
    if isinstance(known, Token):
        return replace(known, last_used_at=now)
    return replace(known, last_used_at=now, expires_at=now + SESSION_LIFE)


def caller(known: Token | PageSession, *, is_renewed: bool = False) -> Caller:
    kind: CallerKind = "token" if isinstance(known, Token) else "session"
    scopes = frozenset(known.scopes)
    return Caller(kind, known.name, scopes, known.id, known.expires_at, is_renewed)


def pairing_now(pairing: Pairing, now: datetime) -> Pairing:
    """One that nobody answered, or whose answer nobody collected in time, has expired."""
    if pairing.state is not PairingState.REFUSED and is_over(pairing.ends_at, now):
        return replace(pairing, state=PairingState.EXPIRED)
    return pairing


def tried(pairing: Pairing, code: str) -> Pairing:
    """The pairing after somebody typed `code`."""
    if is_same(pairing.code, code):
        return replace(pairing, state=PairingState.CONFIRMED)
    left = pairing.tries_left - 1
    state = pairing.state if left else PairingState.REFUSED
    return replace(pairing, tries_left=left, state=state)
