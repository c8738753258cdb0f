"""The tables of conversations, their messages and who may read them, and every query on them."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    Select,
    String,
    Text,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.chat.readers_store import groups_of
from hub.groups.table_store import GROUP
from hub.tables import table
from hub.users.store import ACCOUNT

Row = dict[str, Any]  # Any: a row's values, by the table's column names

# One number for each account, which grows by each change: the row is the lock under which all
# changes of an account's conversations happen, so that their numbers become visible in order.
HISTORY = table("history", account_id=Column(String, primary_key=True), rev=Column(BigInteger))
CONVERSATION = table(
    "conversation",
    id=Column(String, primary_key=True),
    number=Column(Integer),  # of SQLite's alone, for its index of words
    account_id=Column(String),
    title=Column(String),
    title_is_automatic=Column(Boolean),
    model=Column(String),
    system=Column(Text),
    created_at=Column(String),
    updated_at=Column(String),
    archived=Column(Boolean),
    pinned=Column(Boolean),
    active_message_id=Column(String),
    message_count=Column(Integer),
    rev=Column(BigInteger),
    deleted_at=Column(String),
    purged_at=Column(String),
)
MESSAGE = table(
    "message",
    id=Column(String, primary_key=True),
    number=Column(Integer),  # as above
    conversation_id=Column(String),
    place=Column(BigInteger),  # the account's number when it was added: the order of writing
    parent_id=Column(String),
    role=Column(String),
    content=Column(Text),
    thinking=Column(Text),
    images=Column(JSON),
    model=Column(String),
    provider=Column(String),
    status=Column(String),
    created_at=Column(String),
    run_id=Column(String),
    usage=Column(JSON(none_as_null=True)),
    sources=Column(JSON),
    trimmed=Column(Integer),
    problem=Column(JSON(none_as_null=True)),
    context=Column(JSON(none_as_null=True)),
    rev=Column(BigInteger),
)
SHARE = table(
    "conversation_share",
    conversation_id=Column(String, primary_key=True),
    kind=Column(String, primary_key=True),
    subject=Column(String, primary_key=True),  # the id of the account, or of the group
    created_at=Column(String),
)
LISTED = [c for c in CONVERSATION.c if c.name != "number"]
TOLD = [c for c in MESSAGE.c if c.name != "number"]
HAS_PURGED = {"title": "", "system": None, "model": None, "active_message_id": None}

BRANCH = text(
    """
    WITH RECURSIVE up(id, parent_id, depth) AS (
      SELECT id, parent_id, 0 FROM message
      WHERE id = :leaf AND conversation_id = :conversation
      UNION ALL
      SELECT m.id, m.parent_id, up.depth + 1 FROM message m JOIN up ON m.id = up.parent_id
      WHERE up.depth < :most AND m.conversation_id = :conversation
    )
    SELECT m.id, m.role, m.content, m.images, m.status FROM up JOIN message m ON m.id = up.id
    ORDER BY up.depth DESC
    """
).columns(id=String, role=String, content=Text, images=JSON, status=String)


async def grow(connection: AsyncConnection, account_id: str, by: int = 1) -> int:
    """The account's next number. From here to the commit nobody else changes its conversations."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    first = kind.insert(HISTORY).values(account_id=account_id, rev=by)
    grown = first.on_conflict_do_update(
        index_elements=["account_id"], set_={"rev": HISTORY.c.rev + by}
    ).returning(HISTORY.c.rev)
    return int((await connection.execute(grown)).scalar_one())


