"""The tables of what gets somebody in when the usual way does not: codes on paper, a link of an
Administrator's; of apps that are not confirmed yet; and of addresses that somebody came from."""

from collections.abc import Mapping

from sqlalchemy import Column, String, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.groups.table_store import inserting
from hub.tables import table

OFFER = table(
    "totp_offer",
    account_id=Column(String, primary_key=True),
    sealed=Column(Text),
    ends_at=Column(String),
)
CODE = table(
    "recovery_code",
    account_id=Column(String, primary_key=True),
    digest=Column(String, primary_key=True),
)
RESET = table(
    "reset",
    account_id=Column(String, primary_key=True),
    secret_hash=Column(String),
    ends_at=Column(String),
)
FAMILIAR = table(
    "familiar",
    account_id=Column(String, primary_key=True),
    address=Column(String, primary_key=True),
    seen_at=Column(String),
)
MOST_FAMILIAR = 20  # addresses of one account


class Recovery:
    """Every query on them. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # --- an app that is not confirmed yet -------------------------------------------------------

    async def offer(self, account_id: str, sealed: str, ends_at: str) -> None:
        """In place of the one before."""
        row = {"account_id": account_id, "sealed": sealed, "ends_at": ends_at}
        await self._put(OFFER, row)

    async def offered(self, account_id: str, now: str) -> str | None:
        query = select(OFFER.c.sealed).where(
            OFFER.c.account_id == account_id, OFFER.c.ends_at > now
        )
        sealed: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return sealed

    async def take_offer(self, account_id: str, sealed: str) -> bool:
        """Once: False if somebody else took it, or another one was made."""
        gone = delete(OFFER).where(OFFER.c.account_id == account_id, OFFER.c.sealed == sealed)
        taken = await self._connection.execute(gone.returning(OFFER.c.account_id))
        return taken.first() is not None

    # --- codes on paper -------------------------------------------------------------------------

    async def set_codes(self, account_id: str, digests: list[str]) -> None:
        """These and no others."""
        await self._connection.execute(delete(CODE).where(CODE.c.account_id == account_id))
        rows = [{"account_id": account_id, "digest": one} for one in digests]
        if rows:
            await self._connection.execute(insert(CODE), rows)

    async def use_code(self, account_id: str, digest: str) -> bool:
        """Once."""
        gone = delete(CODE).where(CODE.c.account_id == account_id, CODE.c.digest == digest)
        return (await self._connection.execute(gone.returning(CODE.c.digest))).first() is not None

    async def codes_left(self, account_id: str) -> int:
        query = select(CODE.c.digest).where(CODE.c.account_id == account_id)
        return len((await self._connection.execute(query)).all())

    # --- links ----------------------------------------------------------------------------------

    async def set_link(self, account_id: str, secret_hash: str, ends_at: str) -> None:
        """In place of the one before."""
        row = {"account_id": account_id, "secret_hash": secret_hash, "ends_at": ends_at}
        await self._put(RESET, row)

    async def drop_link(self, account_id: str) -> None:
        await self._connection.execute(delete(RESET).where(RESET.c.account_id == account_id))

    async def linked(self, secret_hash: str, now: str) -> str | None:
        """Whose link it is."""
        query = select(RESET.c.account_id).where(
            RESET.c.secret_hash == secret_hash, RESET.c.ends_at > now
        )
        account_id: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return account_id

    async def use_link(self, secret_hash: str, now: str) -> bool:
        """Once."""
        gone = delete(RESET).where(RESET.c.secret_hash == secret_hash, RESET.c.ends_at > now)
        used = await self._connection.execute(gone.returning(RESET.c.account_id))
        return used.first() is not None

    # --- addresses ------------------------------------------------------------------------------

    async def is_familiar(self, account_id: str, address: str) -> bool:
        query = select(FAMILIAR.c.address).where(
            FAMILIAR.c.account_id == account_id, FAMILIAR.c.address == address
        )
        return (await self._connection.execute(query)).first() is not None

    async def came_from(self, account_id: str, address: str, at: str) -> None:
        """The last twenty are kept."""
        own = FAMILIAR.c.account_id == account_id
        await self._connection.execute(delete(FAMILIAR).where(own, FAMILIAR.c.address == address))
        row = {"account_id": account_id, "address": address, "seen_at": at}
        await self._connection.execute(insert(FAMILIAR), [row])
        newest = select(FAMILIAR.c.address).where(own).order_by(FAMILIAR.c.seen_at.desc())
        kept = [one[0] for one in await self._connection.execute(newest)][:MOST_FAMILIAR]
        await self._connection.execute(delete(FAMILIAR).where(own, FAMILIAR.c.address.not_in(kept)))

    # --- all of it ------------------------------------------------------------------------------

    async def forget(self, now: str) -> None:
        """What nobody can use any more."""
        await self._connection.execute(delete(OFFER).where(OFFER.c.ends_at <= now))
        await self._connection.execute(delete(RESET).where(RESET.c.ends_at <= now))

    async def _put(self, into: Table, row: Mapping[str, str]) -> None:
        """In one statement: somebody else may do the same right now."""
        put = inserting(self._connection, into).values(**row)
        kept = {name: value for name, value in row.items() if name != "account_id"}
        await self._connection.execute(
            put.on_conflict_do_update(index_elements=["account_id"], set_=kept)
        )
