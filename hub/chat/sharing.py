"""Who else may read a conversation."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound
from hub.access import Principal
from hub.audit.service import AuditService
from hub.chat.rules import SubjectKind
from hub.chat.service import owned
from hub.chat.shapes import share_json
from hub.chat.store import Row, Shares

Named = Callable[[str], Awaitable[Mapping[str, Any]]]  # Any: a row's values
MOST = 200


class SharingService:
    """For reading alone, as it is at every moment, until it is taken back."""

    def __init__(
        self, database: Databases, audit: AuditService, clock: Clock, account_named: Named
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._account_named = account_named

    async def shares(self, who: Principal, conversation_id: str) -> list[dict[str, object]]:
        """Raises NotFound, and Denied for those with whom it is shared."""
        async with self._database.reading() as connection:
            await owned(connection, who, conversation_id)
            return [share_json(row) for row in await Shares(connection).of(conversation_id)]

    async def share(
        self, who: Principal, conversation_id: str, kind: SubjectKind, name: str
    ) -> dict[str, object]:
        """The same again changes nothing. Raises NotFound for whom nobody knows."""
        row: Row = {
            "conversation_id": conversation_id,
            "kind": kind,
            "subject": name,
            "name": name,
            "created_at": rfc3339(self._clock()),
        }
        if kind == "person":
            account = await self._account_named(name.lower())
            row |= {"subject": account["id"], "name": account["name"]}
        async with self._database.writing() as connection:
            await owned(connection, who, conversation_id)
            await Shares(connection).put(row)
            await self._audit.note(
                connection, "conversation.share", conversation_id, kind=kind, reader=row["name"]
            )
        return share_json(row)

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
