"""The audit log as it is written, searched, exported and checked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from quart import g, has_request_context, request
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from hub.access import Principal
from hub.audit.rules import FIRST, Chain, Cut, Entry, Outcome, broken_at, tells_of
from hub.audit.store import ANYTHING, Audits, Wanted

NOBODY = "nobody"


class AuditService:
    """`note` goes into the transaction of what it tells of: neither is kept without the other."""

    def __init__(self, database: Databases, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def note(
        self,
        connection: AsyncConnection,
        action: str,
        target: str,
        *,
        outcome: Outcome = "done",
        actor: Principal | None = None,
        actor_name: str = NOBODY,
        **detail: Any,  # Any: JSON values, and no secret
    ) -> None:
        """Who: `actor`, else whoever sends the present request, else `actor_name`. The last thing
        that a transaction does: until it is committed nobody else writes one."""
        who = actor or (g.get("principal") if has_request_context() else None)
        await Audits(connection).append(
            at=rfc3339(self._clock()),
            actor_id=who.account_id if who else None,
            actor=who.name if who else actor_name,
            action=action,
            target=target[:300],
            address=(request.remote_addr or "")[:64] if has_request_context() else "",
            outcome=outcome,
            request_id=str(g.get("request_id", ""))[:64] if has_request_context() else "",
            detail=detail,
        )

    async def note_alone(self, action: str, target: str, **more: Any) -> None:  # Any: as `note`
        """Of something that changed nothing else, such as a login that failed."""
        async with self._database.writing() as connection:
            await self.note(connection, action, target, **more)

    async def found(self, wanted: Wanted, *, before: int | None, limit: int) -> list[Entry]:
        """Newest first."""
        async with self._database.reading() as connection:
            return await Audits(connection).found(wanted, before=before, limit=limit)

    async def count(self, wanted: Wanted) -> int:
        async with self._database.reading() as connection:
            return await Audits(connection).count(wanted)

    async def everything(self, wanted: Wanted = ANYTHING) -> AsyncIterator[tuple[Entry, str]]:
        """Oldest first, with the digests, a thousand at a time."""
        number = 0
        while True:
            async with self._database.reading() as connection:
                page = await Audits(connection).after(number, wanted)
            for entry in page:
                yield entry
            if not page:
                return
            number = page[-1][0].number

    async def check(self) -> Chain:
        """Reads all that is kept: from its beginning, or from where it was cut off, to its end."""
        while True:
            cut = await self._last_cut()
            chain = await self._checked_from(cut)
            if await self._last_cut() == cut:  # or it was cut off while it was read
                return chain

    async def broken_at(self) -> int | None:
        """The number of the first entry that was changed, or is missing, at the end, too."""
        return (await self.check()).broken_at

    async def _last_cut(self) -> Cut | None:
        async with self._database.reading() as connection:
            return await Audits(connection).last_cut()

    async def _checked_from(self, cut: Cut | None) -> Chain:
        async with self._database.reading() as connection:
            last, digest = await Audits(connection).last()
        before, number = (cut.digest, cut.number) if cut else (FIRST, 0)
        after, is_proved = 0, cut is None
        while True:
            async with self._database.reading() as connection:
                page = await Audits(connection).after(after)
            if not page:
                break
            if page[0][0].number != number + 1:
                return Chain(number + 1, cut)
            if (broken := await asyncio.to_thread(broken_at, page, before)) is not None:
                return Chain(broken, cut)
            if any(entry.number == last and said != digest for entry, said in page):
                return Chain(last, cut)
            is_proved = is_proved or any(cut and tells_of(entry, cut) for entry, _ in page)
            before, number = page[-1][1], page[-1][0].number
            after = number
        if number < last:
            return Chain(number + 1, cut)
        if cut and not is_proved:
            return Chain(cut.number, cut, is_cut_unproved=True)
        return Chain(None, cut)


def shown(entry: Entry) -> dict[str, Any]:  # Any: JSON values
    return {name: getattr(entry, name) for name in Entry.__slots__}
