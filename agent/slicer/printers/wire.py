"""HTTP to one printer; what goes wrong becomes one of our errors, and says whether it was sent."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import orjson
from yarl import URL

from agent.shared.certificates import trust_for
from agent.shared.clock import NewSecret, random_secret
from agent.shared.errors import OrcaError, Unavailable
from agent.slicer.printers.digest import Digest
from agent.slicer.printers.failures import dropped, refusal, silent, unreachable, wrong_answer

if TYPE_CHECKING:
    import ssl

    import aiohttp

ANSWER_BYTES = 4 * 1024 * 1024
PICTURE_BYTES = 8 * 1024 * 1024
CONNECT_S = 5.0
STALLS = 3.0  # a printer that takes in a file may pause this many times its usual patience
STORING = 6.0  # and longer once it has all of it: it looks through the file before it answers
Body = AsyncIterator[bytes]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Upload:
    """A body of known length, as pieces that are read when they are wanted."""

    pieces: Body
    size_bytes: int
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a printer answered."""

    status: int
    body: bytes
    content_type: str
    method: str

    def json(self) -> dict[str, object]:
        """The body as an object. Raises Unavailable `printer-garbled`."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise wrong_answer("It does not answer in JSON.")
        return found


class Wire:
    """Opened with the first request; each has a connection of its own, so that none is lost on
    one that the printer has given up meanwhile. Raises errors of agent.shared.errors only, and
    none repeats the key."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        key: str = "",
        user: str = "",
        ca_file: Path | None = None,
        patience_s: float,
        new_secret: NewSecret = random_secret,
    ) -> None:
        self.name, self.url, self.patience_s = name, url, patience_s
        self._key, self._ca_file, self._new_secret = key, ca_file, new_secret
        self.key_refusals: tuple[int, ...] = (401, 403)
        self._digest = Digest(user, key) if user else None
        self._session: aiohttp.ClientSession | None = None
        self._opening, self._is_closed = asyncio.Lock(), False

    async def close(self) -> None:
        """Ends every connection. Who asks later is told that it was closed."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, /, **query: str) -> dict[str, object]:
        """The JSON that stands at a path."""
        return (await self.ask("GET", path, query=query)).json()

    async def find(self, path: str, /, **query: str) -> dict[str, object] | None:
        """The same; None where there is nothing."""
        reply = await self.ask("GET", path, query=query, allowed=(204, 404))
        return reply.json() if reply.status == 200 else None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        query: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> Reply:
        """An answer of a 2xx status, or of one that is `allowed`, within the usual patience."""
        body = orjson.dumps(json) if json is not None else None
        headers = {"Content-Type": "application/json"} if body else {}
        address = self._address(path, query or {})
        return self._checked(await self._heard(method, address, body, headers), allowed)

    async def send(self, method: str, path: str, upload: Upload) -> Reply:
        """Sends a file, and waits as long as it moves. It is never sent twice.

        Leaving closes the connection, so that the printer throws away what it has."""
        address = self._address(path, {})
        headers = {
            **upload.headers,
            "Content-Type": upload.content_type,
            "Content-Length": str(upload.size_bytes),
        }
        if self._digest is not None:
            await self.ask("GET", "/api/version")  # a challenge that is fresh: this is sent once
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.patience_s * STALLS + CONNECT_S) as limit:

                async def moving() -> Body:
                    async for piece in upload.pieces:
                        yield piece
                        limit.reschedule(loop.time() + self.patience_s * STALLS)
                    limit.reschedule(loop.time() + self.patience_s * STORING)

                reply = await self._answer(method, address, moving(), headers, ANSWER_BYTES)
        except TimeoutError:
            raise silent(self.name, self.patience_s * STALLS) from None
        return self._checked(reply, ())

    async def picture(self, url: str) -> bytes:
        """What a camera shows. The key goes along to the printer's own address alone."""
        ours, theirs = urlsplit(self.url), urlsplit(url)
        is_own = (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)
        address = URL(url, encoded=True)
        reply = await self._heard("GET", address, limit_bytes=PICTURE_BYTES, with_key=is_own)
        return self._checked(reply, ()).body

    async def _heard(
        self,
        method: str,
        address: URL,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        limit_bytes: int = ANSWER_BYTES,
        with_key: bool = True,
    ) -> Reply:
        """An answer within the usual patience; a challenge is answered, and waited for anew."""
        for _ in range(2):
            try:
                async with asyncio.timeout(self.patience_s):
                    reply = await self._answer(
                        method, address, body, headers, limit_bytes, with_key=with_key
                    )
            except TimeoutError:
                raise silent(self.name, self.patience_s) from None
            if reply.status != 401 or self._digest is None or not with_key:
                break  # else it was refused unread
        return reply

    async def _answer(
        self,
        method: str,
        address: URL,
        body: bytes | Body | None,
        headers: Mapping[str, str],
        limit_bytes: int,
        *,
        with_key: bool = True,
    ) -> Reply:
        session = await self._opened()
        import aiohttp  # slow import

        own = self._credentials(method, address) if with_key else {}
        try:
            reply = await session.request(
                method, address, data=body, headers={**headers, **own}, allow_redirects=False
            )
        except aiohttp.ClientConnectorCertificateError:
            raise _untrusted(self.name) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
            raise unreachable(self.name, self.url) from err
        except (aiohttp.ClientResponseError, ValueError) as err:
            raise wrong_answer("It does not speak HTTP.") from err
        except (aiohttp.ClientError, OSError) as err:
            raise _ours(err) or dropped(self.name) from err
        try:
            content = await _read(reply, limit_bytes, self.name)
        finally:
            reply.close()
        if reply.status == 401 and self._digest is not None:
            self._take_challenge(reply)
        return Reply(reply.status, content, reply.content_type, method)

    def _credentials(self, method: str, address: URL) -> dict[str, str]:
        if self._digest is not None:
            if not self._digest.is_ready:
                return {}
            uri = address.raw_path_qs
            return {"Authorization": self._digest.header(method, uri, self._new_secret()[:16])}
        return {"X-Api-Key": self._key} if self._key else {}

    def _take_challenge(self, reply: "aiohttp.ClientResponse") -> None:
        for challenge in reply.headers.getall("WWW-Authenticate", []):
            if self._digest is not None and self._digest.take(challenge):
                return

    def _checked(self, reply: Reply, allowed: tuple[int, ...]) -> Reply:
        if 200 <= reply.status < 300 or reply.status in allowed:
            return reply
        text = reply.body.decode("utf-8", "replace")
        if self._key:  # some servers repeat it
            text = text.replace(self._key, "…")
        is_of_the_file = reply.status == 403 and 403 not in self.key_refusals
        raise refusal(self.name, 409 if is_of_the_file else reply.status, text)

    def _address(self, path: str, query: Mapping[str, str]) -> URL:
        asked = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query.items())
        return URL(f"{self.url}{path}{'?' if asked else ''}{asked}", encoded=True)

    async def _opened(self) -> "aiohttp.ClientSession":
        async with self._opening:
            if self._is_closed:
                raise dropped(self.name)
            if self._session is None:
                # It takes a tenth of a second, which would hold up all else.
                await asyncio.to_thread(import_module, "aiohttp")
                self._session = _new_session(await trust_for(self.url, self._ca_file))
            return self._session


def _new_session(trust: "ssl.SSLContext | bool") -> "aiohttp.ClientSession":
    import aiohttp  # slow import

    from agent.slicer.printers.resolving import CarefulResolver  # slow import

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=trust, force_close=True, resolver=CarefulResolver(), ttl_dns_cache=60
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        headers={"User-Agent": "orca-agent", "Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def _read(reply: "aiohttp.ClientResponse", limit_bytes: int, name: str) -> bytes:
    import aiohttp  # slow import

    parts, size = [], 0
    try:
        while part := await reply.content.readany():
            parts.append(part)
            size += len(part)
            if size > limit_bytes:
                raise wrong_answer(f"It sends more than {limit_bytes >> 20} MiB.")
    except (aiohttp.ClientError, OSError) as err:
        raise dropped(name) from err
    return b"".join(parts)


def _ours(err: BaseException) -> OrcaError | None:
    """The error of our own that stopped the sending, if one did."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, OrcaError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _untrusted(name: str) -> Unavailable:
    return Unavailable(
        "untrusted-certificate",
        f"The certificate of {name} is not one that this computer trusts. If an authority of "
        "your own made it, give its file with --ca-file.",
    )
