"""Builds what speaks to printers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent.images.service import ImageService
from agent.runs.service import RunService
from agent.settings import Settings
from agent.shared.clock import Clock, NewId
from agent.shared.database import Database
from agent.shared.secrets import Secrets
from agent.slicer.files.service import FileService
from agent.slicer.printers.forwarding import Forwarder
from agent.slicer.printers.forwarding import Parts as ForwardParts
from agent.slicer.printers.looking import PrinterLooks
from agent.slicer.printers.registry import Patience, PrinterRegistry
from agent.slicer.printers.watch import PrintWatch
from agent.slicer.printhost.service import Outlet


@dataclass(frozen=True, slots=True)
class PrinterParts:
    """`outlet` is how a print host reaches the printers."""

    registry: PrinterRegistry
    looks: PrinterLooks
    watch: PrintWatch
    outlet: Outlet


@asynccontextmanager
async def open_printers(
    settings: Settings,
    database: Database,
    secrets: Secrets,
    runs: RunService,
    images: ImageService,
    files: FileService,
    *,
    clock: Clock,
    new_id: NewId,
) -> AsyncIterator[PrinterParts]:
    """Asks no printer anything; connections are closed when the block ends."""
    patience = Patience(
        settings.printer_seconds, settings.printer_retry_seconds, settings.printer_watch_seconds
    )
    registry = PrinterRegistry(
        database, secrets, patience, own_port=settings.port, clock=clock, new_id=new_id
    )
    await registry.open()
    watch = PrintWatch(database, registry, clock, new_id)
    forwarder = Forwarder(
        ForwardParts(database, runs, registry, files.path_of, watch.wake, clock, new_id)
    )
    looks = PrinterLooks(registry, images, clock)
    try:
        yield PrinterParts(registry, looks, watch, Outlet(registry.target, forwarder.launch))
    finally:
        await registry.close()
