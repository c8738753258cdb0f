"""Keys of programs: made by people, shown once, good for what their scopes name."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, NewSecret, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Invalid, NotFound, Unauthenticated
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.lasting import Lasting
from hub.identity.principals import principal
from hub.identity.proving import Proving
from hub.identity.revocations import Revocations, hashed
from hub.keys.store import ApiKeys, Row

PREFIX = "ohk_"
MOST = 100  # of one person
HINT_CHARACTERS = 8
USED_EVERY = timedelta(minutes=1)  # a key that is used is not written each time
LONGEST_SECRET = 200


class KeyService:
    """A key is its maker for as long as it lives, and ends with the account."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        revocations: Revocations,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
        proving: Proving,
        lasting: Lasting,
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._new_id, self._new_secret = new_id, new_secret
        self._revocations, self._known = revocations, revocations.cache()
        self._proving, self._lasting = proving, lasting
        revocations.at_end(self._end_all)

    async def add(
        self, who: Principal, name: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> tuple[Row, str]:
        """The row, and the key, which nobody can read again.

        Raises Invalid `already-over`, Conflict `too-many-keys` and Denied `proof-wanted`."""
        now = self._clock()
        if expires_at is not None and expires_at <= now:
            raise Invalid("already-over", "expires_at lies in the past.")
        secret = f"{PREFIX}{self._new_secret()}"
        row = {
            "id": self._new_id(),
            "account_id": who.account_id,
            "name": name,
            "secret_hash": hashed(secret),
            "hint": secret[:HINT_CHARACTERS],
            "scopes": sorted(set(scopes)),
            "created_at": rfc3339(now),
            "expires_at": rfc3339(expires_at) if expires_at else None,
            "last_used_at": None,
        }
        async with self._database.writing() as connection:
            await self._proving.check(connection, who)
            keys = ApiKeys(connection)
            if await keys.count(who.account_id) >= MOST:
                raise Conflict("too-many-keys", f"There are {MOST} keys already. Revoke one first.")
            await keys.add(row)
            await self._audit.note(connection, "key.add", name, id=row["id"], scopes=row["scopes"])
        return {**row, "owner": who.name}, secret

    async def found(self, account_id: str | None, before: str | None, limit: int) -> list[Row]:
        """A person's, or everybody's; newest first."""
        async with self._database.reading() as connection:
            return await ApiKeys(connection).found(account_id, before, limit)

    async def revoke(self, who: Principal, key_id: str) -> None:
        """One's own; an Administrator anybody's. Raises NotFound."""
        owner = None if who.is_administrator else who.account_id
        async with self._database.writing() as connection:
            gone = await ApiKeys(connection).remove(key_id, owner)
            if gone is None:
                raise NotFound("no-such-key", "There is no key with this id.")
            await self._audit.note(
                connection, "key.revoke", gone["name"], id=key_id, account_id=gone["account_id"]
            )
        await self._revocations.tell(gone["account_id"])

    async def who(self, secret: str) -> Principal:
        """The bearer of keys. Raises Unauthenticated `bad-key`, and Denied where the provider is to
        be heard about its owner first."""
        if len(secret) > LONGEST_SECRET:
            raise _refused()
        return await self._known.find(secret, lambda: self._look(secret))

    async def _look(self, secret: str) -> tuple[Principal, datetime | None]:
        async with self._database.reading() as connection:
            row = await ApiKeys(connection).by_secret(hashed(secret))
            who = row and await principal(
                connection, row["account_id"], "key", row["id"], row["scopes"]
            )
            if who:
                await self._lasting.check(connection, who.account_id)
        now = self._clock()
        if not row or not who:
            raise _refused()
        ends_at = from_rfc3339(row["expires_at"]) if row["expires_at"] else None
        if ends_at is not None and now >= ends_at:
            raise _refused()
        stale = rfc3339(now - USED_EVERY)
        if row["last_used_at"] is None or row["last_used_at"] < stale:
            async with self._database.writing() as connection:
                await ApiKeys(connection).used(row["id"], rfc3339(now), stale)
        return who, ends_at

    async def _end_all(self, connection: AsyncConnection, account_id: str) -> None:
        await ApiKeys(connection).remove_all(account_id)

    async def forget_old(self) -> int:
        """Those that ended a month ago: until then their owner sees why nothing works."""
        async with self._database.writing() as connection:
            return await ApiKeys(connection).forget(rfc3339(self._clock() - timedelta(days=30)))


def _refused() -> Unauthenticated:
    return Unauthenticated("bad-key", "The key is wrong, was revoked, or has expired.")
