"""What one can do with conversations: open, list, find, change, delete, undo."""

from collections.abc import Mapping
from datetime import timedelta

from agent.chat.shapes import conversation_json, message_json
from agent.chat.store import Conversations, Messages, Row, no_conversation, present
from agent.inference.rules import canonical_name
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.cursors import cursor_of, hits_before, read_cursor
from agent.shared.database import Database
from agent.shared.errors import Invalid
from agent.shared.searching import fts_query

KEEP_DELETED = timedelta(days=7)
SCAN_HITS = 500
SNIPPETS_EACH = 3


class ConversationService:
    """Every change is one transaction."""

    def __init__(self, database: Database, runs: RunService, clock: Clock, new_id: NewId) -> None:
        self._database, self._runs, self._clock, self._new_id = database, runs, clock, new_id

    async def open(
        self, *, title: str | None, model: str | None, system: str | None
    ) -> dict[str, object]:
        """A new, empty conversation."""
        now = rfc3339(self._clock())
        values: dict[str, object] = {
            "id": self._new_id(),
            "title": title or "",
            "title_is_automatic": not title,
            "model": model,
            "system": system,
            "created_at": now,
            "updated_at": now,
            "archived": False,
            "pinned": False,
            "active_message_id": None,
            "message_count": 0,
        }
        async with self._database.writing() as connection:
            await Conversations(connection).add(values)
        return conversation_json(values)

    async def get(self, conversation_id: str) -> dict[str, object]:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return conversation_json(await present(connection, conversation_id))

    async def count_naming(self, model: str) -> int:
        """How many conversations are to be answered by this model."""
        async with self._database.reading() as connection:
            counts = await Conversations(connection).count_by_model()
        wanted = canonical_name(model)
        return sum(count for name, count in counts.items() if canonical_name(name) == wanted)

    async def page(
        self, *, archived: bool, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, object]], str | None]:
        """Pinned first, then the latest. Raises Malformed for a cursor that is not ours."""
        after = read_cursor(cursor, (int, str, str))
        async with self._database.reading() as connection:
            rows = await Conversations(connection).page(
                archived=archived,
                after=(bool(after[0]), after[1], after[2]) if after else None,
                limit=limit + 1,
            )
        items = [conversation_json(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return items, None
        last = rows[limit - 1]
        return items, cursor_of(int(last["pinned"]), last["updated_at"], last["id"])

    async def find(
        self, text: str, *, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, object]], str | None]:
        """Conversations whose title or messages hold every word, newest hits first, with
        snippets. The last word may be unfinished."""
        fts = fts_query(text)
        if fts is None:
            return [], None
        start = hits_before(cursor, fts)
        async with self._database.reading() as connection:
            store = Conversations(connection)
            hits: dict[str, list[tuple[str | None, int, str | None]]] = {}
            for conversation_id, message_id, number, snippet in await store.matches(fts, SCAN_HITS):
                hits.setdefault(conversation_id, []).append((message_id, number, snippet))
            shown = {key: hits[key][:SNIPPETS_EACH] for key in list(hits)[start : start + limit]}
            rows = await store.several(list(shown))
            cut = await store.snippets(
                fts, [number for some in shown.values() for _, number, text in some if not text]
            )
        items = [
            conversation_json(rows[conversation_id])
            | {
                "snippets": [
                    {"message_id": message_id, "text": text or cut.get(number, "")}
                    for message_id, number, text in some
                ]
            }
            for conversation_id, some in shown.items()
        ]
        more = len(hits) > start + limit
        return items, cursor_of(start + limit, fts) if more else None

    async def change(self, conversation_id: str, values: Mapping[str, object]) -> dict[str, object]:
        """Changes the fields that are given. Raises NotFound and Invalid."""
        values = dict(values)
        async with self._database.writing() as connection:
            await present(connection, conversation_id)
            leaf = values.get("active_message_id")
            if leaf is not None:
                row = await Messages(connection).find(str(leaf))
                if row is None or row["conversation_id"] != conversation_id:
                    raise Invalid(
                        "no-such-message", "active_message_id names no message of this one."
                    )
            if "title" in values:
                values["title_is_automatic"] = False
            if values:
                await Conversations(connection).change(conversation_id, values)
            return conversation_json(await present(connection, conversation_id))

    async def delete(self, conversation_id: str) -> None:
        """Hides it; `restore` brings it back for seven days. Stops what still answers in it."""
        async with self._database.writing() as connection:
            await present(connection, conversation_id)
            await Conversations(connection).change(
                conversation_id, {"deleted_at": rfc3339(self._clock())}
            )
        await self._runs.cancel_all_of(conversation_id)

    async def restore(self, conversation_id: str) -> dict[str, object]:
        """Undoes `delete`. Raises NotFound when it is gone for good."""
        async with self._database.writing() as connection:
            conversations = Conversations(connection)
            row = await conversations.find(conversation_id, deleted=True)
            limit = rfc3339(self._clock() - KEEP_DELETED)
            if row is None or (row["deleted_at"] and row["deleted_at"] < limit):
                raise no_conversation()
            await conversations.change(conversation_id, {"deleted_at": None})
            return conversation_json(row)

    async def count(self) -> int:
        """Of all that are here, without those in the bin."""
        async with self._database.reading() as connection:
            return await Conversations(connection).count()

    async def purge(self, *, keep: timedelta = KEEP_DELETED) -> int:
        """Deletes for good what was deleted over seven days ago; says how many."""
        limit, purged = rfc3339(self._clock() - keep), 0
        while True:
            async with self._database.writing() as connection:
                ids = await Conversations(connection).purge(limit)
                await Runs(connection).remove_of(ids)
            purged += len(ids)
            if not ids:
                return purged

    async def messages(
        self, conversation_id: str, *, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, object]], str | None]:
        """The whole tree in the order of writing. Raises NotFound and Malformed."""
        after = (read_cursor(cursor, (int,)) or [0])[0]
        async with self._database.reading() as connection:
            await present(connection, conversation_id)
            rows = await Messages(connection).page(conversation_id, after, limit + 1)
        items = [self._told(row) for row in rows[:limit]]
        return items, cursor_of(rows[limit - 1]["number"]) if len(rows) > limit else None

    def _told(self, row: Row) -> dict[str, object]:
        told = message_json(row)
        if row["status"] == "streaming" and (live := self._runs.live(row["run_id"])):
            told["content"], told["thinking"] = "".join(live.content), "".join(live.thinking)
        return told
