"""Connections to one model server; what goes wrong there becomes one of our errors."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from yarl import URL

from agent.shared.certificates import trust_for
from agent.shared.errors import Denied, OrcaError, Unavailable
from agent.shared.patience import patience
from agent.shared.request_id import CURRENT, HEADER

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from agent.inference.kept_request import KeptRequest

JSON_TYPE = {"Content-Type": "application/json"}
PIECE_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 32 * 1024 * 1024
DRAIN_S = 0.1
LONGEST_RETRY_S = 3600.0


# A key to send; another one than the one that was refused, which is empty at first. Raises
# OrcaError.
KeySource = Callable[[str], Awaitable[str]]


class _OverError(Exception):
    """The patience with an answer is over."""


class Words(Protocol):
    """What a provider says of what went wrong."""

    def down(self, url: str) -> OrcaError: ...
    def garbled(self, what: str) -> OrcaError: ...
    def incomplete(self, model: str) -> OrcaError: ...
    def too_slow(self, model: str, patience_s: float) -> OrcaError: ...
    def stalled(self, model: str, patience_s: float) -> OrcaError: ...
    def from_answer(self, status: int, body: bytes, model: str) -> OrcaError: ...


class Transport:
    """Opened with the first request. Raises errors of agent.shared.errors only, and none repeats
    the key.

    Leaving an answer, in whatever way, closes its connection at once, unless it was drained."""

    def __init__(
        self,
        url: str,
        words: Words,
        *,
        key: str = "",
        key_source: KeySource | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
        connect_s: float,
        idle_s: float,
        stays_near: bool = False,
    ) -> None:
        """`stays_near`: a name that leads outside every private network is not followed.
        `key_source`, in place of `key`, is asked each time; once more where its key is refused."""
        self._key_source = key_source
        self.url, self._stays_near = url, stays_near
        self._words, self._key, self._ca_file = words, key.encode(), ca_file
        self._headers = dict(headers or {})
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._connect_s, self._idle_s = connect_s, idle_s
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._addresses: dict[str, URL] = {}
        self._kept: dict[str, KeptRequest] = {}

    def move_to(self, url: str) -> None:
        """Asks another address from now on, which speaks TLS just as the old one does or does not.
        What is under way goes on; idle connections to the old one end by themselves."""
        self.url = url
        self._addresses.clear()
        self._kept.clear()

    async def close(self) -> None:
        """Ends every connection; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            self._kept.clear()

    @asynccontextmanager
    async def answer(
        self, path: str, body: bytes, model: str, *, within_s: float
    ) -> "AsyncIterator[aiohttp.ClientResponse]":
        """An answer of status 200 whose head came within a time, to be read piece by piece."""
        try:
            async with asyncio.timeout(within_s):
                reply = await self._send("POST", path, body)
        except TimeoutError:
            raise self._words.too_slow(model, within_s) from None
        try:
            if reply.status != 200:
                raise self._refusal(reply, await self.whole(reply), model)
            yield reply
        finally:
            reply.close()

    async def fetch(
        self, method: str, path: str, body: bytes = b"", *, within_s: float, model: str
    ) -> bytes:
        """A whole answer of status 200 within a time."""
        try:
            async with asyncio.timeout(within_s):
                reply = await self._send(method, path, body)
                try:
                    answer = await self.whole(reply)
                finally:
                    reply.close()
        except TimeoutError:
            raise self._words.too_slow(model, within_s) from None
        if reply.status != 200:
            raise self._refusal(reply, answer, model)
        return answer

    async def chunks(
        self,
        reply: "aiohttp.ClientResponse",
        model: str,
        *,
        first_s: float | None = None,
        idle_s: float | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """The body as it arrives, then b"" at its end. `first_s` is the patience for its first
        piece, for servers that send the head before the model has begun."""
        idle_s = idle_s or self._idle_s
        patience_s, content = first_s or idle_s, reply.content
        with patience(lambda: content.set_exception(_OverError())) as limit:
            while True:
                limit.begin(patience_s)
                try:
                    chunk = await content.readany()
                except _OverError:
                    if patience_s == first_s:
                        raise self._words.too_slow(model, patience_s) from None
                    raise self._words.stalled(model, patience_s) from None
                except _broken() as err:
                    raise self._words.incomplete(model) from err
                limit.end()
                yield chunk
                if not chunk:
                    return
                patience_s, first_s = idle_s, None

    async def whole(self, reply: "aiohttp.ClientResponse") -> bytes:
        """The body up to its end."""
        parts: list[bytes] = []
        size = 0
        try:
            while part := await reply.content.readany():
                parts.append(part)
                size += len(part)
                if size > BODY_LIMIT_BYTES:
                    raise self._words.garbled("sent an answer without end")
        except _broken() as err:
            raise self._words.down(self.url) from err
        return b"".join(parts)

    async def _send(self, method: str, path: str, body: bytes) -> "aiohttp.ClientResponse":
        if self._key_source is None:
            return await self._send_once(method, path, body)
        key = await self._key_source("")
        reply = await self._send_once(method, path, body, key)
        if reply.status != 401:
            return reply
        reply.close()
        return await self._send_once(method, path, body, await self._key_source(key))

    async def _send_once(
        self, method: str, path: str, body: bytes, key: str = ""
    ) -> "aiohttp.ClientResponse":
        session = await self._opened()
        import aiohttp  # slow import

        headers = {"Content-Length": str(len(body))} if body else {}
        if request_id := CURRENT.get():
            headers[HEADER] = request_id
        if key:
            self._key = key.encode()  # which no error may repeat
            headers["Authorization"] = f"Bearer {key}"
        try:
            if method == "POST" and 0 < len(body) <= PIECE_BYTES:
                return await self._kept_request(session, path).post(body, headers)
            return await session.request(
                method,
                self._address(path),
                data=(_pieces(body) if len(body) > PIECE_BYTES else body) or None,
                headers={**JSON_TYPE, **headers} if body else headers,
                allow_redirects=False,
            )
        except aiohttp.ClientConnectorCertificateError as err:
            raise _untrusted(self.url) from err
        except aiohttp.ClientConnectorSSLError as err:
            raise self._words.garbled("does not speak TLS, though its address says so") from err
        except (aiohttp.ClientResponseError, ValueError) as err:
            raise self._words.garbled("does not speak HTTP") from err
        except _broken() as err:
            if self._stays_near and _leads_out(err):
                raise _far_away(self.url) from err
            raise self._words.down(self.url) from err

    def _kept_request(self, session: "aiohttp.ClientSession", path: str) -> "KeptRequest":
        if (kept := self._kept.get(path)) is None:
            from agent.inference.kept_request import KeptRequest  # slow import

            kept = self._kept[path] = KeptRequest(session, self._address(path), JSON_TYPE)
        return kept

    def _address(self, path: str) -> URL:
        if (address := self._addresses.get(path)) is None:
            address = self._addresses[path] = URL(f"{self.url}{path}", encoded=True)
        return address

    async def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            async with self._opening:
                if self._session is None:
                    # It takes a tenth of a second, which would hold up all else.
                    await asyncio.to_thread(import_module, "aiohttp")
                    self._session = self._new_session(await trust_for(self.url, self._ca_file))
        return self._session

    def _new_session(self, trust: "ssl.SSLContext | bool") -> "aiohttp.ClientSession":
        import aiohttp  # slow import

        resolver = None
        if self._stays_near:
            from agent.inference.resolving import NearResolver  # slow import

            resolver = NearResolver()
        return aiohttp.ClientSession(
            # 0 is "no limit": the agent's own queue decides how many run.
            connector=aiohttp.TCPConnector(limit=0, ssl=trust, resolver=resolver),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            headers={
                "Accept-Encoding": "identity",
                "User-Agent": "orca-agent",
                **self._headers,
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    def _refusal(self, reply: "aiohttp.ClientResponse", body: bytes, model: str) -> OrcaError:
        if self._key:  # some servers repeat it
            body = body.replace(self._key, "…".encode())
        error = self._words.from_answer(reply.status, body, model)
        try:
            retry_after_s = float(reply.headers.get("Retry-After", ""))
        except ValueError:  # absent, or a date
            return error
        if isinstance(error, Unavailable) and 0 < retry_after_s < LONGEST_RETRY_S:
            error.extra["retry_after_s"] = retry_after_s
        return error


async def drain(chunks: AsyncGenerator[bytes, None]) -> None:
    """Waits for the end of the body after the last frame, so that the connection can be used
    again; one that does not end is closed."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass
    except (TimeoutError, OrcaError):
        return


def _broken() -> tuple[type[Exception], ...]:
    """What goes wrong on the way to a server and back."""
    import aiohttp  # slow import

    return aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body in pieces: images make it many megabytes, and one write would hold up the loop."""
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def _leads_out(err: Exception) -> bool:
    from agent.inference.resolving import FarAwayError  # slow import

    return isinstance(getattr(err, "os_error", None), FarAwayError)


def _far_away(url: str) -> Denied:
    return Denied(
        "not-allowed-here",
        f"{url} leads outside this computer and its network, and the cloud is off here.",
    )


def _untrusted(url: str) -> Unavailable:
    return Unavailable(
        "untrusted-certificate",
        f"The certificate at {url} is not one that this computer trusts. If an authority of "
        "your own made it, give its file with --ca-file.",
    )
