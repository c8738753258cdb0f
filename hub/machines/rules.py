"""Tokens and the ways to get one: what holds, decided with values alone."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["person", "machine"]
# How long an answer may be lost: the same successor is said once more (specs of Okta: 0 to 60 s).
GRACE = timedelta(seconds=30)
REMEMBERED = timedelta(days=7)  # how long the use of a spent refresh token is noticed

Spent = Literal["unknown", "again", "reused"]


@dataclass(frozen=True, slots=True)
class Pair:
    """What a program gets; said once. `expires_in` is of the access token, in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def hashed(secret: str) -> str:
    """How a token of 256 random bits is kept: it needs no salt and no effort."""
    return hashlib.sha256(secret.encode()).hexdigest()


def spent(used_at: datetime | None, now: datetime, *, successor_is_used: bool) -> Spent:
    """What a refresh token is that cannot be spent now.

    One that was spent a moment ago by a program that did not hear the answer gets the answer
    again, unless the answer is in use: then two have the same token, and one of them stole it."""
    if used_at is None:
        return "unknown"
    if now - used_at <= GRACE and not successor_is_used:
        return "again"
    return "reused"
