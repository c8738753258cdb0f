"""Words looked for in an account's conversations, in whichever database it is."""

from sqlalchemy import text
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
    ORDER BY c.updated_at DESC LIMIT :scan
    """  # noqa: S608 - a constant
)
FILE_MESSAGES = text(
    f"""
    SELECT m.conversation_id, m.id AS message_id,
      snippet(message_fts, 0, char(57344), char(57345), '…', 16) AS snippet
    FROM message_fts JOIN message m ON m.number = message_fts.rowid
    JOIN conversation c ON c.id = m.conversation_id
    WHERE message_fts MATCH :query AND {OWN}
    ORDER BY m.created_at DESC, m.id DESC LIMIT :scan
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
# Snippets are cut for those alone that are shown: it means reading the whole text again.
SERVER_MESSAGES = text(
    f"""
    SELECT hit.conversation_id, hit.id AS message_id,
      ts_headline('simple', left(hit.content, 200000), to_tsquery('simple', :query),
        {MARKS} || ', MaxFragments=1, MaxWords=16, MinWords=6') AS snippet
    FROM (
      SELECT m.id, m.conversation_id, m.content, m.created_at FROM message m
      JOIN conversation c ON c.id = m.conversation_id
      WHERE {OWN} AND to_tsvector('simple', left(m.content, 200000))
        @@ to_tsquery('simple', :query)
      ORDER BY m.created_at DESC, m.id DESC LIMIT :scan
    ) hit
    ORDER BY hit.created_at DESC, hit.id DESC
    """  # noqa: S608 - as above
)
SERVER_HITS = 100
Hit = tuple[str, str | None, str]  # conversation, message (None: the title), snippet


async def hits(connection: AsyncConnection, account_id: str, typed: str) -> list[Hit]:
    """The newest, titles first. The last word may be unfinished."""
    is_server = connection.dialect.name == "postgresql"
    query = ts_query(typed) if is_server else fts_query(typed)
    if query is None:
        return []
    scan = SERVER_HITS if is_server else SCAN_HITS
    values = {"query": query, "account": account_id, "scan": scan}
    places = (SERVER_TITLES, SERVER_MESSAGES) if is_server else (FILE_TITLES, FILE_MESSAGES)
    found: list[Hit] = []
    for place in places:
        rows = await connection.execute(place, values)
        found += [(row.conversation_id, row.message_id, row.snippet) for row in rows]
    return found
