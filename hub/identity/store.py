"""The tables of sessions and of logins that failed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Column,
    Delete,
    Integer,
    String,
    Text,
    case,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table

SESSION = table(
    "session",
    id=Column(String, primary_key=True),
    secret_hash=Column(String),
    account_id=Column(String),
    method=Column(String),
    created_at=Column(String),
    seen_at=Column(String),
    ends_at=Column(String),
    proved_at=Column(String),
    address=Column(String),
    program=Column(String),
    iss=Column(String),
    sid=Column(String),
    sealed=Column(Text),
)
FAILURE = table(
    "failure",
    subject=Column(String, primary_key=True),
    count=Column(Integer),
    last_at=Column(String),
)
COUNT = text(
    "INSERT INTO failure (subject, count, last_at) VALUES (:subject, 1, :at) "
    "ON CONFLICT (subject) DO UPDATE SET last_at = :at, "
    "count = CASE WHEN failure.last_at < :stale THEN 1 ELSE failure.count + 1 END"
)
HOLD = text(
    "INSERT INTO failure (subject, count, last_at) VALUES (:subject, 0, :at) "
    "ON CONFLICT (subject) DO NOTHING"
)
Row = Mapping[str, Any]  # Any: a row's values


class Sessions:
    """Every query on sessions. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Row) -> None:
        await self._connection.execute(insert(SESSION), [dict(values)])

    async def by_secret(self, secret_hash: str) -> Row | None:
        return await self._first(SESSION.c.secret_hash == secret_hash)

    async def of(self, account_id: str) -> list[Row]:
        """Newest first."""
        query = select(SESSION).where(SESSION.c.account_id == account_id)
        rows = await self._connection.execute(query.order_by(SESSION.c.seen_at.desc()))
        return [dict(row) for row in rows.mappings()]

    async def seen(self, session_id: str, at: str) -> None:
        changed = update(SESSION).where(SESSION.c.id == session_id).values(seen_at=at)
        await self._connection.execute(changed)

    async def proved_at(self, session_id: str) -> str | None:
        query = select(SESSION.c.proved_at).where(SESSION.c.id == session_id)
        at: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return at

    async def prove(self, session_id: str, at: str) -> None:
        changed = update(SESSION).where(SESSION.c.id == session_id).values(proved_at=at)
        await self._connection.execute(changed)

    async def rotate(self, session_id: str, secret_hash: str) -> str | None:
        """Another secret from now on. When it ends at last; None if there is no such session."""
        changed = update(SESSION).where(SESSION.c.id == session_id).values(secret_hash=secret_hash)
        rows = await self._connection.execute(changed.returning(SESSION.c.ends_at))
        ends_at: str | None = rows.scalar_one_or_none()
        return ends_at

    async def end(self, account_id: str, *, session_id: str | None = None, but: str = "") -> int:
        """One of a person's, or all but one; says how many there were."""
        gone = delete(SESSION).where(SESSION.c.account_id == account_id, SESSION.c.id != but)
        if session_id is not None:
            gone = gone.where(SESSION.c.id == session_id)
        return await self._gone(gone)

    async def end_of_provider(self, iss: str, *, sid: str | None, account_id: str | None) -> int:
        """Those that a provider says are over."""
        gone = delete(SESSION).where(SESSION.c.iss == iss)
        gone = (
            gone.where(SESSION.c.sid == sid)
            if sid
            else gone.where(SESSION.c.account_id == account_id)
        )
        return await self._gone(gone)

    async def forget(self, now: str, unused_since: str) -> int:
        """Those that have ended by themselves."""
        gone = delete(SESSION).where((SESSION.c.ends_at < now) | (SESSION.c.seen_at < unused_since))
        return await self._gone(gone)

    async def _gone(self, statement: Delete) -> int:
        """How many there were: SQLite is told of a change that gives no rows later on."""
        return len((await self._connection.execute(statement.returning(SESSION.c.id))).all())

    async def _first(self, where: Any) -> Row | None:  # Any: of SQLAlchemy
        row = (await self._connection.execute(select(SESSION).where(where))).mappings().first()
        return dict(row) if row else None


class FailedLogins:
    """Counts by subject. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, subjects: list[str]) -> dict[str, tuple[int, str]]:
        rows = await self._connection.execute(
            select(FAILURE).where(FAILURE.c.subject.in_(subjects))
        )
        return {str(row[0]): (int(row[1]), str(row[2])) for row in rows}

    async def count(self, subject: str, at: str, stale: str) -> None:
        """One more, or the first again where the last one is older than `stale`. One statement,
        so that attempts at the same moment are all counted."""
        await self._connection.execute(COUNT, [{"subject": subject, "at": at, "stale": stale}])

    async def hold(self, subjects: list[str], at: str) -> None:
        """Nobody else counts these until the transaction ends."""
        await self._connection.execute(HOLD, [{"subject": one, "at": at} for one in subjects])
        query = select(FAILURE.c.subject).where(FAILURE.c.subject.in_(subjects))
        await self._connection.execute(query.order_by(FAILURE.c.subject).with_for_update())

    async def take_back(self, subjects: list[str]) -> None:
        """One less of each."""
        for one in subjects:
            less = update(FAILURE).where(FAILURE.c.subject == one, FAILURE.c.count > 0)
            await self._connection.execute(less.values(count=FAILURE.c.count - 1))

    async def undo(self, subject: str, at: str, before: str) -> None:
        """One that was counted `at` was no failure: as if it had not been, with the last one
        `before`, unless another one came after it."""
        last_at = case((FAILURE.c.last_at == at, before), else_=FAILURE.c.last_at)
        less = update(FAILURE).where(FAILURE.c.subject == subject, FAILURE.c.count > 0)
        await self._connection.execute(less.values(count=FAILURE.c.count - 1, last_at=last_at))

    async def forget_before(self, at: str) -> None:
        await self._connection.execute(delete(FAILURE).where(FAILURE.c.last_at < at))

    async def forget(self, subjects: list[str]) -> None:
        await self._connection.execute(delete(FAILURE).where(FAILURE.c.subject.in_(subjects)))
