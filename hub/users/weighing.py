"""A change that may make somebody an Administrator, or take that away."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.errors import Conflict
from hub import locks
from hub.identity.revocations import Revocations
from hub.users.store import Accounts


@dataclass(frozen=True, slots=True)
class Weighing:
    """Who is an Administrator before and after a change; nobody else changes that meanwhile."""

    connection: AsyncConnection
    before: set[str]
    glass: set[str]
    ready: set[str]

    @classmethod
    async def begin(cls, connection: AsyncConnection) -> "Weighing":
        """At the beginning of the transaction."""
        await locks.hold(connection, locks.PEOPLE)
        accounts = Accounts(connection)
        before = await accounts.administrators()
        return cls(
            connection, before, before & await accounts.break_glass(), await accounts.ready(before)
        )

    async def end(self, revocations: Revocations) -> set[str]:
        """The accounts of which it changed: they sign in anew, and `revocations.tell` wants them
        when it is committed. Raises Conflict `last-administrator` or `last-break-glass`,
        which undoes the change."""
        accounts = Accounts(self.connection)
        after = await accounts.administrators()
        if (self.before and not after) or (self.ready and not await accounts.ready(after)):
            raise Conflict(
                "last-administrator",
                "This is the last Administrator who ever signed in. Make somebody else one first, "
                "and let them sign in.",
            )
        if self.glass and not after & await accounts.break_glass():
            raise Conflict(
                "last-break-glass",
                "This is the last Administrator who gets in with a password whatever happens to "
                "the provider. Add another one first: `orca-hub user add NAME --role "
                "administrator`.",
            )
        moved = self.before ^ after
        for account_id in sorted(moved):
            await revocations.end_all(self.connection, account_id)
        return moved
