"""The tables of conversations and messages, and every query on them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    Select,
    String,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.errors import NotFound
from agent.shared.sqlite import BY_KEY
from agent.shared.statements import Statement
from agent.shared.tables import table

Row = dict[str, Any]  # Any: a row's values, by the table's column names


CONVERSATION = table(
    "conversation",
    number=Column(Integer, primary_key=True),
    id=Column(String),
    title=Column(String, default=""),
    title_is_automatic=Column(Boolean, default=True),
    model=Column(String),
    system=Column(String),
    created_at=Column(String),
    updated_at=Column(String),
    archived=Column(Boolean, default=False),
    pinned=Column(Boolean, default=False),
    active_message_id=Column(String),
    message_count=Column(Integer, default=0),
    deleted_at=Column(String),
)

MESSAGE = table(
    "message",
    number=Column(Integer, primary_key=True),
    id=Column(String),
    conversation_id=Column(String),
    parent_id=Column(String),
    role=Column(String),
    content=Column(String, default=""),
    thinking=Column(String, default=""),
    images=Column(JSON),
    model=Column(String),
    provider=Column(String),
    status=Column(String),
    created_at=Column(String),
    run_id=Column(String),
    usage=Column(JSON(none_as_null=True)),
    sources=Column(JSON),
    trimmed=Column(Integer, default=0),
    problem=Column(JSON(none_as_null=True)),
    context=Column(JSON(none_as_null=True)),
)

LISTED = [c for c in CONVERSATION.c if c.name not in {"number", "deleted_at"}]
TOLD = [c for c in MESSAGE.c if c.name != "number"]

# Built once: building a statement takes as long as running it.
FIND_CONVERSATION = Statement(
    select(*LISTED, CONVERSATION.c.deleted_at)
    .prefix_with(BY_KEY)
    .where(CONVERSATION.c.id == bindparam("key"))
)
FIND_MESSAGE = Statement(select(*TOLD).prefix_with(BY_KEY).where(MESSAGE.c.id == bindparam("key")))
CHANGE_CONVERSATION = Statement(update(CONVERSATION).where(CONVERSATION.c.id == bindparam("key")))
CHANGE_MESSAGE = Statement(update(MESSAGE).where(MESSAGE.c.id == bindparam("key")))
ADD_CONVERSATION, ADD_MESSAGES = Statement(insert(CONVERSATION)), Statement(insert(MESSAGE))

NEAR = 24
FIND_LATEST = Statement(
    select(
        *(MESSAGE.c[name] for name in ("id", "parent_id", "role", "content", "images", "status")),
        MESSAGE.c.context,
    )
    .prefix_with(BY_KEY)
    .where(MESSAGE.c.conversation_id == bindparam("conversation"))
    .order_by(MESSAGE.c.number.desc())
    .limit(NEAR)
)
FIND_BRANCH = Statement(
    text(
        """
        WITH RECURSIVE up(id, parent_id, depth) AS (
          SELECT id, parent_id, 0 FROM message WHERE id = :leaf
          UNION ALL
          SELECT m.id, m.parent_id, up.depth + 1 FROM message m JOIN up ON m.id = up.parent_id
          WHERE up.depth < :limit
        )
        SELECT m.id, m.role, m.content, m.images, m.status FROM up JOIN message m ON m.id = up.id
        ORDER BY up.depth DESC
        """
    ).columns(id=Text(), role=Text(), content=Text(), images=JSON(), status=Text())
)
COUNT_ABOVE = text(
    """
    WITH RECURSIVE up(id, parent_id) AS (
      SELECT id, parent_id FROM message WHERE id = :leaf
      UNION ALL
      SELECT m.id, m.parent_id FROM message m JOIN up ON m.id = up.parent_id
    )
    SELECT count(*) - 1 FROM up
    """
)
FIND_IN_MESSAGES = text(
    """
    SELECT m.conversation_id, m.id AS message_id, hit.number FROM (
      SELECT rowid AS number FROM message_fts WHERE message_fts MATCH :query
      ORDER BY rowid DESC LIMIT :scan
    ) hit JOIN message m ON m.number = hit.number
    JOIN conversation c ON c.id = m.conversation_id WHERE c.deleted_at IS NULL
    ORDER BY hit.number DESC
    """
)
# One statement for all of them: to prepare a search takes longer than to cut a snippet.
SNIPPETS = text(
    """
    SELECT rowid AS number, CASE WHEN rowid IN (SELECT value FROM json_each(:numbers))
      THEN snippet(message_fts, 0, char(57344), char(57345), '…', 16) END AS snippet
    FROM message_fts WHERE message_fts MATCH :query AND rowid BETWEEN :lowest AND :highest
    """
)
FIND_IN_TITLES = text(
    """
    SELECT c.id AS conversation_id, hit.snippet FROM (
      SELECT rowid AS number, highlight(conversation_fts, 0, char(57344), char(57345)) AS snippet
      FROM conversation_fts WHERE conversation_fts MATCH :query
      ORDER BY rowid DESC LIMIT :scan
    ) hit JOIN conversation c ON c.number = hit.number WHERE c.deleted_at IS NULL
    ORDER BY hit.number DESC
    """
).columns()


class Conversations:
    """Every query on the table of conversations. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: Mapping[str, object]) -> None:
        await ADD_CONVERSATION.run(self._connection, values)

    async def find(self, conversation_id: str, *, deleted: bool = False) -> Row | None:
        row = await FIND_CONVERSATION.first(self._connection, {"key": conversation_id})
        return None if row and row["deleted_at"] and not deleted else row

    async def change(self, conversation_id: str, values: Mapping[str, object]) -> None:
        await CHANGE_CONVERSATION.run(self._connection, {"key": conversation_id, **values})

    async def page(
        self, *, archived: bool, after: tuple[bool, str, str] | None, limit: int
    ) -> list[Row]:
        """Pinned first, then the latest; `after` is (pinned, updated_at, id) of the last one."""
        c = CONVERSATION.c
        query = select(*LISTED).where(c.deleted_at.is_(None), c.archived == archived)
        if after is not None:
            # Written out, since SQLite compares tuples only upwards or downwards as a whole.
            query = query.where(
                text(
                    "(conversation.pinned, conversation.updated_at, conversation.id)"
                    " < (:pinned, :updated_at, :last_id)"
                ).bindparams(pinned=after[0], updated_at=after[1], last_id=after[2])
            )
        query = query.order_by(c.pinned.desc(), c.updated_at.desc(), c.id.desc()).limit(limit)
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def several(self, ids: Sequence[str]) -> dict[str, Row]:
        query = select(*LISTED).where(
            CONVERSATION.c.id.in_(ids), CONVERSATION.c.deleted_at.is_(None)
        )
        rows = (await self._connection.execute(query)).mappings()
        return {row["id"]: dict(row) for row in rows}

    async def matches(self, fts: str, scan: int) -> list[tuple[str, str | None, int, str | None]]:
        """(conversation, message or None, row number, snippet if known already) of the newest
        hits in conversations that are not deleted: titles first, then messages."""
        titles = await self._connection.execute(FIND_IN_TITLES, {"query": fts, "scan": scan})
        found: list[tuple[str, str | None, int, str | None]] = [
            (row.conversation_id, None, 0, row.snippet) for row in titles
        ]
        hits = await self._connection.execute(FIND_IN_MESSAGES, {"query": fts, "scan": scan})
        return found + [(row.conversation_id, row.message_id, row.number, None) for row in hits]

    async def snippets(self, fts: str, numbers: Sequence[int]) -> dict[int, str]:
        """Of messages that were found, by their row numbers."""
        if not numbers:
            return {}
        bounds = {"lowest": min(numbers), "highest": max(numbers)}
        values = {"query": fts, "numbers": json.dumps(numbers), **bounds}
        rows = await self._connection.execute(SNIPPETS, values)
        return {row.number: row.snippet for row in rows if row.snippet is not None}

    async def count(self) -> int:
        """Of all that are not deleted."""
        c = CONVERSATION.c
        query = select(func.count()).select_from(CONVERSATION).where(c.deleted_at.is_(None))
        return int((await self._connection.execute(query)).scalar_one())

    async def count_by_model(self) -> dict[str, int]:
        """How many conversations name each model that any of them names."""
        c = CONVERSATION.c
        query = (
            select(c.model, func.count().label("conversations"))
            .where(c.model.is_not(None), c.deleted_at.is_(None))
            .group_by(c.model)
        )
        rows = await self._connection.execute(query)
        return {row.model: row.conversations for row in rows}

    async def purge(self, deleted_before: str, limit: int = 100) -> list[str]:
        """Really deletes what was deleted long ago, some at a time; says which."""
        old = (
            select(CONVERSATION.c.id).where(CONVERSATION.c.deleted_at < deleted_before).limit(limit)
        )
        ids = [row.id for row in await self._connection.execute(old)]
        await self._connection.execute(delete(CONVERSATION).where(CONVERSATION.c.id.in_(ids)))
        return ids


