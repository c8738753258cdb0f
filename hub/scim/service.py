"""What an identity provider does with people and groups (SCIM 2.0, RFC 7644)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Invalid, NotFound
from hub.audit.service import AuditService
from hub.identity.revocations import Revocations
from hub.identity.rules import login_name
from hub.scim import resources, rules
from hub.scim.filters import BadFilter, Filter, parse
from hub.scim.rules import BadResource, PersonSaid, Resource
from hub.scim.store import Provisioned, Row
from hub.users.store import Accounts, account_row
from hub.users.weighing import Weighing

MOST = 200
Said = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a list: `start` counts from one."""

    filter: str = ""
    start: int = 1
    count: int = 100

    @property
    def offset(self) -> int:
        return max(self.start, 1) - 1

    @property
    def limit(self) -> int:
        return min(max(self.count, 0), MOST)


class ScimPeople:
    """Neither the last Administrator nor a break-glass account is within a provider's reach.
    Whoever is switched off is out at once: sessions, tokens and keys."""

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

    async def found(self, asked: Asked) -> Resource:
        """Raises Invalid `bad-filter`."""
        wanted = filter_of(asked.filter)
        async with self._database.reading() as connection:
            with_filter = Provisioned(connection)
            try:
                total, rows = await with_filter.people(wanted, asked.offset, asked.limit)
            except BadFilter as err:
                raise bad_filter(err) from None
            groups = await with_filter.groups_of([row["id"] for row in rows])
        shown = [resources.user(row, groups[row["id"]], self._base) for row in rows]
        return resources.listed(shown, total, max(asked.start, 1))

    async def get(self, account_id: str) -> Resource:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return await self._shown(connection, account_id)

    async def add(self, said: Said) -> Resource:
        """Raises Invalid, Conflict `name-taken`."""
        person = reading(lambda: rules.person(said))
        name, now = _name(person), rfc3339(self._clock())
        row = account_row(
            self._new_id(), name, now, role_from="scim", **_kept(person, is_active=True)
        )
        async with self._database.writing() as connection:
            if not await Accounts(connection).add_named(row):
                raise _taken(name)
            provisioned = Provisioned(connection)
            await provisioned.name_person(row["id"], person.given_name, person.family_name)
            await self._audit.note(connection, "user.add", name, by="SCIM")
            return await self._shown(connection, row["id"])

    async def replace(self, account_id: str, said: Said, if_match: str | None) -> Resource:
        """Raises NotFound, Invalid, Conflict."""
        return await self._change(account_id, lambda _: said, if_match)

    async def patch(self, account_id: str, asked: Said, if_match: str | None) -> Resource:
        """Raises as `replace`."""
        return await self._change(account_id, lambda had: rules.patched(had, asked), if_match)

    async def _change(
        self, account_id: str, make: Callable[[Resource], Said], if_match: str | None
    ) -> Resource:
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            row = await _present(connection, account_id)
            check_version(row, if_match)
            had = resources.user(row, (), self._base)
            person = reading(lambda: rules.person(make(had)))
            change = await self._changes(connection, row, person)
            if change:
                _check_within_reach(row)
                await self._write(connection, row, person, change)
            moved = await weighing.end(self._revocations)
            shown = await self._shown(connection, account_id)
        await self._revocations.tell(account_id, *moved)
        return shown

    async def _changes(
        self, connection: AsyncConnection, row: Row, person: PersonSaid
    ) -> dict[str, Any]:  # Any: each its own
        name = _name(person)
        if name != row["name"] and await Accounts(connection).named(name):
            raise _taken(name)
        wanted = {"name": name, **_kept(person, is_active=row["is_active"])}
        change = {key: value for key, value in wanted.items() if row[key] != value}
        names = (row["given_name"] or "", row["family_name"] or "")
        if names != (person.given_name, person.family_name):
            change["given_name"], change["family_name"] = person.given_name, person.family_name
        return change

    async def _write(
        self,
        connection: AsyncConnection,
        row: Row,
        person: PersonSaid,
        change: dict[str, Any],  # Any: each its own
    ) -> None:
        parts = {"given_name", "family_name"}
        own = {key: value for key, value in change.items() if key not in parts}
        await Provisioned(connection).name_person(row["id"], person.given_name, person.family_name)
        await Accounts(connection).change(row["id"], {**own, "updated_at": rfc3339(self._clock())})
        if change.get("is_active") is False:
            await self._revocations.end_all(connection, row["id"])
        await self._audit.note(
            connection, "user.change", row["name"], by="SCIM", changed=sorted(change)
        )

    async def remove(self, account_id: str, if_match: str | None) -> None:
        """Raises NotFound, Conflict."""
        async with self._database.writing() as connection:
            weighing = await Weighing.begin(connection)
            row = await _present(connection, account_id)
            check_version(row, if_match)
            _check_within_reach(row)
            await self._revocations.end_all(connection, account_id)
            await Accounts(connection).remove(account_id)
            await weighing.end(self._revocations)
            await self._audit.note(connection, "user.remove", row["name"], by="SCIM")
        await self._revocations.tell(account_id)

    async def _shown(self, connection: AsyncConnection, account_id: str) -> Resource:
        row = await _present(connection, account_id)
        groups = await Provisioned(connection).groups_of([account_id])
        return resources.user(row, groups[account_id], self._base)


def _kept(person: PersonSaid, *, is_active: bool) -> dict[str, Any]:  # Any: each its own
    """`is_active`: what holds where the provider says nothing of it. Whoever was switched off stays
    so: RFC 7644, 3.5.1 leaves open what a missing attribute means."""
    return {
        "display_name": person.display_name,
        "email": person.email,
        "external_id": person.external_id,
        "is_active": is_active if person.is_active is None else person.is_active,
    }


def _name(person: PersonSaid) -> str:
    try:
        return login_name(person.user_name)
    except ValueError as err:
        raise Invalid("bad-name", str(err), scim_type="invalidValue") from None


def _taken(name: str) -> Conflict:
    return Conflict(
        "name-taken", f"There is an account called {name} already.", scim_type="uniqueness"
    )


def _check_within_reach(row: Row) -> None:
    if row["is_break_glass"]:
        raise Conflict(
            "break-glass", "This account is for when the provider is away: it is kept by hand."
        )


async def _present(connection: AsyncConnection, account_id: str) -> Row:
    row = await Provisioned(connection).person(account_id)
    if row is None:
        raise NotFound("no-such-user", "There is no user with this id.")
    return row


def filter_of(text: str) -> Filter | None:
    """Raises Invalid `bad-filter`."""
    try:
        return parse(text) if text.strip() else None
    except BadFilter as err:
        raise bad_filter(err) from None


def bad_filter(err: BadFilter) -> Invalid:
    return Invalid("bad-filter", str(err), scim_type="invalidFilter")


def reading(read: Callable[[], Any]) -> Any:  # Any: what it gives
    """What a provider sent. Raises Invalid `bad-resource`."""
    try:
        return read()
    except BadResource as err:
        raise Invalid("bad-resource", str(err), scim_type=err.kind) from None


def check_version(row: Row, if_match: str | None) -> None:
    """Raises Conflict `version-changed`, which SCIM knows as 412."""
    wanted = [one.strip() for one in (if_match or "*").split(",")]
    if "*" not in wanted and resources.version(row) not in wanted:
        raise Conflict("version-changed", "It was changed since you looked. Look again.")
