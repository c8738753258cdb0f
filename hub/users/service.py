"""People: listed, made, changed and removed by an Administrator; oneself by everybody."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, NotFound
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.store import Sessions
from hub.users.store import Accounts, Row

OWN = ("display_name", "email")


class UserService:
    """There is always an active Administrator: the last one cannot be removed, switched off, or
    made a User."""

    def __init__(self, database: Databases, audit: AuditService, clock: Clock) -> None:
        self._database, self._audit, self._clock = database, audit, clock

    async def get(self, account_id: str) -> Row:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return await _present(connection, account_id)

    async def named(self, name: str) -> Row:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await Accounts(connection).named(name)
        if row is None:
            raise NotFound("no-such-user", f"There is no account called {name}.")
        return row

    async def found(self, text: str, after: str | None, limit: int) -> list[Row]:
        async with self._database.reading() as connection:
            return await Accounts(connection).found(text, after, limit)

    async def change(self, account_id: str, values: Mapping[str, Any]) -> Row:  # Any: each its own
        """An Administrator's change of somebody. Raises NotFound, Conflict `last-administrator`."""
        async with self._database.writing() as connection:
            row = await _present(connection, account_id)
            weakened = values.get("role") == "user" or values.get("is_active") is False
            if weakened and row["role"] == "administrator" and row["is_active"]:
                await _check_another_is_left(connection)
            change = dict(values)
            if "role" in change and change["role"] != row["role"]:
                change["role_from"] = "local"
            await Accounts(connection).change(
                account_id, {**change, "updated_at": rfc3339(self._clock())}
            )
            if weakened:
                await Sessions(connection).end(account_id)
            await self._audit.note(connection, "user.change", row["name"], **dict(values))
            return await _present(connection, account_id)

    async def change_oneself(
        self, who: Principal, values: Mapping[str, Any]
    ) -> Row:  # Any: as above
        """Name and address alone: nobody makes himself an Administrator."""
        own = {name: values[name] for name in OWN if name in values}
        async with self._database.writing() as connection:
            await Accounts(connection).change(
                who.account_id, {**own, "updated_at": rfc3339(self._clock())}
            )
            return await _present(connection, who.account_id)

    async def remove(self, account_id: str) -> None:
        """With all sessions. Raises NotFound, Conflict `last-administrator`."""
        async with self._database.writing() as connection:
            row = await _present(connection, account_id)
            if row["role"] == "administrator" and row["is_active"]:
                await _check_another_is_left(connection)
            await Accounts(connection).remove(account_id)
            await self._audit.note(connection, "user.remove", row["name"])


async def _present(connection: AsyncConnection, account_id: str) -> Row:
    row = await Accounts(connection).find(account_id)
    if row is None:
        raise NotFound("no-such-user", "There is no account with this id.")
    return row


async def _check_another_is_left(connection: AsyncConnection) -> None:
    if await Accounts(connection).count(administrators=True) <= 1:
        raise Conflict(
            "last-administrator",
            "This is the last Administrator. Make somebody else one first.",
        )
