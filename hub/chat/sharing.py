"""Who else may read a conversation, and who could be let."""

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound
from hub.access import Principal
from hub.audit.service import AuditService
from hub.chat.readers_store import Readers, Row
from hub.chat.rules import SubjectKind, is_id
from hub.chat.service import owned
from hub.chat.shapes import reader_json, share_json
from hub.chat.store import Shares

MOST_FOUND = 20


class SharingService:
    """For reading alone, as it is at every moment, until it is taken back."""

    def __init__(self, database: Databases, audit: AuditService, clock: Clock) -> None:
        self._database, self._audit, self._clock = database, audit, clock

    async def readers(self, who: Principal, typed: str) -> list[dict[str, object]]:
        """People but oneself, and groups: one's own, for an Administrator all."""
        async with self._database.reading() as connection:
            readers = Readers(connection)
            found = await readers.people(typed, who.account_id, MOST_FOUND)
            found += await readers.groups(typed, _member(who), MOST_FOUND - len(found))
        return [reader_json(row) for row in found]

    async def shares(self, who: Principal, conversation_id: str) -> list[dict[str, object]]:
        """Raises NotFound, and Denied for those with whom it is shared."""
        async with self._database.reading() as connection:
            await owned(connection, who, conversation_id)
            return [share_json(row) for row in await Shares(connection).of(conversation_id)]

    async def share(
        self, who: Principal, conversation_id: str, kind: SubjectKind, subject: str
    ) -> dict[str, object]:
        """The same again changes nothing. Raises NotFound for whom nobody knows."""
        row = {"kind": kind, "subject": subject, "created_at": rfc3339(self._clock())}
        async with self._database.writing() as connection:
            await owned(connection, who, conversation_id)
            reader = await _reader(connection, who, kind, subject)
            await Shares(connection).put({**row, "conversation_id": conversation_id})
            await self._audit.note(
                connection, "conversation.share", conversation_id, kind=kind, reader=reader["name"]
            )
        return share_json({**reader, **row})

    async def take_back(
        self, who: Principal, conversation_id: str, kind: SubjectKind, subject: str
    ) -> None:
        """Raises NotFound where it is not shared so."""
        async with self._database.writing() as connection:
            await owned(connection, who, conversation_id)
            if "\0" in subject or not await Shares(connection).remove(
                conversation_id, kind, subject
            ):
                raise NotFound("not-shared", "The conversation is not shared with them.")
            await self._audit.note(
                connection, "conversation.unshare", conversation_id, kind=kind, subject=subject
            )


def _member(who: Principal) -> str | None:
    return None if who.is_administrator else who.account_id


async def _reader(
    connection: AsyncConnection, who: Principal, kind: SubjectKind, subject: str
) -> Row:
    readers = Readers(connection)
    if kind == "person":
        row = await readers.person(subject) if is_id(subject) else None
        if row is None:
            raise NotFound("no-such-user", "There is no account with this id.")
    else:
        row = await readers.group(subject, _member(who)) if is_id(subject) else None
        if row is None:
            raise NotFound("no-such-group", "There is no group of yours with this id.")
    return row
