"""What the agent asks of its hub, over HTTPS; what goes wrong there becomes one of our errors."""

import asyncio
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from agent.shared.certificates import trust_for
from agent.shared.errors import Unavailable
from agent.shared.request_id import CURRENT, HEADER
from agent.version import program_version

if TYPE_CHECKING:
    import aiohttp

CONNECT_S, ANSWER_S = 5.0, 15.0
UNUSED_S = 2.0  # less than any proxy keeps a connection: it may close it on a question
LARGEST_BYTES = 4 * 1024 * 1024
Json = Mapping[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True)
class Answer:
    """`said` is empty where the hub said nothing."""

    status: int
    said: Json

    @property
    def is_good(self) -> bool:
        return self.status < 300

    @property
    def detail(self) -> str:
        """The hub's own sentence about what went wrong."""
        told = self.said.get("detail") or self.said.get("error_description")
        return str(told or f"The hub answered {self.status}.")


class HubClient:
    """One hub. Raises Unavailable `hub-away`, `not-a-hub` and `untrusted-certificate`; what the
    hub refuses is an answer."""

    def __init__(self, url: str, *, ca_file: str | None = None) -> None:
        self.url, self.ca_file = url, ca_file
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self, method: str, path: str, body: Json | None = None, *, token: str = ""
    ) -> Answer:
        """One question at /api/v1."""
        import aiohttp  # slow import

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if request_id := CURRENT.get():
            headers[HEADER] = request_id
        address = f"{self.url}/api/v1{path}"
        try:
            async with asyncio.timeout(ANSWER_S):
                session = await self._opened()
                async with session.request(
                    method, address, json=body, headers=headers, allow_redirects=False
                ) as reply:
                    return await self._read(reply)
        except aiohttp.ClientConnectorCertificateError as err:
            raise Unavailable(
                "untrusted-certificate",
                f"The certificate of {self.url} is not one that this computer trusts. If an "
                "authority of your own made it, give its file with --ca-file.",
            ) from err
        except aiohttp.ClientSSLError as err:
            raise Unavailable(
                "hub-away", f"What answers at {self.url} does not speak HTTPS."
            ) from err
        except aiohttp.ClientConnectorDNSError as err:
            raise Unavailable(
                "hub-away", f"The name in {self.url} cannot be found. Look at the address."
            ) from err
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise Unavailable("hub-away", f"The hub at {self.url} does not answer.") from err

    async def _read(self, reply: "aiohttp.ClientResponse") -> Answer:
        text = await reply.content.read(LARGEST_BYTES)
        if reply.status in {502, 503, 504}:
            raise Unavailable("hub-away", f"The hub at {self.url} is not ready.")
        try:
            said = orjson.loads(text or b"{}")
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict) or 300 <= reply.status < 400:
            raise Unavailable("not-a-hub", f"What answers at {self.url} is no hub.")
        return Answer(reply.status, said)

    async def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp  # slow import

        if self._session is None:
            trust = await trust_for(self.url, Path(self.ca_file) if self.ca_file else None)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trust, keepalive_timeout=UNUSED_S),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                headers={"User-Agent": program()},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


def program() -> str:
    """What the hub shows of this program: version and system."""
    return f"orca-agent/{program_version()} ({platform.system()} {platform.machine()})"
