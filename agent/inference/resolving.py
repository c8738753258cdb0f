"""Where the name of a model server leads to, where nothing may leave the house."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from agent.inference.allowed import leads_out


class FarAwayError(OSError):
    """The name leads outside this computer and every private network."""


class NearResolver(AbstractResolver):
    """The system's, without addresses outside; a name that has no other is none."""

    def __init__(self) -> None:
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        near = [one for one in found if not leads_out(one["host"].partition("%")[0])]
        if not near:
            raise FarAwayError(f"{host} leads outside")
        return near

    async def close(self) -> None:
        await self._system.close()
