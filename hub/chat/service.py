"""What one can do with conversations: open, list, find, change, delete, undo."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.cursors import cursor_of, hits_before, read_cursor
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Denied, Gone, Invalid, NotFound
from hub.access import Principal
from hub.ai.service import AiService
from hub.audit.service import AuditService
from hub.chat.rules import KEEP_DELETED, hits_by_conversation, is_id
from hub.chat.search_store import hits, snippets
from hub.chat.shapes import conversation_json, message_json
from hub.chat.store import Conversations, Messages, Row, Shares, grow

SNIPPETS_EACH = 3
Json = dict[str, object]


class ConversationService:
    """Every change is one transaction. For others than the owner, and those with whom it is
    shared, a conversation does not exist; an Administrator is no exception."""

    def __init__(
        self,
        database: Databases,
        ai: AiService,
        audit: AuditService,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._audit = audit
        self._database, self._ai, self._clock, self._new_id = database, ai, clock, new_id

    async def open(self, who: Principal, values: Mapping[str, str | None]) -> Json:
        """A new, empty conversation; the id of one's own again is that one.

        Raises Conflict `id-taken`, and Gone for one that was deleted."""
        now = rfc3339(self._clock())
        row: Row = {
            "id": values.get("id") or self._new_id(),
            "account_id": who.account_id,
            "title": values.get("title") or "",
            "title_is_automatic": not values.get("title"),
            "model": values.get("model"),
            "system": values.get("system"),
            "created_at": now,
            "updated_at": now,
            "archived": False,
            "pinned": False,
            "active_message_id": None,
            "message_count": 0,
            "deleted_at": None,
            "purged_at": None,
        }
        async with self._database.writing() as connection:
            row["rev"] = await grow(connection, who.account_id)
            conversations = Conversations(connection)
            if not await conversations.add(row):
                known = await conversations.find(row["id"], deleted=True)
                if known is None or known["account_id"] != who.account_id:
                    raise Conflict("id-taken", "This id is in use. Make a new one.")
                if known["deleted_at"]:
                    raise Gone("conversation-deleted", "The conversation of this id was deleted.")
                return conversation_json(known, who.account_id)
            await self._audit.note(connection, "conversation.open", row["id"])
        return conversation_json(row, who.account_id)

    async def get(self, who: Principal, conversation_id: str) -> Json:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await seen(connection, who, conversation_id)
            others = {row["account_id"]} - {who.account_id}
            owners = await Conversations(connection).owners(others)
        return conversation_json(row, who.account_id, owners)

    async def page(
        self, who: Principal, *, view: str, archived: bool, cursor: str | None, limit: int
    ) -> tuple[list[Json], str | None]:
        """One's own, pinned first, then the latest; or those that others share; or the bin.

        Raises Malformed for a cursor that is not ours."""
        account_id, owners = who.account_id, dict[str, str]()
        async with self._database.reading() as connection:
            conversations = Conversations(connection)
            if view == "deleted":
                since = rfc3339(self._clock() - KEEP_DELETED)
                rows = await conversations.deleted(account_id, since, limit)
                return [conversation_json(row, account_id) for row in rows], None
            if view == "shared":
                behind = read_cursor(cursor, (str, str))
                rows = await conversations.shared_with(
                    account_id,
                    after=(behind[0], behind[1]) if behind else None,
                    limit=limit + 1,
                )
                owners = await conversations.owners({row["account_id"] for row in rows})
            else:
                after = read_cursor(cursor, (int, str, str))
                rows = await conversations.page(
                    account_id,
                    archived=archived,
                    after=(bool(after[0]), after[1], after[2]) if after else None,
                    limit=limit + 1,
                )
        items = [conversation_json(row, account_id, owners) for row in rows[:limit]]
        if len(rows) <= limit:
            return items, None
        last = rows[limit - 1]
        place = (last["updated_at"], last["id"])
        return items, cursor_of(*(place if view == "shared" else (int(last["pinned"]), *place)))

    async def find(
        self, who: Principal, typed: str, *, cursor: str | None, limit: int
    ) -> tuple[list[Json], str | None]:
        """One's own whose title or messages hold every word, newest hits first, with snippets."""
        start = hits_before(cursor, typed)
        async with self._database.reading() as connection:
            found = hits_by_conversation(
                await hits(connection, who.account_id, typed), SNIPPETS_EACH
            )
            shown = list(found)[start : start + limit]
            rows = await Conversations(connection).several(shown)
            ids = [hit for one in shown for hit, text in found[one] if hit and text is None]
            cut = await snippets(connection, typed, ids)
        items = [
            conversation_json(rows[one], who.account_id)
            | {
                "snippets": [
                    {"message_id": hit, "text": text or cut.get(hit or "", "")}
                    for hit, text in found[one]
                ]
            }
            for one in shown
            if one in rows
        ]
        return items, cursor_of(start + limit, typed) if len(found) > start + limit else None

    async def change(self, who: Principal, conversation_id: str, values: Json) -> Json:
        """Changes the fields that are given. Raises NotFound, Denied and Invalid."""
        async with self._database.writing() as connection:
            rev = await grow(connection, who.account_id)
            row = await owned(connection, who, conversation_id)
            leaf = values.get("active_message_id")
            if leaf is not None:
                message = await Messages(connection).find(str(leaf))
                if message is None or message["conversation_id"] != conversation_id:
                    raise Invalid(
                        "no-such-message", "active_message_id names no message of this one."
                    )
            if values:
                change = {**values, "rev": rev}
                if "title" in values:
                    change["title_is_automatic"] = False
                changed = await Conversations(connection).change(
                    conversation_id, who.account_id, change
                )
                row = changed or row
                await self._audit.note(
                    connection, "conversation.change", conversation_id, fields=sorted(values)
                )
        return conversation_json(row, who.account_id)

    async def delete(self, who: Principal, conversation_id: str) -> None:
        """Hides it; `restore` brings it back for seven days. Stops what still answers in it."""
        async with self._database.writing() as connection:
            rev = await grow(connection, who.account_id)
            await owned(connection, who, conversation_id)
            change = {"deleted_at": rfc3339(self._clock()), "rev": rev}
            await Conversations(connection).change(conversation_id, who.account_id, change)
            answering = await Messages(connection).answering(conversation_id)
            await self._audit.note(connection, "conversation.delete", conversation_id)
        for run_id in answering:
            await self._ai.cancel(who, run_id)

    async def restore(self, who: Principal, conversation_id: str) -> Json:
        """Undoes `delete`. Raises NotFound when it is gone for good."""
        async with self._database.writing() as connection:
            rev = await grow(connection, who.account_id)
            row = await _find(connection, conversation_id, deleted=True)
            limit = rfc3339(self._clock() - KEEP_DELETED)
            if row["account_id"] != who.account_id or (row["deleted_at"] or limit) < limit:
                raise no_conversation()
            changed = await Conversations(connection).change(
                conversation_id, who.account_id, {"deleted_at": None, "rev": rev}
            )
            if changed is None:
                raise no_conversation()
            await self._audit.note(connection, "conversation.restore", conversation_id)
        return conversation_json(changed, who.account_id)

    async def messages(
        self, who: Principal, conversation_id: str, *, cursor: str | None, limit: int
    ) -> tuple[list[Json], str | None]:
        """The whole tree in the order of writing. Raises NotFound and Malformed."""
        after = (read_cursor(cursor, (int,)) or [0])[0]
        async with self._database.reading() as connection:
            await seen(connection, who, conversation_id)
            rows = await Messages(connection).page(conversation_id, after, limit + 1)
        items = [message_json(row) for row in rows[:limit]]
        return items, cursor_of(rows[limit - 1]["place"]) if len(rows) > limit else None

    async def purge(self) -> int:
        """Deletes for good what was deleted over seven days ago; says how many."""
        limit, purged = rfc3339(self._clock() - KEEP_DELETED), 0
        async with self._database.writing() as connection:
            await Shares(connection).forget_gone()
        while True:
            async with self._database.reading() as connection:
                due = await Conversations(connection).over_due(limit, 100)
            if not due:
                return purged
            for conversation_id, account_id in due:
                async with self._database.writing() as connection:
                    rev = await grow(connection, account_id)
                    conversations, now = Conversations(connection), rfc3339(self._clock())
                    row = await conversations.find(conversation_id, deleted=True)
                    if row and row["deleted_at"] and row["deleted_at"] < limit:
                        await conversations.purge(conversation_id, account_id, rev, now)
                        purged += 1


async def seen(connection: AsyncConnection, who: Principal, conversation_id: str) -> Row:
    """One that this person may read. Raises NotFound."""
    row = await _find(connection, conversation_id)
    if row["account_id"] != who.account_id and not await Shares(connection).reach(
        conversation_id, who.account_id
    ):
        raise no_conversation()
    return row


async def owned(connection: AsyncConnection, who: Principal, conversation_id: str) -> Row:
    """One's own. Raises NotFound, and Denied where it may be read alone."""
    row = await seen(connection, who, conversation_id)
    if row["account_id"] != who.account_id:
        raise Denied("read-only", "This conversation is shared for reading alone.")
    return row


async def _find(connection: AsyncConnection, key: str, *, deleted: bool = False) -> Row:
    row = await Conversations(connection).find(key, deleted=deleted) if is_id(key) else None
    if row is None:
        raise no_conversation()
    return row


def no_conversation() -> NotFound:
    """The error for one that is not there, or not any more, or not for this person."""
    return NotFound(
        "no-such-conversation", "There is no conversation with this id. Perhaps it was deleted."
    )
