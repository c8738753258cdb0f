"""Which printers there are. What is added stays, and its key lies apart."""

import asyncio
import logging
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from agent.shared.certificates import check_authority
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Invalid, NotFound, OrcaError
from agent.shared.secrets import Secrets
from agent.slicer.printers.addresses import camera_url, is_loopback, printer_url
from agent.slicer.printers.hosts import PrinterServer
from agent.slicer.printers.moonraker import Moonraker
from agent.slicer.printers.octoprint import OctoPrint
from agent.slicer.printers.prusalink import PrusaLink
from agent.slicer.printers.rules import Printer
from agent.slicer.printers.store import Printers
from agent.slicer.printers.wire import Wire
from agent.slicer.printhost.rules import DEFAULT_PRINTER, Target

KEY = re.compile(r"[\x20-\x7e]{1,500}")  # what a header can carry

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for one answer, for a printer that cannot be reached, between two questions of
    how a print goes."""

    answer_s: float
    retry_s: float
    watch_s: float


class PrinterRegistry:
    """Adds, changes and removes printers, and says how each is spoken to."""

    def __init__(
        self,
        database: Database,
        secrets: Secrets,
        patience: Patience,
        *,
        own_port: int,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._secrets, self.patience = database, secrets, patience
        self._own_port, self._clock, self._new_id = own_port, clock, new_id
        self._printers: dict[str, Printer] = {}
        self._hosts: dict[str, PrinterServer] = {}
        self._taking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._changing, self._opening = asyncio.Lock(), asyncio.Lock()

    async def open(self) -> None:
        """Takes up what was added before."""
        async with self._database.reading() as connection:
            self._printers = {one.id: one for one in await Printers(connection).all()}

    async def close(self) -> None:
        """Ends every connection."""
        hosts, self._hosts = list(self._hosts.values()), {}
        for host in hosts:
            await host.close()

    def list_all(self) -> list[Printer]:
        """In the order in which they were added."""
        return list(self._printers.values())

    def get(self, which: str) -> Printer:
        """By its id or its name. Raises NotFound."""
        for printer in self._printers.values():
            if which in (printer.id, printer.name):
                return printer
        raise NotFound("no-such-printer", "There is no printer with this id or name.")

    async def target(self, which: str) -> Target:
        """The same, as far as a print host wants to know it. Raises NotFound."""
        printer = self.get(which)
        return Target(printer.id, printer.name, printer.hold)

    async def host(self, printer: Printer) -> PrinterServer:
        """How the printer is spoken to. Raises Unavailable if its key cannot be read."""
        async with self._opening:
            if (host := self._hosts.get(printer.id)) is None:
                printer = self._printers.get(printer.id, printer)  # it may have been changed
                key = ""
                if printer.key_place:
                    key = await self._secrets.get(_secret_name(printer)) or ""
                host = self._hosts[printer.id] = self._new_host(printer, key)
            return host

    def taking(self, printer: Printer) -> asyncio.Lock:
        """Held while a file is on its way there: one at a time."""
        return self._taking[printer.id]

    async def add(self, asked: Printer, key: str = "", *, is_forced: bool = False) -> Printer:
        """Tries the printer and keeps it, its key apart; id and time are given here.

        Raises Conflict for a name or address that is there already, Invalid for what cannot be,
        and what the printer answered, unless `is_forced`."""
        now = rfc3339(self._clock())
        printer = self._checked(replace(asked, id=self._new_id(), created_at=now), key)
        if printer.ca_file is not None:
            await asyncio.to_thread(check_authority, printer.ca_file)
        async with self._changing:
            self._check_free(printer)
            if not is_forced:
                await self._try(printer, key)
            if key:
                place = await self._secrets.set(_secret_name(printer), key)
                printer = replace(printer, key_place=place)
            try:
                async with self._database.writing() as connection:
                    await Printers(connection).add(printer)
            except OrcaError:
                await self._secrets.delete(_secret_name(printer))
                raise
            self._printers[printer.id] = printer
        log.info("printer %s was added: %s at %s", printer.name, printer.kind, printer.url)
        return printer

    async def change(self, which: str, key: str | None = None, **changes: object) -> Printer:
        """Changes what is given; a `key` of no characters takes the key away. It is not tried.

        Raises as `add`, NotFound, and Conflict while a file is on its way there."""
        async with self._changing:
            old = self.get(which)
            self._check_free_of_work(old)
            printer = self._checked(replace(old, **changes), key or "")  # type: ignore[arg-type]  # checked by the route
            self._check_free(printer)
            async with self.taking(old):
                if key:
                    place = await self._secrets.set(_secret_name(printer), key)
                    printer = replace(printer, key_place=place)
                elif key == "":
                    printer = replace(printer, key_place="")
                async with self._database.writing() as connection:
                    await Printers(connection).change(printer)
                self._printers[printer.id] = printer
                if key == "" and old.key_place:
                    await self._secrets.delete(_secret_name(printer))
                await self._forget_host(printer)
        return printer

    async def remove(self, which: str) -> None:
        """Forgets it and its key; what it prints it goes on printing. Raises NotFound, and
        Conflict while a file is on its way there."""
        async with self._changing:
            printer = self.get(which)
            self._check_free_of_work(printer)
            async with self.taking(printer):
                async with self._database.writing() as connection:
                    await Printers(connection).remove(printer.id)
                del self._printers[printer.id]
                if printer.key_place:
                    await self._secrets.delete(_secret_name(printer))
                await self._forget_host(printer)
        log.info("printer %s was removed", printer.name)

    # --- inside -----------------------------------------------------------------------------

    def _check_free_of_work(self, printer: Printer) -> None:
        if self._taking[printer.id].locked():
            raise Conflict(
                "printer-in-use",
                f"A file is on its way to {printer.name}. Wait for it, or cancel it first.",
            )

    async def _forget_host(self, printer: Printer) -> None:
        async with self._opening:  # nobody makes one with what was read before
            host = self._hosts.pop(printer.id, None)
        if host:
            await host.close()

    async def _try(self, printer: Printer, key: str) -> None:
        host = self._new_host(printer, key)
        try:
            await host.about()
            await host.report()  # wants the key, where the version is told to everybody
        finally:
            await host.close()

    def _new_host(self, printer: Printer, key: str) -> PrinterServer:
        wire = Wire(
            printer.name,
            printer.url,
            key=key,
            user=printer.user,
            ca_file=printer.ca_file,
            patience_s=self.patience.answer_s,
        )
        if printer.kind == "octoprint":
            return OctoPrint(wire)
        if printer.kind == "moonraker":
            return Moonraker(wire)
        return PrusaLink(wire, storage=printer.storage)

    def _checked(self, printer: Printer, key: str) -> Printer:
        if key and not KEY.fullmatch(key):
            raise Invalid("invalid-key", "A key has letters, digits and signs.")
        try:
            url = printer_url(printer.url)
        except ValueError as err:
            raise _invalid("url", err) from None
        if is_loopback(url) and urlsplit(url).port == self._own_port:
            raise _invalid("url", "That is the agent itself. Give the printer's own address.")
        try:
            camera = camera_url(printer.camera_url) if printer.camera_url else ""
        except ValueError as err:
            raise _invalid("camera_url", err) from None
        return replace(printer, url=url, camera_url=camera)

    def _check_free(self, printer: Printer) -> None:
        others = [one for one in self._printers.values() if one.id != printer.id]
        if printer.name in {DEFAULT_PRINTER, *(one.name for one in others)}:
            raise Conflict("printer-exists", f"There is a printer called {printer.name} already.")
        if twin := next((one.name for one in others if one.url == printer.url), None):
            raise Conflict(
                "printer-address-exists", f"{printer.url} is the address of {twin} already."
            )


def _invalid(field: str, err: ValueError | str) -> Invalid:
    return Invalid("invalid-address", str(err), errors=[{"field": field, "detail": str(err)}])


def _secret_name(printer: Printer) -> str:
    return f"printer {printer.id}"
