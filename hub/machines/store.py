"""The tables of machines, and of those that are about to be one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Integer, String, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table
from hub.users.store import ACCOUNT

MACHINE = table(
    "machine",
    id=Column(String, primary_key=True),
    account_id=Column(String),
    name=Column(String),
    version=Column(String),
    os=Column(String),
    address=Column(String),
    created_at=Column(String),
    seen_at=Column(String),
)
CODE = table(
    "machine_code",
    hash=Column(String, primary_key=True),
    account_id=Column(String),
    challenge=Column(String),
    redirect_uri=Column(String),
    machine_name=Column(String),
    ends_at=Column(String),
    used_at=Column(String),
    machine_id=Column(String),
)
DEVICE = table(
    "machine_device",
    hash=Column(String, primary_key=True),
    user_code=Column(String),
    machine_name=Column(String),
    address=Column(String),
    program=Column(String),
    created_at=Column(String),
    ends_at=Column(String),
    state=Column(String),
    account_id=Column(String),
    polled_at=Column(String),
    interval_s=Column(Integer),
)
Row = Mapping[str, Any]  # Any: a row's values


class Machines:
    """Every query on machines; each row with its `owner`. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(MACHINE), [dict(values)])

    async def find(self, machine_id: str) -> Row | None:
        query = _with_owner().where(MACHINE.c.id == machine_id)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def found(self, account_id: str | None, before: str | None, limit: int) -> list[Row]:
        """The newest first; of one person, or of everybody."""
        query = _with_owner().order_by(MACHINE.c.id.desc()).limit(limit)
        if account_id is not None:
            query = query.where(MACHINE.c.account_id == account_id)
        if before is not None:
            query = query.where(MACHINE.c.id < before)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def change(self, machine_id: str, values: Row) -> None:
        changed = update(MACHINE).where(MACHINE.c.id == machine_id).values(**values)
        await self._connection.execute(changed)

    async def remove(self, machine_id: str) -> Row | None:
        """With its tokens. What it was; None if it is gone already."""
        gone = delete(MACHINE).where(MACHINE.c.id == machine_id)
        row = (await self._connection.execute(gone.returning(*MACHINE.c))).mappings().first()
        return dict(row) if row else None


class Codes:
    """Every query on codes that a browser carries to a program. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(CODE), [dict(values)])

    async def use(self, code_hash: str, now: str, machine_id: str) -> Row | None:
        """Spends one that nobody has spent. One statement: of two at once one gets it."""
        spent = (
            update(CODE)
            .where(CODE.c.hash == code_hash, CODE.c.used_at.is_(None), CODE.c.ends_at > now)
            .values(used_at=now, machine_id=machine_id)
            .returning(*CODE.c)
        )
        row = (await self._connection.execute(spent)).mappings().first()
        return dict(row) if row else None

    async def find(self, code_hash: str) -> Row | None:
        query = select(CODE).where(CODE.c.hash == code_hash)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def end(self, account_id: str) -> None:
        """Those that nobody has spent yet."""
        unspent = (CODE.c.account_id == account_id) & CODE.c.used_at.is_(None)
        await self._connection.execute(delete(CODE).where(unspent))

    async def forget(self, ended_before: str) -> None:
        await self._connection.execute(delete(CODE).where(CODE.c.ends_at < ended_before))


class Devices:
    """Every query on programs that wait to be let in from another screen. Commits nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(DEVICE), [dict(values)])

    async def waiting_from(self, address: str, now: str) -> int:
        query = select(func.count()).select_from(DEVICE)
        query = query.where(DEVICE.c.address == address, DEVICE.c.ends_at > now)
        return int((await self._connection.execute(query)).scalar_one())

    async def pending(self, user_code: str, now: str) -> Row | None:
        query = select(DEVICE).where(
            DEVICE.c.user_code == user_code, DEVICE.c.state == "pending", DEVICE.c.ends_at > now
        )
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def answer(self, user_code: str, state: str, account_id: str, now: str) -> Row | None:
        """Somebody's yes or no, once."""
        answered = (
            update(DEVICE)
            .where(
                DEVICE.c.user_code == user_code,
                DEVICE.c.state == "pending",
                DEVICE.c.ends_at > now,
            )
            .values(state=state, account_id=account_id)
            .returning(*DEVICE.c)
        )
        row = (await self._connection.execute(answered)).mappings().first()
        return dict(row) if row else None

    async def held(self, device_hash: str) -> Row | None:
        """One that nobody else changes until the transaction is over."""
        query = select(DEVICE).where(DEVICE.c.hash == device_hash).with_for_update()
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def change(self, device_hash: str, values: Row) -> None:
        changed = update(DEVICE).where(DEVICE.c.hash == device_hash).values(**values)
        await self._connection.execute(changed)

    async def end(self, account_id: str) -> None:
        """Those that somebody let in, and that have not come in yet."""
        allowed = (DEVICE.c.account_id == account_id) & (DEVICE.c.state == "allowed")
        await self._connection.execute(update(DEVICE).where(allowed).values(state="denied"))

    async def forget(self, ended_before: str) -> None:
        await self._connection.execute(delete(DEVICE).where(DEVICE.c.ends_at < ended_before))


def _with_owner() -> Any:  # Any: of SQLAlchemy
    return select(MACHINE, ACCOUNT.c.name.label("owner")).join(
        ACCOUNT, ACCOUNT.c.id == MACHINE.c.account_id
    )
