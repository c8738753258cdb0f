"""Where a printer's name leads to. Loaded with the first printer that is asked."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from agent.slicer.printers.addresses import may_be_reached


class CarefulResolver(AbstractResolver):
    """The system's, without what no printer lives at: a name can lead anywhere."""

    def __init__(self) -> None:
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        allowed = [one for one in found if may_be_reached(one["host"])]
        if not allowed:
            raise OSError("the name leads to an address that is not allowed")
        return allowed

    async def close(self) -> None:
        await self._system.close()
