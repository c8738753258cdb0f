"""The tables of tokens and of page sessions. Secrets are kept as SHA-256 alone."""

from sqlalchemy import JSON, Column, String, delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.access.rules import PageSession, Token
from agent.shared.clock import from_rfc3339, rfc3339
from agent.shared.tables import table

TOKEN = table(
    "token",
    id=Column(String, primary_key=True),
    name=Column(String),
    hash=Column(String),
    scopes=Column(JSON),
    created_at=Column(String),
    last_used_at=Column(String),
    expires_at=Column(String),
)

SESSION = table(
    "page_session",
    hash=Column(String, primary_key=True),
    id=Column(String),
    name=Column(String),
    scopes=Column(JSON),
    created_at=Column(String),
    expires_at=Column(String),
    last_used_at=Column(String),
)


class Credentials:
    """Every query on tokens and page sessions. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_token(self, token: Token, digest: str) -> None:
        await self._connection.execute(
            insert(TOKEN),
            {
                "id": token.id,
                "name": token.name,
                "hash": digest,
                "scopes": list(token.scopes),
                "created_at": rfc3339(token.created_at),
                "expires_at": rfc3339(token.expires_at) if token.expires_at else None,
            },
        )

    async def tokens(self) -> list[Token]:
        """Oldest first; ids sort by time."""
        rows = await self._connection.execute(select(TOKEN).order_by(TOKEN.c.id))
        return [_token(row) for row in rows]

    async def find_token(self, digest: str) -> Token | None:
        query = select(TOKEN).where(TOKEN.c.hash == digest)
        row = (await self._connection.execute(query)).first()
        return _token(row) if row else None

    async def touch_token(self, token: Token) -> None:
        used_at = rfc3339(token.last_used_at) if token.last_used_at else None
        await self._connection.execute(
            update(TOKEN).where(TOKEN.c.id == token.id).values(last_used_at=used_at)
        )

    async def remove_token(self, token_id: str) -> str | None:
        """The hash of the token that was removed."""
        gone = await self._connection.execute(
            delete(TOKEN).where(TOKEN.c.id == token_id).returning(TOKEN.c.hash)
        )
        digest: str | None = gone.scalar()
        return digest

    async def add_session(self, session: PageSession, digest: str) -> None:
        await self._connection.execute(
            insert(SESSION),
            {
                "hash": digest,
                "id": session.id,
                "name": session.name,
                "scopes": list(session.scopes),
                "created_at": rfc3339(session.created_at),
                "expires_at": rfc3339(session.expires_at),
                "last_used_at": rfc3339(session.last_used_at),
            },
        )

    async def sessions(self) -> list[PageSession]:
        """Oldest first; ids sort by time."""
        rows = await self._connection.execute(select(SESSION).order_by(SESSION.c.id))
        return [_session(row) for row in rows]

    async def find_session(self, digest: str) -> PageSession | None:
        query = select(SESSION).where(SESSION.c.hash == digest)
        row = (await self._connection.execute(query)).first()
        return _session(row) if row else None

    async def touch_session(self, session: PageSession) -> None:
        await self._connection.execute(
            update(SESSION)
            .where(SESSION.c.id == session.id)
            .values(
                last_used_at=rfc3339(session.last_used_at), expires_at=rfc3339(session.expires_at)
            )
        )

    async def remove_session(self, session_id: str) -> str | None:
        """The hash of the session that was removed."""
        gone = await self._connection.execute(
            delete(SESSION).where(SESSION.c.id == session_id).returning(SESSION.c.hash)
        )
        digest: str | None = gone.scalar()
        return digest

    async def remove_old_sessions(self, now: str) -> None:
        await self._connection.execute(delete(SESSION).where(SESSION.c.expires_at <= now))


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        row.id,
        row.name,
        tuple(row.scopes),
        from_rfc3339(row.created_at),
        from_rfc3339(row.last_used_at) if row.last_used_at else None,
        from_rfc3339(row.expires_at) if row.expires_at else None,
    )


def _session(row: Row[tuple[object, ...]]) -> PageSession:
    return PageSession(
        row.id,
        row.name,
        tuple(row.scopes),
        from_rfc3339(row.created_at),
        from_rfc3339(row.expires_at),
        from_rfc3339(row.last_used_at),
    )
