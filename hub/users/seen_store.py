"""Where accounts come from, and when their owners were last here by any way in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Column, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.identity.store import SESSION
from hub.keys.store import API_KEY
from hub.machines.token_store import FAMILY
from hub.oidc.store import IDENTITY
from hub.scim.store import PERSON

Source = Literal["local", "oidc", "scim"]


@dataclass(frozen=True, slots=True)
class Traces:
    """By account; who is in neither set was made here. `seen`: RFC 3339."""

    by_scim: frozenset[str]
    by_provider: frozenset[str]
    seen: Mapping[str, str]

    def source(self, account_id: str) -> Source:
        if account_id in self.by_scim:
            return "scim"
        return "oidc" if account_id in self.by_provider else "local"


async def traces(connection: AsyncConnection) -> Traces:
    """Of everybody."""
    seen: dict[str, str] = {}
    for at in (SESSION.c.seen_at, FAMILY.c.seen_at, API_KEY.c.last_used_at):
        owner = at.table.c.account_id
        query = select(owner, func.max(at)).where(at.is_not(None)).group_by(owner)
        for account_id, last in await connection.execute(query):
            seen[account_id] = max(seen.get(account_id, ""), last)
    return Traces(
        await _all(connection, PERSON.c.account_id),
        await _all(connection, IDENTITY.c.account_id),
        seen,
    )


async def _all(connection: AsyncConnection, column: Column[str]) -> frozenset[str]:
    return frozenset(str(row[0]) for row in await connection.execute(select(column)))
