"""What an identity provider does with groups: its own, and those that it named at a sign-in."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Invalid, NotFound
from hub.audit.service import AuditService
from hub.groups.rules import checked_name
from hub.groups.store import Groups, Members, folded
from hub.identity.revocations import Revocations
from hub.scim import resources, rules
from hub.scim.filters import BadFilter
from hub.scim.rules import GroupSaid, Resource
from hub.scim.service import Asked, Said, bad_filter, check_version, filter_of, reading
from hub.scim.store import Provisioned, Row
from hub.users.weighing import Weighing

SOURCE = "scim"


class ScimGroups:
    """A provider has no say in the groups that were made here, nor in who was put into its own by
    others, nor in what a group's members may do."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        revocations: Revocations,
        clock: Clock,
        new_id: NewId,
        *,
        base: str,
    ) -> None:
        self._database, self._audit, self._revocations = database, audit, revocations
        self._clock, self._new_id, self._base = clock, new_id, base

    async def found(self, asked: Asked, *, with_members: bool) -> Resource:
        """Raises Invalid `bad-filter`."""
        wanted = filter_of(asked.filter)
        async with self._database.reading() as connection:
            try:
                total, rows = await Provisioned(connection).groups(
                    wanted, asked.offset, asked.limit
                )
            except BadFilter as err:
                raise bad_filter(err) from None
            ids = [row["id"] for row in rows] if with_members else []
            members = await Provisioned(connection).members_of(ids)
        shown = [resources.group(row, members.get(row["id"], ()), self._base) for row in rows]
        return resources.listed(shown, total, max(asked.start, 1))

    async def get(self, group_id: str) -> Resource:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return await self._shown(connection, group_id)

    async def add(self, said: Said) -> Resource:
        """One that a sign-in has named already becomes SCIM's. Raises Invalid, Conflict
        `name-taken`."""
        group: GroupSaid = reading(lambda: rules.group(said))
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            row = await self._made(connection, group)
            changed = await self._set_members(connection, row["id"], group)
            moved = await weighing.end(self._revocations)
            await self._audit.note(connection, "group.add", row["name"], by="SCIM")
            shown = await self._shown(connection, row["id"])
        await self._revocations.tell(*changed, *moved)
        return shown

    async def _made(self, connection: AsyncConnection, group: GroupSaid) -> Row:
        name, now = _name(group), rfc3339(self._clock())
        row = {
            "id": self._new_id(),
            "name": name,
            "folded": folded(name),
            "role": None,
            "source": SOURCE,
            "external_id": group.external_id,
            "created_at": now,
            "updated_at": now,
        }
        if await Groups(connection).add(row):
            return row
        there = await Groups(connection).named(name)
        if there is None or there["source"] != "oidc":
            raise _taken(name)
        change = {"source": SOURCE, "external_id": group.external_id, "updated_at": now}
        await Groups(connection).change(there["id"], change)
        return {**there, **change}

    async def replace(self, group_id: str, said: Said, if_match: str | None) -> Resource:
        """Raises NotFound, Invalid, Conflict."""
        return await self._change(group_id, lambda _: said, if_match)

    async def patch(self, group_id: str, asked: Said, if_match: str | None) -> Resource:
        """Raises as `replace`."""
        return await self._change(group_id, lambda had: rules.patched(had, asked), if_match)

    async def _change(
        self, group_id: str, make: Callable[[Resource], Said], if_match: str | None
    ) -> Resource:
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            row = await _within_reach(connection, group_id, if_match)
            own = await Members(connection).of_group(group_id, SOURCE)
            had = resources.group(row, own, self._base)
            group: GroupSaid = reading(lambda: rules.group(make(had)))
            name = _name(group)
            other = await Groups(connection).named(name)
            if other is not None and other["id"] != group_id:
                raise _taken(name)
            change: dict[str, Any] = {  # Any: each its own
                "name": name,
                "folded": folded(name),
                "external_id": group.external_id,
            }
            changed = await self._set_members(connection, group_id, group)
            if changed or any(row[key] != value for key, value in change.items()):
                change["updated_at"] = rfc3339(self._clock())
                await Groups(connection).change(group_id, change)
                await self._audit.note(
                    connection, "group.change", row["name"], by="SCIM", members=len(changed)
                )
            moved = await weighing.end(self._revocations)
            shown = await self._shown(connection, group_id)
        await self._revocations.tell(*changed, *moved)
        return shown

    async def remove(self, group_id: str, if_match: str | None) -> None:
        """Raises NotFound, Conflict."""
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            row = await _within_reach(connection, group_id, if_match)
            members = (await Members(connection).ids([group_id]))[group_id]
            await Groups(connection).remove(group_id)
            moved = await weighing.end(self._revocations)
            await self._audit.note(connection, "group.remove", row["name"], by="SCIM")
        await self._revocations.tell(*members, *moved)

    async def _set_members(
        self, connection: AsyncConnection, group_id: str, group: GroupSaid
    ) -> list[str]:
        """Whose membership changed."""
        if group.members is None:
            return []
        before = {one["id"] for one in await Members(connection).of_group(group_id, SOURCE)}
        new = sorted(group.members - before)
        if set(new) - await Provisioned(connection).are_there(new):
            raise Invalid(
                "no-such-member", "A member is no user of this hub.", scim_type="invalidValue"
            )
        gone = sorted(before - group.members)
        await Members(connection).remove(group_id, gone, SOURCE)
        await Members(connection).add(group_id, new, SOURCE)
        return [*gone, *new]

    async def _shown(self, connection: AsyncConnection, group_id: str) -> Resource:
        row = await _present(connection, group_id)
        members = await Provisioned(connection).members_of([group_id])
        return resources.group(row, members[group_id], self._base)


async def _within_reach(connection: AsyncConnection, group_id: str, if_match: str | None) -> Row:
    row = await _present(connection, group_id)
    check_version(row, if_match)
    if row["source"] == "local":
        raise Conflict("local-group", "This group was made on the hub, and is kept there.")
    return row


async def _present(connection: AsyncConnection, group_id: str) -> Row:
    row = await Groups(connection).find(group_id)
    if row is None:
        raise NotFound("no-such-group", "There is no group with this id.")
    return row


def _name(group: GroupSaid) -> str:
    try:
        return checked_name(group.name)
    except ValueError as err:
        raise Invalid("bad-name", str(err), scim_type="invalidValue") from None


def _taken(name: str) -> Conflict:
    return Conflict(
        "name-taken", f"There is a group called {name} already.", scim_type="uniqueness"
    )
