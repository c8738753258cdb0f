"""Passwords as argon2id keeps them. Each takes a core for some 50 ms: in threads, few at once."""

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE = 4


class Passwords:
    """argon2id with 19 MiB, two passes and one lane, the least that OWASP's Password Storage Cheat
    Sheet recommends: many may sign in at once, and each takes one core."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def hashed(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, kept: str | None, password: str) -> bool:
        """Takes as long where there is no password to compare with, so that nobody learns who
        has an account."""
        async with self._places:
            return await asyncio.to_thread(self._fits, kept, password)

    def is_outdated(self, kept: str) -> bool:
        """Whether it was kept with less effort than is usual now."""
        return self._hasher.check_needs_rehash(kept)

    def _fits(self, kept: str | None, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError  # slow import

        try:
            self._hasher.verify(kept or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        from argon2 import PasswordHasher  # slow import

        return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody's password")
