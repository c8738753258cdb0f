"""Groups: made here by an Administrator, or as identity providers say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Invalid, NotFound
from hub.access import Role
from hub.audit.service import AuditService
from hub.groups.rules import checked_name
from hub.groups.store import Groups, Members, Row, folded
from hub.identity.revocations import Revocations
from hub.users.store import Accounts
from hub.users.weighing import Weighing

Source = Literal["local", "oidc", "scim"]


@dataclass(frozen=True, slots=True)
class Group:
    """One of them, with the ids of those who are in it."""

    row: Row
    members: list[str]


class GroupService:
    """Each source has a say of its own about who is in a group: what one of them takes away stays
    if another one gave it, too. Nothing here leaves the hub without an Administrator."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        revocations: Revocations,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._audit, self._revocations = database, audit, revocations
        self._clock, self._new_id = clock, new_id

    # --- what identity providers say ------------------------------------------------------------

    async def set_from(
        self, connection: AsyncConnection, account_id: str, source: Source, names: Iterable[str]
    ) -> tuple[str, ...]:
        """The groups of somebody are these and no others, as far as `source` has a say. Makes
        those that are not there. Says which names were left out: those that are no names of
        groups, and those of groups that are filled by hand.

        Call `revocations.tell(account_id)` when it is committed."""
        wanted, left_out = await self._within_reach(connection, names)
        before = {
            row["id"]: row for row in await Members(connection).of_account(account_id, source)
        }
        now = {await self._id_of(connection, name, source) for name in wanted.values()}
        for group_id in sorted(before.keys() - now):
            await Members(connection).remove(group_id, [account_id], source)
        for group_id in sorted(now - before.keys()):
            await Members(connection).add(group_id, [account_id], source)
        return left_out

    async def is_as(
        self, connection: AsyncConnection, account_id: str, source: Source, names: Iterable[str]
    ) -> bool:
        """Whether `set_from` would change nothing."""
        wanted, _ = await self._within_reach(connection, names)
        known = await Members(connection).of_account(account_id, source)
        return {row["folded"] for row in known} == wanted.keys()

    async def _within_reach(
        self, connection: AsyncConnection, names: Iterable[str]
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """By how they are compared, and what is left out. A group that was made here and makes
        Administrators is out of reach: at some providers anybody may make a group of any name."""
        by_hand = await Groups(connection).filled_by_hand()
        wanted: dict[str, str] = {}
        left_out: list[str] = []
        for name in names:
            try:
                known = checked_name(name)
            except ValueError:
                left_out.append(str(name)[:200])
                continue
            if folded(known) in by_hand:
                left_out.append(known)
            else:
                wanted[folded(known)] = known
        return wanted, tuple(left_out)

    async def names_of(self, connection: AsyncConnection, account_id: str) -> tuple[str, ...]:
        """Of all sources."""
        return tuple(row["name"] for row in await Members(connection).of_account(account_id))

    async def _id_of(self, connection: AsyncConnection, name: str, source: Source) -> str:
        row = await Groups(connection).named(name)
        if row is None:
            made = self._row(name, source)
            if await Groups(connection).add(made):
                return str(made["id"])
            row = await Groups(connection).named(name)
        if row is None:  # made and removed again by others at this very moment
            raise Conflict("changed-meanwhile", "Somebody else changed this group. Try again.")
        return str(row["id"])

    def _row(self, name: str, source: Source, **known: object) -> dict[str, Any]:  # Any: each its
        at = rfc3339(self._clock())
        return {
            "id": self._new_id(),
            "name": name,
            "folded": folded(name),
            "role": None,
            "source": source,
            "external_id": None,
            "created_at": at,
            "updated_at": at,
            **known,
        }

    # --- what an Administrator does -------------------------------------------------------------

    async def found(self, text: str, after: str | None, limit: int) -> list[Group]:
        async with self._database.reading() as connection:
            rows = await Groups(connection).found(text, after, limit)
            members = await Members(connection).ids([row["id"] for row in rows])
        return [Group(row, members[row["id"]]) for row in rows]

    async def get(self, group_id: str) -> Group:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return await self._group(connection, group_id)

    async def add(self, name: str, role: Role | None) -> Group:
        """Raises Invalid `bad-name`, Conflict `name-taken`."""
        row = self._row(_checked(name), "local", role=role)
        async with self._database.writing() as connection:
            if not await Groups(connection).add(row):
                raise Conflict("name-taken", f"There is a group called {row['name']} already.")
            await self._audit.note(connection, "group.add", row["name"], role=role)
        return Group(row, [])

    async def change(self, group_id: str, values: Mapping[str, Any]) -> Group:  # Any: each its own
        """Name and role. Raises NotFound, Invalid, Conflict `name-taken`, `last-administrator`."""
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            before = (await self._group(connection, group_id)).row
            change: dict[str, Any] = dict(values)  # Any: as above
            if "name" in change:
                change["name"] = await self._free_name(connection, before, change["name"])
                change["folded"] = folded(change["name"])
            change["updated_at"] = rfc3339(self._clock())
            await Groups(connection).change(group_id, change)
            moved = await weighing.end(self._revocations)
            await self._audit.note(connection, "group.change", before["name"], **dict(values))
            group = await self._group(connection, group_id)
        await self._revocations.tell(*group.members, *moved)
        return group

    async def remove(self, group_id: str) -> None:
        """Raises NotFound, Conflict `last-administrator`."""
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            group = await self._group(connection, group_id)
            await Groups(connection).remove(group_id)
            moved = await weighing.end(self._revocations)
            await self._audit.note(connection, "group.remove", group.row["name"])
        await self._revocations.tell(*group.members, *moved)

    async def put_in(self, group_id: str, account_id: str) -> None:
        """Raises NotFound."""
        await self._move(group_id, account_id, is_in=True)

    async def take_out(self, group_id: str, account_id: str) -> None:
        """Whatever source put somebody in. Raises NotFound, Conflict `last-administrator`."""
        await self._move(group_id, account_id, is_in=False)

    async def _move(self, group_id: str, account_id: str, *, is_in: bool) -> None:
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            group = await self._group(connection, group_id)
            account = await Accounts(connection).find(account_id)
            if account is None:
                raise NotFound("no-such-user", "There is no account with this id.")
            if is_in:
                await Members(connection).add(group_id, [account_id], "local")
            else:
                await Members(connection).remove(group_id, [account_id])
            moved = await weighing.end(self._revocations)
            verb = "group.put-in" if is_in else "group.take-out"
            await self._audit.note(connection, verb, group.row["name"], user=account["name"])
        await self._revocations.tell(account_id, *moved)

    async def _group(self, connection: AsyncConnection, group_id: str) -> Group:
        row = await Groups(connection).find(group_id)
        if row is None:
            raise NotFound("no-such-group", "There is no group with this id.")
        return Group(row, (await Members(connection).ids([group_id]))[group_id])

    async def _free_name(self, connection: AsyncConnection, before: Row, name: str) -> str:
        known = _checked(name)
        other = await Groups(connection).named(known)
        if other is not None and other["id"] != before["id"]:
            raise Conflict("name-taken", f"There is a group called {known} already.")
        return known


def _checked(name: str) -> str:
    try:
        return checked_name(name)
    except ValueError as err:
        raise Invalid("bad-name", str(err)) from None
