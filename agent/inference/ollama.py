"""The Ollama client: its calls, with its failures turned into ours."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Self

import aiohttp
import orjson
from yarl import URL

from agent.inference import failures, ollama_facts
from agent.inference.addresses import base_url
from agent.inference.ollama_wire import AnswerReader, chat_body, embed_body
from agent.inference.provider import Kind
from agent.inference.rules import (
    Batch,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    InstalledModel,
    LoadedModel,
    ShownModel,
)
from agent.shared.errors import OrcaError

TRANSPORT_ERRORS = (
    aiohttp.ClientError,
    aiohttp.http_exceptions.HttpProcessingError,
    OSError,
)
JSON_TYPE = {"Content-Type": "application/json"}
PIECE_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 32 * 1024 * 1024
DRAIN_S = 0.1


class Ollama:
    """One Ollama server. Implements Provider."""

    kind: Kind = "ollama"

    def __init__(
        self,
        url: str,
        *,
        connect_s: float = 3.0,
        first_byte_s: float = 900.0,
        idle_s: float = 180.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = base_url(url)
        self._first_byte_s, self._idle_s, self._monotonic = first_byte_s, idle_s, monotonic
        self._connect_s = connect_s
        self._session: aiohttp.ClientSession | None = None
        self._addresses: dict[str, URL] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def version(self) -> str:
        """The server's version, such as `0.33.0`."""
        return ollama_facts.version(await self._fetch("GET", "/api/version", within_s=5))

    async def tags(self) -> list[InstalledModel]:
        """The models on the server's disk, newest first."""
        return ollama_facts.installed(await self._fetch("GET", "/api/tags", within_s=15))

    async def ps(self) -> list[LoadedModel]:
        """The models in memory."""
        return ollama_facts.loaded(await self._fetch("GET", "/api/ps", within_s=5))

    async def show(self, name: str) -> ShownModel:
        """One model's facts. Raises NotFound `model-not-found`."""
        asked: dict[str, object] = {"model": name}
        return ollama_facts.shown(await self._fetch("POST", "/api/show", asked, within_s=30))

    async def load(self, name: str, keep_alive: str | int | None = None) -> None:
        """Reads a model into memory and returns when it is there."""
        asked: dict[str, object] = {"model": name}
        if keep_alive is not None:
            asked["keep_alive"] = keep_alive
        await self._fetch("POST", "/api/generate", asked, within_s=self._first_byte_s)

    async def unload(self, name: str) -> None:
        """Takes a model out of memory; one that is not there is fine."""
        asked: dict[str, object] = {"model": name, "keep_alive": 0}
        await self._fetch("POST", "/api/generate", asked, within_s=60)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Batch, None]:
        """The answer, as lists of what one network read brought; the last list ends with Finish.

        Closing the generator, or cancelling who waits for it, closes the connection at once,
        which is what stops the model. Every answer without Finish ends in an error.
        """
        reader = AnswerReader(request.model, monotonic=self._monotonic)
        native = request.native
        path, body = (native.path, native.body) if native else ("/api/chat", chat_body(request))
        async with self._answer(path, body, request.model) as reply:
            chunks = self._chunks(reply, request.model)
            async with aclosing(chunks):
                async for chunk in chunks:
                    if batch := reader.feed(chunk) if chunk else reader.end():
                        yield batch
                    if reader.failure is not None:
                        raise reader.failure
                    if reader.is_finished:
                        break
                    # aiohttp hands out what it has buffered without suspending.
                    await asyncio.sleep(0)
                await _drain(chunks)

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """As Provider says. Raises Invalid `context-exceeded` for a text that is too long."""
        asked = embed_body(request)
        found = await self._fetch("POST", "/api/embed", asked, within_s=self._first_byte_s)
        return ollama_facts.embedded(found, len(request.input))

    async def _chunks(
        self, reply: aiohttp.ClientResponse, model: str
    ) -> AsyncGenerator[bytes, None]:
        """The body as it arrives, then b"" at its end."""
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    chunk = await reply.content.readany()
            except TimeoutError:
                raise failures.stalled(model, self._idle_s) from None
            except TRANSPORT_ERRORS as err:
                raise failures.incomplete(model) from err
            yield chunk
            if not chunk:
                return

    @asynccontextmanager
    async def _answer(
        self, path: str, body: bytes, model: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A streamed answer of status 200, within the first-byte patience."""
        try:
            async with asyncio.timeout(self._first_byte_s):
                reply = await self._send("POST", path, body)
        except TimeoutError:
            raise failures.too_slow(model, self._first_byte_s) from None
        try:
            if reply.status != 200:
                raise failures.from_answer(reply.status, await self._whole(reply), model)
            yield reply
        finally:
            reply.close()

    async def _fetch(
        self, method: str, path: str, asked: dict[str, object] | None = None, *, within_s: float
    ) -> object:
        """A whole JSON answer within a time."""
        model = str(asked["model"]) if asked else "the server"
        try:
            async with asyncio.timeout(within_s):
                reply = await self._send(method, path, orjson.dumps(asked) if asked else b"")
                try:
                    body = await self._whole(reply)
                finally:
                    reply.close()
        except TimeoutError:
            raise failures.too_slow(model, within_s) from None
        if reply.status != 200:
            raise failures.from_answer(reply.status, body, model)
        try:
            answer: object = orjson.loads(body)
        except orjson.JSONDecodeError as err:
            raise failures.garbled("sent something else than JSON") from err
        return answer

    async def _send(self, method: str, path: str, body: bytes) -> aiohttp.ClientResponse:
        # A body in pieces costs a task of its own, which a small one does not need.
        is_large = len(body) > PIECE_BYTES
        try:
            return await self._opened().request(
                method,
                self._address(path),
                data=(_pieces(body) if is_large else body) if body else None,
                headers={**JSON_TYPE, "Content-Length": str(len(body))} if body else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientResponseError, ValueError) as err:
            raise failures.garbled("does not speak HTTP") from err
        except TRANSPORT_ERRORS as err:
            raise failures.down(self.url) from err

    def _address(self, path: str) -> URL:
        if (address := self._addresses.get(path)) is None:
            address = self._addresses[path] = URL(f"{self.url}{path}", encoded=True)
        return address

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Reading the certificate authorities takes longer than all else here: only for TLS.
            is_tls = self.url.startswith("https:")
            self._session = aiohttp.ClientSession(
                # 0 is "no limit": the agent's own queue decides how many run.
                connector=aiohttp.TCPConnector(
                    limit=0, ssl=True if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
                headers={"Accept-Encoding": "identity", "User-Agent": "orca-agent"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def _whole(self, reply: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while part := await reply.content.readany():
                parts.append(part)
                size += len(part)
                if size > BODY_LIMIT_BYTES:
                    raise failures.garbled("sent an answer without end")
        except TRANSPORT_ERRORS as err:
            raise failures.down(self.url) from err
        return b"".join(parts)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body in pieces: images make it many megabytes, and one write would hold up the loop."""
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


async def _drain(chunks: AsyncGenerator[bytes, None]) -> None:
    """Waits for the end of the body after the last frame, so that the connection can be used
    again; one that does not end is closed."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass
    except (TimeoutError, OrcaError):
        return
