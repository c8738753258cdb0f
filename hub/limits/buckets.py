"""How often somebody may ask, as a bucket: it holds so many requests, and fills up evenly."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour|day)")
MOST_LENT, PART_LENT = 50, 20  # to one replica at once: this many, and this part of a bucket


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    amount: int
    seconds: int

    @property
    def most_lent(self) -> int:
        """What a replica may take ahead for one subject. Of a small bucket it takes one by one."""
        return max(1, min(self.amount // PART_LENT, MOST_LENT))


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was in it, and when."""

    held: float
    at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one request. `left` and `full_in_s` are what the answer says; `wait_s` is 0 if it may."""

    rate: Rate
    left: int
    wait_s: float = 0.0

    @property
    def full_in_s(self) -> float:
        return max(0.0, (self.rate.amount - self.left) * self.rate.seconds / self.rate.amount)


def rate_of(text: str) -> Rate | None:
    """`600/minute`; None where nothing is limited. Raises ValueError with a sentence."""
    if not text.strip():
        return None
    found = RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError("a rate is a number, a slash, and second, minute, hour or day")
    return Rate(int(found[1]), UNITS[found[2]])


def take(bucket: Bucket | None, rate: Rate, now: float, wanted: int = 1) -> tuple[Bucket, int]:
    """The bucket afterwards, and how many of those that were wanted it gave. Clocks that step
    back fill nothing."""
    before = bucket or Bucket(float(rate.amount), now)
    passed = max(0.0, now - before.at)
    held = min(float(rate.amount), before.held + passed * rate.amount / rate.seconds)
    given = min(wanted, int(held))
    return Bucket(held - given, max(now, before.at)), given


def wait_for_one(held: float, rate: Rate) -> float:
    """Seconds until there is one in it."""
    return max(0.0, (1.0 - held) * rate.seconds / rate.amount)


Kind = Literal["user", "key", "address", "login"]


def address_key(address: str) -> str:
    """Of IPv6 the network: whoever has one address there has them all."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(known, ipaddress.IPv4Address):
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((int(known) >> 64 << 64, 64)))
