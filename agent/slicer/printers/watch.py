"""How prints end: the printer is asked while one goes on, and left alone otherwise."""

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from agent.shared.clock import Clock, NewId, from_rfc3339, rfc3339
from agent.shared.database import Database
from agent.shared.errors import NotFound, OrcaError
from agent.slicer.printers.registry import PrinterRegistry
from agent.slicer.printers.rules import Print, Result
from agent.slicer.printers.store import Prints

SURE_AFTER = 3  # equal answers in a row, where the print was not seen going on before
AWAITED = 30  # looks into the table after a print was started, before it is believed empty
GIVE_UP_AFTER = timedelta(days=14)

log = logging.getLogger(__name__)


class PrintWatch:
    """Follows the prints that were started here, also those from before a restart."""

    def __init__(
        self, database: Database, registry: PrinterRegistry, clock: Clock, new_id: NewId
    ) -> None:
        self._database, self._registry = database, registry
        self._clock, self._new_id = clock, new_id
        self._has_more, self._awaited = asyncio.Event(), 0
        self._seen: set[str] = set()  # at work, by the print's id
        self._said: Counter[tuple[str, Result]] = Counter()

    def wake(self) -> None:
        """A print was started; the transaction that says so may not have ended yet."""
        self._awaited = AWAITED
        self._has_more.set()

    async def run(self) -> None:
        """Sends nothing while nothing prints."""
        while True:
            self._has_more.clear()
            async with self._database.reading() as connection:
                prints = await Prints(connection).watched()
            if prints:
                await asyncio.gather(*(self._look(one) for one in prints))
            elif self._awaited:
                self._awaited -= 1
            else:
                await self._has_more.wait()
                continue
            try:
                async with asyncio.timeout(self._registry.patience.watch_s):
                    await self._has_more.wait()
            except TimeoutError:
                pass

    async def of_file(self, file_id: str) -> list[Print]:
        """Every print of a file that is known here, the newest first."""
        async with self._database.reading() as connection:
            return await Prints(connection).of_file(file_id)

    async def judge(self, file_id: str, result: Result, note: str) -> Print:
        """A person says how the newest print of a file ended. The file must be there."""
        now = rfc3339(self._clock())
        async with self._database.writing() as connection:
            prints = Prints(connection)
            found = await prints.of_file(file_id)
            if found:
                judged = replace(
                    found[0],
                    result=result,
                    source="user",
                    note=note,
                    ended_at=found[0].ended_at or now,
                )
                await prints.save(judged)
            else:
                judged = Print(
                    self._new_id(), file_id, ended_at=now, result=result, source="user", note=note
                )
                await prints.add(judged)
        return judged

    async def _look(self, one: Print) -> None:
        started_at = from_rfc3339(one.started_at) if one.started_at else self._clock()
        if self._clock() - started_at > GIVE_UP_AFTER:
            await self._end(one, Result.UNKNOWN)
            return
        try:
            host = await self._registry.host(self._registry.get(one.printer_id or ""))
            result = await host.result(one.path, one.mark)
        except NotFound:
            return
        except OrcaError as err:
            log.debug("%s cannot be asked how the print goes: %s", one.printer_name, err.detail)
            return
        if result is None:
            self._seen.add(one.id)
            for key in [key for key in self._said if key[0] == one.id]:
                del self._said[key]
            return
        self._said[one.id, result] += 1
        is_sure = one.id in self._seen and result is not Result.UNKNOWN
        if is_sure or self._said[one.id, result] >= SURE_AFTER:
            await self._end(one, result)

    async def _end(self, one: Print, result: Result) -> None:
        now = rfc3339(self._clock())
        async with self._database.writing() as connection:
            prints = Prints(connection)
            found = await prints.find(one.id)
            if found is not None and found.result is None:  # nobody said it meanwhile
                await prints.save(replace(found, result=result, source="printer", ended_at=now))
        self._seen.discard(one.id)
        log.info("the print of %s on %s: %s", one.path, one.printer_name, result.value)