class Conversations:
    """Every query on conversations. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Mapping[str, object]) -> bool:
        """False if the id is taken."""
        kind = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        added = kind.insert(CONVERSATION).values(**values).on_conflict_do_nothing()
        done = await self._connection.execute(added.returning(CONVERSATION.c.id))
        return done.first() is not None

    async def find(self, conversation_id: str, *, deleted: bool = False) -> Row | None:
        query = select(*LISTED).where(CONVERSATION.c.id == conversation_id)
        if not deleted:
            query = query.where(CONVERSATION.c.deleted_at.is_(None))
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def change(
        self, conversation_id: str, account_id: str, values: Mapping[str, object]
    ) -> Row | None:
        """The changed one; None if the account has none of this id."""
        c = CONVERSATION.c
        query = (
            update(CONVERSATION)
            .where(c.id == conversation_id, c.account_id == account_id, c.purged_at.is_(None))
            .values(**values)
            .returning(*LISTED)
        )
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def page(
        self,
        account_id: str,
        *,
        archived: bool,
        after: tuple[bool, str, str] | None,
        limit: int,
    ) -> list[Row]:
        """Pinned first, then the latest; `after` is (pinned, updated_at, id) of the last one."""
        c = CONVERSATION.c
        query = select(*LISTED).where(
            c.account_id == account_id, c.archived.is_(archived), c.deleted_at.is_(None)
        )
        if after is not None:
            query = query.where(tuple_(c.pinned, c.updated_at, c.id) < tuple_(*after))
        query = query.order_by(c.pinned.desc(), c.updated_at.desc(), c.id.desc()).limit(limit)
        return await self._rows(query)

    async def deleted(self, account_id: str, since: str, limit: int) -> list[Row]:
        """The bin, latest first."""
        c = CONVERSATION.c
        query = (
            select(*LISTED)
            .where(c.account_id == account_id, c.deleted_at >= since, c.purged_at.is_(None))
            .order_by(c.deleted_at.desc(), c.id.desc())
            .limit(limit)
        )
        return await self._rows(query)

    async def shared_with(
        self, account_id: str, *, after: tuple[str, str] | None, limit: int
    ) -> list[Row]:
        """Of other people, the latest first."""
        c = CONVERSATION.c
        is_shared = exists().where(SHARE.c.conversation_id == c.id, reaches(account_id))
        query = select(*LISTED).where(is_shared, c.deleted_at.is_(None), c.account_id != account_id)
        if after is not None:
            query = query.where(tuple_(c.updated_at, c.id) < tuple_(*after))
        return await self._rows(query.order_by(c.updated_at.desc(), c.id.desc()).limit(limit))

    async def owners(self, account_ids: AbstractSet[str]) -> dict[str, str]:
        """How people are called, by their ids."""
        if not account_ids:
            return {}
        a = ACCOUNT.c
        name = func.coalesce(func.nullif(a.display_name, ""), a.name)
        found = await self._connection.execute(select(a.id, name).where(a.id.in_(account_ids)))
        return {row[0]: row[1] for row in found}

    async def several(self, ids: Sequence[str]) -> dict[str, Row]:
        query = select(*LISTED).where(CONVERSATION.c.id.in_(ids))
        return {row["id"]: row for row in await self._rows(query)}

    async def over_due(self, deleted_before: str, limit: int) -> list[tuple[str, str]]:
        """(id, account) of what was deleted long ago and still has its text."""
        c = CONVERSATION.c
        query = (
            select(c.id, c.account_id)
            .where(c.purged_at.is_(None), c.deleted_at < deleted_before)
            .limit(limit)
        )
        return [(row.id, row.account_id) for row in await self._connection.execute(query)]

    async def purge(self, conversation_id: str, account_id: str, rev: int, now: str) -> None:
        """What stays is that it was deleted, for the agents that have yet to hear of it."""
        for gone in (MESSAGE, SHARE):
            await self._connection.execute(
                delete(gone).where(gone.c.conversation_id == conversation_id)
            )
        values = {**HAS_PURGED, "message_count": 0, "purged_at": now, "rev": rev}
        await self.change(conversation_id, account_id, values)

    async def _rows(self, query: Select[Any]) -> list[Row]:  # Any: columns
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]


class Messages:
    """Every query on messages. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, rows: Iterable[Mapping[str, object]]) -> bool:
        """False if the id of one is taken."""
        kind = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        for row in rows:
            added = kind.insert(MESSAGE).values(**row).on_conflict_do_nothing()
            done = await self._connection.execute(added.returning(MESSAGE.c.id))
            if done.first() is None:
                return False
        return True

    async def homes(self, ids: Sequence[str]) -> dict[str, str]:
        """The conversation of each of them that there is."""
        query = select(MESSAGE.c.id, MESSAGE.c.conversation_id).where(MESSAGE.c.id.in_(ids))
        return {row[0]: row[1] for row in await self._connection.execute(query)}

    async def find(self, message_id: str) -> Row | None:
        query = select(*TOLD).where(MESSAGE.c.id == message_id)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def change(self, message_id: str, values: Mapping[str, object]) -> Row | None:
        """The changed one; None if it is gone."""
        query = update(MESSAGE).where(MESSAGE.c.id == message_id).values(**values).returning(*TOLD)
        row = (await self._connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def page(self, conversation_id: str, after: int, limit: int | None) -> list[Row]:
        """In the order of writing; `after` is the `place` of the last one."""
        query = (
            select(*TOLD)
            .where(MESSAGE.c.conversation_id == conversation_id, MESSAGE.c.place > after)
            .order_by(MESSAGE.c.place)
            .limit(limit)
        )
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def branch(self, conversation_id: str, leaf: str, most: int) -> list[Row]:
        """The way from (at most `most` messages above) to `leaf`, oldest first."""
        values = {"leaf": leaf, "conversation": conversation_id, "most": most}
        return [dict(row) for row in (await self._connection.execute(BRANCH, values)).mappings()]

    async def answering(self, conversation_id: str) -> list[str]:
        """The runs that still write in it."""
        query = select(MESSAGE.c.run_id).where(
            MESSAGE.c.conversation_id == conversation_id, MESSAGE.c.status == "streaming"
        )
        return [row.run_id for row in await self._connection.execute(query) if row.run_id]


class Shares:
    """Every query on who else may read a conversation. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, conversation_id: str) -> list[Row]:
        """With the names that they have now; those that are gone are left out."""
        is_person = and_(SHARE.c.kind == "person", SHARE.c.subject == ACCOUNT.c.id)
        is_group = and_(SHARE.c.kind == "group", SHARE.c.subject == GROUP.c.id)
        name = func.coalesce(ACCOUNT.c.name, GROUP.c.name)
        query = (
            select(
                SHARE,
                name.label("name"),
                func.coalesce(ACCOUNT.c.display_name, GROUP.c.name).label("display_name"),
            )
            .outerjoin(ACCOUNT, is_person)
            .outerjoin(GROUP, is_group)
            .where(SHARE.c.conversation_id == conversation_id, name.is_not(None))
            .order_by(SHARE.c.kind, name)
        )
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def put(self, values: Mapping[str, object]) -> None:
        """The same again changes nothing."""
        kind = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        await self._connection.execute(kind.insert(SHARE).values(**values).on_conflict_do_nothing())

    async def remove(self, conversation_id: str, kind: str, subject: str) -> bool:
        query = (
            delete(SHARE)
            .where(
                SHARE.c.conversation_id == conversation_id,
                SHARE.c.kind == kind,
                SHARE.c.subject == subject,
            )
            .returning(SHARE.c.subject)
        )
        return (await self._connection.execute(query)).first() is not None

    async def forget_gone(self) -> None:
        """Those with accounts and groups that are not there any more."""
        for kind, there in (("person", ACCOUNT.c.id), ("group", GROUP.c.id)):
            is_gone = SHARE.c.subject.not_in(select(there))
            await self._connection.execute(delete(SHARE).where(SHARE.c.kind == kind, is_gone))

    async def reach(self, conversation_id: str, account_id: str) -> bool:
        """Whether this person may read it."""
        query = select(SHARE.c.subject).where(
            SHARE.c.conversation_id == conversation_id, reaches(account_id)
        )
        return (await self._connection.execute(query.limit(1))).first() is not None


def reaches(account_id: str) -> Any:  # Any: of SQLAlchemy
    """Whether a share is with this person. Who is in a group is looked up now: being put in, or
    taken out, holds at once."""
    one = and_(SHARE.c.kind == "person", SHARE.c.subject == account_id)
    return or_(one, and_(SHARE.c.kind == "group", SHARE.c.subject.in_(groups_of(account_id))))
