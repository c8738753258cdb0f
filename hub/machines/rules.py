"""Tokens and the ways to get one: what holds, decided with values alone."""

import base64
import hashlib
import re
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


# --- ways to a first token ------------------------------------------------------------------------

CLIENT = "orca-agent"
CODE_HOLDS = timedelta(seconds=60)
DEVICE_HOLDS = timedelta(minutes=10)
INTERVAL_S, SLOWER_S = 5, 5
EARLY = timedelta(seconds=1)  # how much earlier than asked a poll may come, since networks vary
# Letters that nobody takes for another, and no word (RFC 8628, 6.1): 8 of them are 34 bits.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
LOOPBACK = re.compile(
    r"http://(?:127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})(?:/[A-Za-z0-9/_.-]{0,100})?"
)
PROGRAM = re.compile(r"orca-agent/([A-Za-z0-9.+_-]{1,50})(?: \(([^()]{1,100})\))?")

Polled = Literal["pending", "slow", "expired", "denied", "allowed", "used"]


def challenge_of(verifier: str) -> str | None:
    """S256 of RFC 7636; None for what is no verifier."""
    if not VERIFIER.fullmatch(verifier):
        return None
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_loopback(address: str) -> bool:
    """Whether a code may be sent there: this computer by its number, never by a name, whatever
    the port (RFC 8252, 7.3 and 8.3)."""
    found = LOOPBACK.fullmatch(address)
    return found is not None and int(found[1]) <= 65535


def machine_name(text: str) -> str:
    """As it is shown. Raises ValueError with a sentence."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise ValueError("A machine's name has 1 to 100 letters, digits, signs and spaces.")
    return name


def user_code(secret: str) -> str:
    """What somebody types from one screen into another: WDJB-MJHT."""
    number, letters = int.from_bytes(hashlib.sha256(secret.encode()).digest()), ""
    for _ in range(8):
        number, place = divmod(number, len(LETTERS))
        letters += LETTERS[place]
    return f"{letters[:4]}-{letters[4:]}"


def typed(code: str) -> str:
    """A user code as it was meant: any case, with or without the dash."""
    return re.sub(r"[\s-]", "", code).upper()


def program_of(user_agent: str) -> tuple[str, str]:
    """Version and system of the agent, as it says; empty of other programs."""
    found = PROGRAM.match(user_agent)
    return (found[1], found[2] or "") if found else ("", "")


def polled(
    state: str, ends_at: datetime, polled_at: datetime | None, interval_s: int, now: datetime
) -> Polled:
    """What a program hears that asks whether its code was allowed."""
    if now >= ends_at:
        return "expired"
    soonest = polled_at and polled_at + timedelta(seconds=interval_s) - EARLY
    if state == "pending" and soonest and now < soonest:
        return "slow"
    states: dict[str, Polled] = {"pending": "pending", "denied": "denied", "allowed": "allowed"}
    return states.get(state, "used")
