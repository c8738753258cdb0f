"""What a printer does now, and what its camera shows."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from agent.images.service import ImageService
from agent.shared.clock import Clock, rfc3339
from agent.shared.errors import (
    Invalid,
    NotFound,
    OrcaError,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)
from agent.shared.problems import describe
from agent.slicer.printers.addresses import camera_of
from agent.slicer.printers.failures import LOST_ANSWER, NOT_TAKEN
from agent.slicer.printers.registry import PrinterRegistry
from agent.slicer.printers.rules import Activity, Printer, Report

FRESH_S = 1.0  # several who look at the same time ask the printer once
AWAY = LOST_ANSWER | NOT_TAKEN


@dataclass(frozen=True, slots=True)
class Seen:
    """A report and when it was made; what went wrong where there is none."""

    report: Report
    asked_at: str
    problem: dict[str, object] | None = None


class PrinterLooks:
    """Asks printers only when somebody wants to know."""

    def __init__(
        self,
        registry: PrinterRegistry,
        images: ImageService,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry, self._images = registry, images
        self._clock, self._monotonic = clock, monotonic
        self._last: dict[str, tuple[float, Printer, Seen]] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def state(self, which: str) -> Seen:
        """What the printer does; one that cannot be asked is told as `offline`, or `unknown`
        where it answers and will not say. Raises NotFound."""
        printer = self._registry.get(which)
        async with self._asking[printer.id]:
            at, about, seen = self._last.get(printer.id, (-FRESH_S, None, None))
            if seen is None or about != printer or self._monotonic() - at > FRESH_S:
                seen = await self._ask(printer)
                self._last[printer.id] = (self._monotonic(), printer, seen)
            return seen

    async def test(self, which: str) -> tuple[str, Seen]:
        """Which program answers, and what it says now. Raises NotFound, and what went wrong."""
        printer = self._registry.get(which)
        host = await self._registry.host(printer)
        program = await host.about()
        report = await host.report()
        return program, Seen(report, rfc3339(self._clock()))

    async def picture(self, which: str) -> tuple[bytes, str]:
        """What the camera shows, and its media type, after it was read whole in a process of
        its own. Raises NotFound where there is none, and what went wrong."""
        printer = self._registry.get(which)
        host = await self._registry.host(printer)
        told = printer.camera_url or await host.camera()
        if not told:
            raise NotFound("no-camera", f"{printer.name} tells of no camera.")
        try:
            url = told if printer.camera_url else camera_of(printer.url, told)
        except ValueError as err:
            raise Invalid("camera-elsewhere", f"{printer.name}: {err}") from None
        data = await host.picture(url)
        if not data:
            raise NotFound("no-camera", f"{printer.name} has no picture.")
        try:
            mime, _, _ = await self._images.check(data)
        except (UnsupportedMedia, Invalid, TooLarge):
            raise Unavailable(
                "camera-garbled", f"The camera of {printer.name} sends no picture that can be read."
            ) from None
        return data, mime

    async def _ask(self, printer: Printer) -> Seen:
        now = rfc3339(self._clock())
        try:
            host = await self._registry.host(printer)
            return Seen(await host.report(), now)
        except OrcaError as err:
            activity = Activity.OFFLINE if err.code in AWAY else Activity.UNKNOWN
            return Seen(Report(activity, err.detail), now, describe(err))
