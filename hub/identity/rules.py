"""Names, passwords and failed logins: what is allowed, decided with values alone."""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,98}[a-z0-9])?")
SHORTEST, LONGEST = 12, 256  # characters of a password (NIST SP 800-63B, 3.1.1.2: at least 8)
FREE_FAILURES = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
SHARED_BY = 4  # many people may come from one address: it is slowed down that much later
PROOF_HOLDS = timedelta(minutes=10)
FREE_OF_NAME, PAUSE_OF_NAME = 20, timedelta(seconds=30)
COMMON = frozenset(
    {
        "passwordpassword",
        "administrator",
        "correcthorsebatterystaple",
        "orcaslicer123",
        "changemechangeme",
        "123456789012",
        "qwertyuiop12",
    }
)
LocalLogin = Literal["on", "break-glass", "off"]


@dataclass(frozen=True, slots=True)
class Failures:
    """Logins that failed in a row, of one name from one address, or of an address."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """What failed before: of this name from this address, of the address, and of the name from
    anywhere, which is None where its owner is known to come from this address."""

    own: Failures | None
    address: Failures | None
    name: Failures | None


def login_name(text: str) -> str:
    """As it is kept and compared. Raises ValueError with a sentence."""
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if not NAME.fullmatch(name):
        raise ValueError(
            "A name has 1 to 100 letters, digits, dots, dashes, underscores, + or @, and begins "
            "and ends with a letter or digit."
        )
    return name


def normal_password(password: str) -> str:
    """As it is hashed: whatever keyboard writes a letter, it is the same letter."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str) -> str:
    """The password as it is hashed. Raises ValueError with a sentence. There are no rules about
    kinds of characters: length counts."""
    normal = normal_password(password)
    if len(normal) < SHORTEST:
        raise ValueError(
            f"A password has at least {SHORTEST} characters. Four words make a good one."
        )
    if len(normal) > LONGEST:
        raise ValueError(f"A password has at most {LONGEST} characters.")
    plain = re.sub(r"[^a-z0-9]", "", normal.casefold())
    if (
        plain in COMMON
        or len(set(normal)) < 5
        or (len(name) > 3 and plain == name * (len(plain) // len(name)))
    ):
        raise ValueError("That password is easy to guess. Choose another one.")
    return normal


def pause_after(failures: Failures | None, now: datetime) -> timedelta:
    """How long the next attempt has to wait: nothing for the first few, then twice as long each
    time. A pause ends by itself, so that nobody can lock somebody out for good."""
    if failures is None or now - failures.last_at >= FORGOTTEN_AFTER:
        return timedelta(0)
    beyond = failures.count - FREE_FAILURES
    if beyond < 0:
        return timedelta(0)
    pause = min(FIRST_PAUSE * (1 << min(beyond, 20)), LONGEST_PAUSE)
    return max(timedelta(0), failures.last_at + pause - now)


def pause_before(tried: Tried, now: datetime) -> timedelta:
    """How long an attempt has to wait. Whoever guesses at one name from a thousand addresses slows
    down those that its owner never came from, by half a minute at most."""
    shared = tried.address and Failures(tried.address.count // SHARED_BY, tried.address.last_at)
    of_name = timedelta(0)
    if tried.name and tried.name.count >= FREE_OF_NAME:
        of_name = max(timedelta(0), tried.name.last_at + PAUSE_OF_NAME - now)
    return max(pause_after(tried.own, now), pause_after(shared, now), of_name)


def network_of(address: str) -> str:
    """Who is counted as one: an address of IPv4, or the 64 bits that an IPv6 line has."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))


def is_proved(proved_at: datetime | None, now: datetime) -> bool:
    """Whether somebody has just shown who they are; a clock that steps back proves nothing."""
    return proved_at is not None and timedelta(0) <= now - proved_at < PROOF_HOLDS


def may_use_password(local_login: LocalLogin, *, has_password: bool, is_break_glass: bool) -> bool:
    """Whether an account signs in with a password."""
    return has_password and (is_break_glass or local_login == "on")


def plain_code(text: str) -> str:
    """A code from paper, as it is compared, however it was typed."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())
