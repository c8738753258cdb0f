"""People: listed, made, changed and removed by an Administrator; oneself by everybody."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, NotFound
from hub.access import Principal
from hub.audit.service import AuditService
from hub.groups.store import Members
from hub.identity.proving import Proving
from hub.identity.revocations import Revocations
from hub.users.store import Accounts, Row
from hub.users.weighing import Weighing

OWN = ("display_name", "email")
STANDING = ("role", "is_active")


class UserService:
    """There is always an active Administrator: the last one cannot be removed, switched off, or
    made a User. Whose role changes, or who is switched off, is out at once."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        revocations: Revocations,
        proving: Proving,
        clock: Clock,
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._revocations, self._proving = revocations, proving

    async def get(self, account_id: str) -> Row:
        """With its `groups`. Raises NotFound."""
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
        """With their `groups`, by name."""
        async with self._database.reading() as connection:
            rows = await Accounts(connection).found(text, after, limit)
            groups = await Members(connection).names([row["id"] for row in rows])
        return [{**row, "groups": groups[row["id"]]} for row in rows]

    async def change(
        self, account_id: str, values: Mapping[str, Any], by: Principal
    ) -> Row:  # Any: each its own
        """An Administrator's change of somebody. Raises NotFound, Conflict `last-administrator`,
        and `own-account` for one's own role or being switched off."""
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            row = await _present(connection, account_id)
            change = dict(values)
            if any(name in change and change[name] != row[name] for name in STANDING):
                _not_oneself(account_id, by)
            if "role" in change and change["role"] != row["role"]:
                change["role_from"] = "local"
            change["updated_at"] = rfc3339(self._clock())
            await Accounts(connection).change(account_id, change)
            moved = await weighing.end(self._revocations)
            if values.get("is_active") is False:
                await self._revocations.end_all(connection, account_id)
            await self._audit.note(connection, "user.change", row["name"], **dict(values))
            row = await _present(connection, account_id)
        await self._revocations.tell(account_id, *moved)
        return row

    async def change_oneself(
        self, who: Principal, values: Mapping[str, Any]
    ) -> Row:  # Any: as above
        """Name and address alone: nobody makes himself an Administrator. Raises Denied
        `proof-wanted`."""
        own = {name: values[name] for name in OWN if name in values}
        async with self._database.writing() as connection:
            await self._proving.check(connection, who)
            await Accounts(connection).change(
                who.account_id, {**own, "updated_at": rfc3339(self._clock())}
            )
            await self._audit.note(connection, "user.change", who.name, **own)
            row = await _present(connection, who.account_id)
        await self._revocations.tell(who.account_id)
        return row

    async def remove(self, account_id: str, by: Principal | None = None) -> None:
        """With all sessions. Raises NotFound, Conflict `last-administrator` and `own-account`."""
        _not_oneself(account_id, by)
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            row = await _present(connection, account_id)
            await self._revocations.end_all(connection, account_id)
            await Accounts(connection).remove(account_id)
            await weighing.end(self._revocations)
            await self._audit.note(connection, "user.remove", row["name"])
        await self._revocations.tell(account_id)


def _not_oneself(account_id: str, by: Principal | None) -> None:
    if by is not None and by.account_id == account_id:
        raise Conflict(
            "own-account",
            "This is your own account. Another Administrator can switch it off, remove it or "
            "change its role.",
        )


async def _present(connection: AsyncConnection, account_id: str) -> Row:
    row = await Accounts(connection).find(account_id)
    if row is None:
        raise NotFound("no-such-user", "There is no account with this id.")
    return row
