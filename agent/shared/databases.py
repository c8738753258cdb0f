"""What every database can do, whichever it is: the agent's file, or the hub's file or server."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection


class Databases(Protocol):
    """`Database` is one (SQLite, one writer); the hub has another for PostgreSQL."""

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One snapshot for the whole block."""

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Commits when the block ends, rolls back when it raises. No network inside."""

    async def check(self) -> None:
        """Raises Unavailable if it cannot be read."""

    async def close(self) -> None:
        """Lets go of it."""
