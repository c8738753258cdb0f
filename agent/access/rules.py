"""Who may, how long, and how many wrong guesses: decisions without a clock or a database."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

SESSION_LIFE = timedelta(days=90)
TOUCH_EVERY = timedelta(hours=1)
TICKET_LIFE = timedelta(seconds=60)
PAIRING_LIFE = timedelta(seconds=120)
PAIRING_TRIES = 5
PAIRINGS_AT_ONCE = 5
FAILURES_A_MINUTE = 20

CallerKind = Literal["token", "session"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request, and what they may do. `admin` may do everything."""

    kind: CallerKind
    name: str
    scopes: frozenset[str]
    id: str
    expires_at: datetime | None = None

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
    expires_at: datetime
    state: PairingState = PairingState.WAITING
    wrong_tries: int = 0


def hashed(secret: str) -> str:
    """SHA-256 as hex. A secret of 256 random bits needs neither salt nor a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


def is_due(last_used_at: datetime | None, now: datetime) -> bool:
    """Use is written down once an hour at most, so that a request does not cost a write."""
    return last_used_at is None or now - last_used_at >= TOUCH_EVERY


def prolonged(session: PageSession, now: datetime) -> PageSession:
    return replace(session, last_used_at=now, expires_at=now + SESSION_LIFE)


def pairing_now(pairing: Pairing, now: datetime) -> Pairing:
    """A pairing that nobody answered in time has expired; an answered one keeps its answer
    until it is collected or its time is over."""
    if pairing.state is not PairingState.REFUSED and is_over(pairing.expires_at, now):
        return replace(pairing, state=PairingState.EXPIRED)
    return pairing


def tried(pairing: Pairing, code: str) -> Pairing:
    """The pairing after somebody typed `code`: the fifth wrong one ends it."""
    if code == pairing.code:
        return replace(pairing, state=PairingState.CONFIRMED)
    wrong = pairing.wrong_tries + 1
    state = PairingState.REFUSED if wrong >= PAIRING_TRIES else pairing.state
    return replace(pairing, wrong_tries=wrong, state=state)
