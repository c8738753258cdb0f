"""Requests to the provider. Its failures are ours."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from agent.shared.certificates import trust_for
from agent.shared.errors import Unavailable

if TYPE_CHECKING:
    import aiohttp

ANSWER_S = 10.0
ANSWER_BYTES = 1024 * 1024
# Not compressed: a few bytes could become many.
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "orca-hub",
}
Answer = Mapping[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True)
class Provider:
    """As the settings say."""

    name: str
    issuer: str
    client_id: str
    client_secret: str
    ca_file: Path | None


class Wire:
    """One pool of connections. `is_away` says whether the last request failed."""

    def __init__(self, provider: Provider) -> None:
        self.provider, self.is_away = provider, False
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> tuple[int, Answer]:
        """Status and JSON object. Raises Unavailable, for what asks for patience, too."""
        session = await self._opened()
        import aiohttp  # slow import

        try:
            async with session.request(
                method, url, headers=headers, data=form, allow_redirects=False
            ) as reply:
                body = await reply.content.read(ANSWER_BYTES)
                while len(body) < ANSWER_BYTES and (more := await reply.content.read(65_536)):
                    body += more
        except (aiohttp.ClientError, OSError, ValueError) as err:
            raise self._away() from err
        if reply.status == 429 or reply.status >= 500:
            raise self._away(reply.headers.get("Retry-After", ""))
        self.is_away = False
        if len(body) >= ANSWER_BYTES:
            raise self.garbled("answers with more than fits")
        try:
            said = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict):
            raise self.garbled("answers with something else than JSON")
        return reply.status, said

    async def _opened(self) -> "aiohttp.ClientSession":
        async with self._opening:
            if self._session is None:
                await asyncio.to_thread(import_module, "aiohttp")
                import aiohttp  # slow import

                trust = await trust_for(self.provider.issuer, self.provider.ca_file)
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=20, ssl=trust),
                    timeout=aiohttp.ClientTimeout(total=ANSWER_S),
                    headers=HEADERS,
                    auto_decompress=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    trust_env=False,
                )
        return self._session

    def _away(self, retry_after: str = "") -> Unavailable:
        self.is_away = True
        seconds = int(retry_after) if retry_after.isdecimal() and len(retry_after) < 5 else 10
        return Unavailable(
            "provider-away",
            f"{self.provider.name} does not answer. Try again in a moment, or sign in with a local "
            "account.",
            retry_after_s=seconds,
        )

    def garbled(self, what: str) -> Unavailable:
        return Unavailable(
            "provider-garbled",
            f"{self.provider.name} {what}. An Administrator looks at the settings oidc_*.",
        )

    def refused(self, status: int) -> Unavailable:
        return Unavailable(
            "provider-refuses",
            f"{self.provider.name} refuses what the hub asks (HTTP {status}). An Administrator "
            "looks at oidc_client_id and oidc_client_secret.",
        )
