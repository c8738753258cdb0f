"""Time, ids and secrets: made here, handed in everywhere else, so that tests can choose them."""

import os
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
NewId = Callable[[], str]
NewSecret = Callable[[], str]


def system_clock() -> datetime:
    """Now, aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


class _Uuid7:
    """UUIDv7 (RFC 9562, 5.7 with the counter of 6.2, method 1): sorts by time of making,
    also within one millisecond and when the system clock steps back."""

    def __init__(self) -> None:
        self._lock, self._last_ms, self._counter = threading.Lock(), 0, 0

    def __call__(self) -> str:
        chance = os.urandom(10)  # to ask the system once takes as long as all the rest
        with self._lock:
            now_ms = time.time_ns() // 1_000_000
            if now_ms > self._last_ms:
                self._last_ms = now_ms
                self._counter = int.from_bytes(chance[6:]) & 0x1FF_FFFF
            else:
                self._counter += 1
                if self._counter >= 1 << 26:
                    self._last_ms, self._counter = self._last_ms + 1, 0
            ms, counter = self._last_ms, self._counter
        # 26 counter bits: 12 in rand_a and the first 14 of rand_b.
        text = f"{ms:012x}7{counter >> 14:03x}{0x8000 | counter & 0x3FFF:04x}{chance[:6].hex()}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


random_id: NewId = _Uuid7()


def random_secret() -> str:
    """256 bits, URL-safe, 43 characters."""
    return secrets.token_urlsafe(32)


def random_code() -> str:
    """Six decimal digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def random_fraction() -> float:
    """From 0 up to, and without, 1."""
    return int.from_bytes(os.urandom(4)) / (1 << 32)


def rfc3339(moment: datetime) -> str:
    """`2026-01-31T09:05:00.123456Z`: fixed width, so that text order is time order."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:26]}Z"


def from_rfc3339(text: str) -> datetime:
    """Raises ValueError if `text` is no RFC 3339 time with an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, such as Z")
    return moment.astimezone(UTC)
