"""Tokens of SCIM: one of the settings, and those that an Administrator makes."""

import hmac
from datetime import timedelta

from agent.shared.clock import Clock, NewId, NewSecret, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound, Unauthenticated
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.revocations import Revocations, hashed
from hub.scim.store import Row, ScimTokens

PREFIX = "ohs_"
OF_SETTINGS = "settings"
USED_EVERY = timedelta(minutes=1)
# Whom a cache forgets when a token is removed: it stands where others have an account.
NOBODYS = "scim"


class ScimTokenService:
    """Shown once; kept as a digest."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        revocations: Revocations,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
        *,
        of_settings: str | None,
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._new_id, self._new_secret = new_id, new_secret
        self._revocations, self._known = revocations, revocations.cache()
        self._of_settings = of_settings

    async def add(self, name: str) -> tuple[Row, str]:
        """What is kept of it, and the token."""
        secret = f"{PREFIX}{self._new_secret()}"
        row = {
            "id": self._new_id(),
            "name": name,
            "secret_hash": hashed(secret),
            "created_at": rfc3339(self._clock()),
            "last_used_at": None,
        }
        async with self._database.writing() as connection:
            await ScimTokens(connection).add(row)
            await self._audit.note(connection, "scim-token.add", name)
        return row, secret

    async def all(self) -> list[Row]:
        """Newest first."""
        async with self._database.reading() as connection:
            return await ScimTokens(connection).all()

    async def remove(self, token_id: str) -> None:
        """It is refused at once. Raises NotFound."""
        async with self._database.writing() as connection:
            name = await ScimTokens(connection).remove(token_id)
            if name is None:
                raise NotFound("no-such-token", "There is no token with this id.")
            await self._audit.note(connection, "scim-token.remove", name)
        await self._revocations.tell(NOBODYS)

    async def who(self, secret: str) -> Principal:
        """Raises Unauthenticated `bad-token`."""
        return await self._known.find(secret, lambda: self._look(secret))

    async def _look(self, secret: str) -> tuple[Principal, None]:
        given = self._of_settings
        if given and hmac.compare_digest(given.encode(), secret.encode()):
            return _provider("settings", OF_SETTINGS), None
        async with self._database.reading() as connection:
            row = await ScimTokens(connection).by_secret(hashed(secret))
        if row is None:
            raise Unauthenticated("bad-token", "The hub knows no such token of SCIM.")
        now = self._clock()
        used_at = row["last_used_at"]
        if used_at is None or used_at < rfc3339(now - USED_EVERY):
            async with self._database.writing() as connection:
                await ScimTokens(connection).used(row["id"], rfc3339(now))
        return _provider(row["name"], row["id"]), None


def _provider(name: str, token_id: str) -> Principal:
    return Principal(NOBODYS, f"SCIM ({name})"[:200], "user", "scim", token_id)
