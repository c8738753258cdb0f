"""How people were known to identity providers, what their sessions need to ask again, what may be
used once, and the last sign-ins."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, String, Text, delete, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.identity.store import SESSION
from hub.tables import table
from hub.users.store import ACCOUNT

IDENTITY = table(
    "identity",
    iss=Column(String, primary_key=True),
    sub=Column(String, primary_key=True),
    account_id=Column(String),
    claims=Column(JSON),
    seen_at=Column(String),
    checked_at=Column(String),
    gone_at=Column(String),
)
# `due_at` is null for a session about which the provider cannot be asked.
OIDC_SESSION = table(
    "oidc_session",
    session_id=Column(String, primary_key=True),
    sealed=Column(Text),
    checked_at=Column(String),
    due_at=Column(String),
    claim=Column(String),
    claim_ends_at=Column(String),
)
ONCE = table("oidc_once", digest=Column(String, primary_key=True), ends_at=Column(String))
LOGIN = table(
    "oidc_login",
    id=Column(String, primary_key=True),
    at=Column(String),
    kind=Column(String),
    account_id=Column(String),
    account=Column(String),
    subject=Column(String),
    claim=Column(String),
    found=Column(String),
    groups=Column(JSON),
    role_before=Column(String),
    role=Column(String),
    problem=Column(String),
)
# What the provider says of itself, as it was fetched for every replica.
DOCUMENT = table(
    "oidc_document",
    issuer=Column(String, primary_key=True),
    discovery=Column(JSON),
    keys=Column(JSON),
    fetched_at=Column(String),
)
USE = text(
    "INSERT INTO oidc_once (digest, ends_at) VALUES (:digest, :ends_at) "
    "ON CONFLICT (digest) DO NOTHING RETURNING digest"
)
LOGINS_KEPT = 200
Row = Mapping[str, Any]  # Any: a row's values


class Documents:
    """What providers say of themselves. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, issuer: str) -> Row | None:
        query = select(DOCUMENT).where(DOCUMENT.c.issuer == issuer)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def keep(self, values: Row) -> None:
        """In the place of what was said before. That of other providers is forgotten."""
        await self._connection.execute(delete(DOCUMENT))
        await self._connection.execute(insert(DOCUMENT), [dict(values)])


class Identities:
    """Who is who. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def account(self, iss: str, sub: str) -> Row | None:
        """The account of somebody."""
        query = (
            select(ACCOUNT)
            .join(IDENTITY, IDENTITY.c.account_id == ACCOUNT.c.id)
            .where(IDENTITY.c.iss == iss, IDENTITY.c.sub == sub)
        )
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def subjects_of(self, account_id: str, iss: str) -> list[str]:
        """As whom the provider knows an account."""
        query = select(IDENTITY.c.sub).where(
            IDENTITY.c.account_id == account_id, IDENTITY.c.iss == iss
        )
        return [str(row[0]) for row in await self._connection.execute(query)]

    async def of(self, account_id: str) -> list[Row]:
        """All of an account's, with when each provider was last heard, and since when it does not
        know them."""
        query = select(IDENTITY).where(IDENTITY.c.account_id == account_id)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def gone(self, account_id: str, iss: str, at: str) -> None:
        """The provider does not vouch for somebody any more, until it does so again."""
        own = (IDENTITY.c.account_id == account_id) & (IDENTITY.c.iss == iss)
        changed = update(IDENTITY).where(own, IDENTITY.c.gone_at.is_(None))
        await self._connection.execute(changed.values(gone_at=at))

    async def provisioned(self, external_id: str) -> Row | None:
        """The one account that was made with this id of the provider's."""
        query = select(ACCOUNT).where(ACCOUNT.c.external_id == external_id).limit(2)
        rows = (await self._connection.execute(query)).mappings().all()
        return dict(rows[0]) if len(rows) == 1 else None

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(IDENTITY), [dict(values)])

    async def seen(self, iss: str, sub: str, values: Row) -> None:
        changed = update(IDENTITY).where(IDENTITY.c.iss == iss, IDENTITY.c.sub == sub)
        await self._connection.execute(changed.values(**values))


class Once:
    """What must not be used twice. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def use(self, digest: str, ends_at: str) -> bool:
        """False if it was used before."""
        used = await self._connection.execute(USE, {"digest": digest, "ends_at": ends_at})
        return used.first() is not None

    async def forget(self, now: str) -> None:
        await self._connection.execute(delete(ONCE).where(ONCE.c.ends_at < now))


class ProviderSessions:
    """What belongs to sessions that a provider let in. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(OIDC_SESSION), [dict(values)])

    async def find(self, session_id: str) -> Row | None:
        """With the account and the provider of the session."""
        query = (
            select(OIDC_SESSION, SESSION.c.account_id, SESSION.c.iss)
            .join(SESSION, SESSION.c.id == OIDC_SESSION.c.session_id)
            .where(OIDC_SESSION.c.session_id == session_id)
        )
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def claim(self, session_id: str, claim: str, now: str, ends_at: str) -> bool:
        """The right to ask the provider about a session that is due, until `ends_at`. One
        statement, so that of all replicas one gets it."""
        claimed = (
            update(OIDC_SESSION)
            .where(
                OIDC_SESSION.c.session_id == session_id,
                OIDC_SESSION.c.due_at <= now,
                or_(OIDC_SESSION.c.claim.is_(None), OIDC_SESSION.c.claim_ends_at < now),
            )
            .values(claim=claim, claim_ends_at=ends_at)
            .returning(OIDC_SESSION.c.session_id)
        )
        return (await self._connection.execute(claimed)).first() is not None

    async def keep(self, session_id: str, claim: str, sealed: str) -> bool:
        """The new tokens, while the claim goes on; False as `settle`."""
        kept = (
            update(OIDC_SESSION)
            .where(OIDC_SESSION.c.session_id == session_id, OIDC_SESSION.c.claim == claim)
            .values(sealed=sealed)
            .returning(OIDC_SESSION.c.session_id)
        )
        return (await self._connection.execute(kept)).first() is not None

    async def settle(self, session_id: str, claim: str, values: Row) -> bool:
        """What came of it. False if the session has ended meanwhile, or another one has taken
        over."""
        settled = (
            update(OIDC_SESSION)
            .where(OIDC_SESSION.c.session_id == session_id, OIDC_SESSION.c.claim == claim)
            .values(claim=None, claim_ends_at=None, **values)
            .returning(OIDC_SESSION.c.session_id)
        )
        return (await self._connection.execute(settled)).first() is not None

    async def accounts_of(self, iss: str, sid: str) -> list[str]:
        """Whose sessions a provider means by `sid`."""
        query = select(SESSION.c.account_id).where(SESSION.c.iss == iss, SESSION.c.sid == sid)
        return sorted({str(row[0]) for row in await self._connection.execute(query)})


class Logins:
    """The last ones. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        """Forgets the oldest beyond those that are kept."""
        await self._connection.execute(insert(LOGIN), [dict(values)])
        oldest = select(LOGIN.c.id).order_by(LOGIN.c.id.desc()).offset(LOGINS_KEPT - 1).limit(1)
        await self._connection.execute(delete(LOGIN).where(LOGIN.c.id < oldest.scalar_subquery()))

    async def last(self) -> list[Row]:
        """Newest first."""
        query = select(LOGIN).order_by(LOGIN.c.id.desc()).limit(LOGINS_KEPT)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]