class Messages:
    """Every query on the table of messages. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, rows: Iterable[Mapping[str, object]]) -> None:
        await ADD_MESSAGES.run(self._connection, *rows)

    async def find(self, message_id: str) -> Row | None:
        return await FIND_MESSAGE.first(self._connection, {"key": message_id})

    async def change(self, message_id: str, values: Mapping[str, object]) -> None:
        await CHANGE_MESSAGE.run(self._connection, {"key": message_id, **values})

    async def page(self, conversation_id: str, after: int, limit: int) -> list[Row]:
        """In the order of writing; `after` is the `number` of the last one."""
        rows = await self._connection.execute(self._of(conversation_id, after, limit))
        return [dict(row) for row in rows.mappings()]

    def _of(self, conversation_id: str, after: int, limit: int) -> Select[Any]:  # Any: columns
        return (
            select(*TOLD, MESSAGE.c.number)
            .where(MESSAGE.c.conversation_id == conversation_id, MESSAGE.c.number > after)
            .order_by(MESSAGE.c.number)
            .limit(limit)
        )

    async def near(self, conversation_id: str, leaf: str) -> list[Row] | None:
        """The way from the root to `leaf`, oldest first; None if it leaves the latest messages."""
        latest = await FIND_LATEST.rows(self._connection, {"conversation": conversation_id})
        by_id = {row["id"]: row for row in latest}
        way: list[Row] = []
        step: str | None = leaf
        while step is not None:
            if (row := by_id.get(step)) is None:
                return None
            way.append(row)
            step = row["parent_id"]
        return way[::-1]

    async def branch(self, leaf: str, limit: int) -> list[Row]:
        """The way from (at most `limit` messages above) to `leaf`, oldest first."""
        return await FIND_BRANCH.rows(self._connection, {"leaf": leaf, "limit": limit})

    async def count_above(self, message_id: str) -> int:
        """How many messages stand between this one and the root, the root included."""
        return int((await self._connection.execute(COUNT_ABOVE, {"leaf": message_id})).scalar_one())

    async def homes(self, ids: Sequence[str]) -> dict[str, str]:
        """Which conversation each known message belongs to."""
        found: dict[str, str] = {}
        for start in range(0, len(ids), 500):
            query = select(MESSAGE.c.id, MESSAGE.c.conversation_id).where(
                MESSAGE.c.id.in_(ids[start : start + 500])
            )
            found |= {row.id: row.conversation_id for row in await self._connection.execute(query)}
        return found


async def present(connection: AsyncConnection, conversation_id: str) -> Row:
    """The conversation. Raises NotFound."""
    row = await Conversations(connection).find(conversation_id)
    if row is None:
        raise no_conversation()
    return row


def no_conversation() -> NotFound:
    """The error for a conversation that is not there, or not any more."""
    return NotFound(
        "no-such-conversation", "There is no conversation with this id. Perhaps it was deleted."
    )
