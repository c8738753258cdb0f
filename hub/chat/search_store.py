"""Words looked for in an account's conversations, in whichever database it is."""

import json
from collections.abc import Sequence

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.searching import fts_query, ts_query

SCAN_HITS = 500
OWN = "c.account_id = :account AND c.deleted_at IS NULL"
# A hit stands between U+E000 and U+E001.
FILE_TITLES = text(
    f"""
    SELECT c.id AS conversation_id, NULL AS message_id,
      highlight(conversation_fts, 0, char(57344), char(57345)) AS snippet
    FROM conversation_fts JOIN conversation c ON c.number = conversation_fts.rowid
    WHERE conversation_fts MATCH :query AND {OWN}
    ORDER BY conversation_fts.rowid DESC LIMIT :scan
    """  # noqa: S608 - a constant
)
# The index gives its rows in this order by itself, and is left when there are enough.
FILE_MESSAGES = text(
    f"""
    SELECT m.conversation_id, m.id AS message_id, NULL AS snippet
    FROM message_fts CROSS JOIN message m ON m.number = message_fts.rowid
    CROSS JOIN conversation c ON c.id = m.conversation_id
    WHERE message_fts MATCH :query AND {OWN}
    ORDER BY message_fts.rowid DESC LIMIT :scan
    """  # noqa: S608 - as above
)
# One search for all of them: to prepare one takes longer than to cut a snippet.
NUMBERS = "FROM message WHERE id IN (SELECT value FROM json_each(:ids))"
FILE_SNIPPETS = text(
    f"""
    SELECT m.id, hit.snippet FROM (
      SELECT rowid AS number, CASE WHEN rowid IN (SELECT number {NUMBERS})
        THEN snippet(message_fts, 0, char(57344), char(57345), '…', 16) END AS snippet
      FROM message_fts WHERE message_fts MATCH :query
        AND rowid BETWEEN (SELECT min(number) {NUMBERS}) AND (SELECT max(number) {NUMBERS})
    ) hit JOIN message m ON m.number = hit.number WHERE hit.snippet IS NOT NULL
    """  # noqa: S608 - as above
)
MARKS = "'StartSel=' || chr(57344) || ', StopSel=' || chr(57345)"
SERVER_TITLES = text(
    f"""
    SELECT c.id AS conversation_id, NULL AS message_id,
      ts_headline('simple', c.title, to_tsquery('simple', :query),
        {MARKS} || ', HighlightAll=true') AS snippet
    FROM conversation c
    WHERE {OWN} AND to_tsvector('simple', c.title) @@ to_tsquery('simple', :query)
    ORDER BY c.updated_at DESC LIMIT :scan
    """  # noqa: S608 - as above
)
SERVER_MESSAGES = text(
    f"""
    SELECT m.conversation_id, m.id AS message_id, NULL AS snippet FROM message m
    JOIN conversation c ON c.id = m.conversation_id
    WHERE {OWN} AND to_tsvector('simple', left(m.content, 100000))
      @@ to_tsquery('simple', :query)
    ORDER BY m.created_at DESC, m.id DESC LIMIT :scan
    """  # noqa: S608 - as above
)
SERVER_SNIPPETS = text(
    f"""
    SELECT m.id, ts_headline('simple', left(m.content, 100000), to_tsquery('simple', :query),
      {MARKS} || ', MaxFragments=1, MaxWords=16, MinWords=6') AS snippet
    FROM message m WHERE m.id IN :ids
    """  # noqa: S608 - as above
).bindparams(bindparam("ids", expanding=True))
Hit = tuple[str, str | None, str | None]  # conversation, message (None: the title), snippet


async def hits(connection: AsyncConnection, account_id: str, typed: str) -> list[Hit]:
    """The newest, titles first. The last word may be unfinished. Those of messages have no
    snippet yet: to cut one means reading the whole text again."""
    query, is_server = _query(connection, typed)
    if query is None:
        return []
    values = {"query": query, "account": account_id, "scan": SCAN_HITS}
    found: list[Hit] = []
    places: tuple[TextClause, ...] = (FILE_TITLES, FILE_MESSAGES)
    for place in (SERVER_TITLES, SERVER_MESSAGES) if is_server else places:
        rows = await connection.execute(place, values)
        found += [(row.conversation_id, row.message_id, row.snippet) for row in rows]
    return found


async def snippets(
    connection: AsyncConnection, typed: str, message_ids: Sequence[str]
) -> dict[str, str]:
    """Of messages that were found."""
    query, is_server = _query(connection, typed)
    if query is None or not message_ids:
        return {}
    ids = list(message_ids) if is_server else json.dumps(list(message_ids))
    cut = SERVER_SNIPPETS if is_server else FILE_SNIPPETS
    rows = await connection.execute(cut, {"query": query, "ids": ids})
    return {row.id: row.snippet for row in rows}


def _query(connection: AsyncConnection, typed: str) -> tuple[str | None, bool]:
    is_server = connection.dialect.name == "postgresql"
    return ts_query(typed) if is_server else fts_query(typed), is_server
