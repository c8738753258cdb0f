"""Computers with an agent: listed, named, and thrown out."""

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Denied, Invalid, NotFound
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.sessions import From
from hub.machines.rules import Pair, machine_name, program_of
from hub.machines.store import Machines, Row
from hub.machines.tokens import TokenService


class MachineService:
    """Of one's own machines; an Administrator also of others'. Who may not see one is told that
    there is none."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        tokens: TokenService,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._audit, self._tokens = database, audit, tokens
        self._clock, self._new_id = clock, new_id

    def new_id(self) -> str:
        return self._new_id()

    async def connect(
        self, connection: AsyncConnection, machine_id: str, name: str, account: Row, whence: From
    ) -> Pair:
        """A new machine of somebody who let it in, in the transaction that proves it."""
        now, (version, system) = rfc3339(self._clock()), program_of(whence.program)
        row = {
            "id": machine_id,
            "account_id": account["id"],
            "name": name,
            "version": version,
            "os": system,
            "address": whence.address[:64],
            "created_at": now,
            "seen_at": now,
        }
        await Machines(connection).add(row)
        pair = await self._tokens.issue(
            account, "machine", machine_id, whence=whence, connection=connection
        )
        await self._audit.note(
            connection, "machine.connect", name, actor_name=account["name"], machine=machine_id
        )
        return pair

    async def found(
        self, who: Principal, *, of_all: bool, before: str | None, limit: int
    ) -> list[Row]:
        """One's own; of all people for an Administrator who asks. Raises Denied."""
        if of_all and not who.is_administrator:
            raise Denied("administrators-only", "Only an Administrator may see all computers.")
        own = None if of_all else who.account_id
        async with self._database.reading() as connection:
            return await Machines(connection).found(own, before, limit)

    async def get(self, who: Principal, machine_id: str) -> Row:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return await _seen_by(who, connection, machine_id)

    async def rename(self, who: Principal, machine_id: str, text: str) -> Row:
        """Raises Invalid and NotFound."""
        name = checked_name(text)
        async with self._database.writing() as connection:
            row = await _seen_by(who, connection, machine_id)
            await Machines(connection).change(machine_id, {"name": name})
            await self._audit.note(connection, "machine.rename", name, machine=machine_id)
        return {**row, "name": name}

    async def remove(self, who: Principal, machine_id: str) -> None:
        """Its tokens end at once. Raises NotFound."""
        async with self._database.writing() as connection:
            row = await _seen_by(who, connection, machine_id)
            await Machines(connection).remove(machine_id)
            await self._audit.note(
                connection, "machine.remove", row["name"], machine=machine_id, owner=row["owner"]
            )
        await self.tell(row["account_id"])

    async def tell(self, account_id: str) -> None:
        """Once it is committed that something of an account has ended."""
        await self._tokens.tell(account_id)


async def _seen_by(who: Principal, connection: AsyncConnection, machine_id: str) -> Row:
    row = await Machines(connection).find(machine_id)
    if row is None or not (who.is_administrator or row["account_id"] == who.account_id):
        raise NotFound("no-such-machine", "There is no machine with this id.")
    return row


def checked_name(text: str) -> str:
    """Raises Invalid `bad-machine-name`."""
    try:
        return machine_name(text)
    except ValueError as err:
        raise Invalid("bad-machine-name", str(err)) from None
