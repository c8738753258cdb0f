"""Machines and keys outlive a sign-in: who may refuse them after that."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

Check = Callable[[AsyncConnection, str], Awaitable[None]]


class Lasting:
    """Asked when a machine, a program or a key comes in, with the id of its account."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    def only_if(self, check: Check) -> None:
        """`check` raises Denied, with a sentence for the person, for those that are to wait."""
        self._checks.append(check)

    async def check(self, connection: AsyncConnection, account_id: str) -> None:
        """Raises Denied."""
        for one in self._checks:
            await one(connection, account_id)
