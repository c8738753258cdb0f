"""Exported conversations are taken in, of a hub or of an agent, without doubling anything."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, rfc3339
from agent.shared.conversation_file import check, is_bundle, picture
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Gone
from agent.shared.web import read
from hub.access import Principal
from hub.audit.service import AuditService
from hub.chat.import_shapes import Bundle, Exported, MessageFile
from hub.chat.pictures import PictureService
from hub.chat.store import Conversations, Messages, Row, grow

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Taken:
    """A file with the ids under which it is kept, and which of its messages are not here yet."""

    file: Exported
    known: Row | None
    new: tuple[MessageFile, ...]


class ImportService:
    """What is here already is left as it is. Of a conversation of somebody else one gets a copy,
    whose ids are the same at each time."""

    def __init__(
        self, database: Databases, audit: AuditService, clock: Clock, pictures: PictureService
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._pictures = pictures

    async def take_in(self, who: Principal, document: object) -> dict[str, int]:
        """How many conversations were `created`, `updated` and `unchanged`, and `messages_added`.

        Raises Invalid for a file that is none of ours, Conflict for ids that clash, Gone for what
        was deleted for good, and whatever keeps a picture out."""
        files = read(Bundle, document).conversations if is_bundle(document) else [document]
        exported = [read(Exported, file) for file in files]
        for file in exported:
            check(file.conversation, file.messages, file.images)
        counts = {"created": 0, "updated": 0, "unchanged": 0, "messages_added": 0}
        for file in exported:
            outcome, added = await self._take(who, file)
            counts[outcome] += 1
            counts["messages_added"] += added
        return counts

    async def _take(self, who: Principal, file: Exported) -> tuple[str, int]:
        async with self._database.reading() as connection:
            found = await _found(connection, who, file)
        # Pictures first: shrinking them takes its time, and is no matter of a transaction.
        kept = await self._keep_pictures(who, found)
        async with self._database.writing() as connection:
            rev = await grow(connection, who.account_id, len(found.new) + 1)
            found = await _found(connection, who, file)
            await self._write(connection, who, found, kept, rev)
            is_back = bool(found.known and found.known["deleted_at"])
            if found.known is None or found.new or is_back:
                await self._audit.note(
                    connection,
                    "conversation.import",
                    found.file.conversation.id,
                    messages=len(found.new),
                )
        if found.known is None:
            return "created", len(found.new)
        return ("updated" if found.new or is_back else "unchanged"), len(found.new)

    async def _keep_pictures(self, who: Principal, found: Taken) -> dict[str, str]:
        """By which hash each picture is known here, where it is shrunk."""
        wanted = {sha256 for message in found.new for sha256 in message.images}
        kept: dict[str, str] = {}
        for sha256 in sorted(wanted):
            data = picture(sha256, found.file.images[sha256])
            kept[sha256] = str((await self._pictures.keep(who, data))["sha256"])
        return kept

    async def _write(
        self,
        connection: AsyncConnection,
        who: Principal,
        found: Taken,
        pictures: Mapping[str, str],
        rev: int,
    ) -> None:
        about, known, new = found.file.conversation, found.known, found.new
        if any(sha256 not in pictures for message in new for sha256 in message.images):
            raise Conflict("changed-meanwhile", "Somebody else changed this. Try again.")
        conversations = Conversations(connection)
        if known is None:
            row = {
                **about.model_dump(),
                "account_id": who.account_id,
                "title_is_automatic": not about.title,
                "message_count": len(new),
                "deleted_at": None,
                "purged_at": None,
                "rev": rev,
            }
            if not await conversations.add(row):
                raise _clash()
        elif new or known["deleted_at"]:
            change: Json = {
                "deleted_at": None,
                "message_count": known["message_count"] + len(new),
                "rev": rev,
            }
            if new:
                change["updated_at"] = rfc3339(self._clock())
                change["active_message_id"] = about.active_message_id
            await conversations.change(about.id, who.account_id, change)
        await self._write_messages(
            connection,
            who,
            [_row(one, pictures, rev, rev - len(new) + at) for at, one in enumerate(new, start=1)],
        )

    async def _write_messages(
        self, connection: AsyncConnection, who: Principal, rows: list[Row]
    ) -> None:
        if not await Messages(connection).add(rows):
            raise _clash()
        for row in rows:
            await self._pictures.show(connection, who.account_id, row["id"], row["images"])


async def _found(connection: AsyncConnection, who: Principal, file: Exported) -> Taken:
    conversations = Conversations(connection)
    known = await conversations.find(file.conversation.id, deleted=True)
    if known is not None and known["account_id"] != who.account_id:
        file = _copied(file, who.account_id)
        known = await conversations.find(file.conversation.id, deleted=True)
    if known is not None and known["purged_at"]:
        raise Gone("conversation-deleted", "The conversation of this id was deleted.")
    homes = await Messages(connection).homes([one.id for one in file.messages])
    if any(home != file.conversation.id for home in homes.values()):
        raise _clash()
    return Taken(file, known, tuple(one for one in file.messages if one.id not in homes))


def _copied(file: Exported, account_id: str) -> Exported:
    """With ids of this account's own."""

    def own(key: str | None) -> str | None:
        return None if key is None else _own_id(account_id, key)

    about = file.conversation.model_copy(
        update={
            "id": own(file.conversation.id),
            "active_message_id": own(file.conversation.active_message_id),
        }
    )
    ids = ("id", "conversation_id", "parent_id")
    messages = [
        one.model_copy(update={name: own(getattr(one, name)) for name in ids})
        for one in file.messages
    ]
    return file.model_copy(update={"conversation": about, "messages": messages})


def _own_id(account_id: str, key: str) -> str:
    digest = hashlib.sha256(f"{account_id} {key}".encode()).hexdigest()
    # The beginning tells when it was made, and stays; of the rest as much as an id has room for.
    return f"{key[:14]}7{digest[:3]}-a{digest[3:6]}-{digest[6:18]}"


def _row(message: MessageFile, pictures: Mapping[str, str], rev: int, place: int) -> Row:
    images = [pictures[sha256] for sha256 in message.images]
    return {**message.row(), "images": images, "rev": rev, "place": place}


def _clash() -> Conflict:
    return Conflict("id-clash", "A message of the file belongs to another conversation.")
