"""The Ollama client: its calls, with its failures turned into ours."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Self

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from agent.inference import failures, ollama_facts
from agent.inference.addresses import base_url
from agent.inference.ollama_wire import AnswerReader, chat_body
from agent.inference.rules import (
    ChatRequest,
    Finish,
    Frame,
    InstalledModel,
    LoadedModel,
    ShownModel,
)
from agent.shared.errors import OrcaError

# HttpProcessingError and the RuntimeError of a closed connection pass httpx unmapped.
TRANSPORT_ERRORS = (
    httpx.HTTPError,
    aiohttp.ClientError,
    aiohttp.http_exceptions.HttpProcessingError,
    OSError,
)
PIECE_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 32 * 1024 * 1024
DRAIN_S = 0.1


class Ollama:
    """One Ollama server. Raises errors of agent.shared.errors only; closes what it opened."""

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
        # Reading the certificate authorities takes longer than all else here: only for TLS.
        verify = self.url.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            # 0 is aiohttp's "no limit": the agent's own queue decides how many run.
            transport=AiohttpTransport(
                verify=verify, trust_env=False, limits=httpx.Limits(max_connections=0)
            ),
            timeout=httpx.Timeout(None, connect=connect_s, pool=connect_s),
            headers={"Accept-Encoding": "identity", "User-Agent": "orca-agent"},
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

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

    async def chat(self, request: ChatRequest) -> AsyncGenerator[list[Frame | Finish], None]:
        """The answer, as lists of what one network read brought; the last list ends with Finish.

        Closing the generator, or cancelling who waits for it, closes the connection at once,
        which is what stops the model. Every answer without Finish ends in an error.
        """
        reader = AnswerReader(request.model, monotonic=self._monotonic)
        async with self._answer("/api/chat", chat_body(request), request.model) as reply:
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

    async def _chunks(self, reply: httpx.Response, model: str) -> AsyncGenerator[bytes, None]:
        """The body as it arrives, then b"" at its end."""
        async with aclosing(_raw(reply)) as raw:
            while True:
                try:
                    async with asyncio.timeout(self._idle_s):
                        chunk = await anext(raw, b"")
                except TimeoutError:
                    raise failures.stalled(model, self._idle_s) from None
                except TRANSPORT_ERRORS as err:
                    raise failures.incomplete(model) from err
                yield chunk
                if not chunk:
                    return

    @asynccontextmanager
    async def _answer(self, path: str, body: bytes, model: str) -> AsyncIterator[httpx.Response]:
        """A streamed answer of status 200, within the first-byte patience."""
        try:
            async with asyncio.timeout(self._first_byte_s):
                reply = await self._send("POST", path, body)
        except TimeoutError:
            raise failures.too_slow(model, self._first_byte_s) from None
        try:
            if reply.status_code != 200:
                raise failures.from_answer(reply.status_code, await self._whole(reply), model)
            yield reply
        finally:
            await reply.aclose()

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
                    await reply.aclose()
        except TimeoutError:
            raise failures.too_slow(model, within_s) from None
        if reply.status_code != 200:
            raise failures.from_answer(reply.status_code, body, model)
        try:
            answer: object = orjson.loads(body)
        except orjson.JSONDecodeError as err:
            raise failures.garbled("sent something else than JSON") from err
        return answer

    async def _send(self, method: str, path: str, body: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        # A body in pieces costs a task of its own, which a small one does not need.
        content = body if len(body) <= PIECE_BYTES else _pieces(body)
        request = self._http.build_request(
            method,
            f"{self.url}{path}",
            content=content if body else None,
            headers=headers if body else None,
        )
        try:
            return await self._http.send(request, stream=True)
        except (aiohttp.ClientResponseError, ValueError) as err:
            raise failures.garbled("does not speak HTTP") from err
        except TRANSPORT_ERRORS as err:
            raise failures.down(self.url) from err

    async def _whole(self, reply: httpx.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with aclosing(_raw(reply)) as raw:
                async for part in raw:
                    parts.append(part)
                    size += len(part)
                    if size > BODY_LIMIT_BYTES:
                        raise failures.garbled("sent an answer without end")
        except TRANSPORT_ERRORS as err:
            raise failures.down(self.url) from err
        return b"".join(parts)


async def _raw(reply: httpx.Response) -> AsyncGenerator[bytes, None]:
    """`aiter_raw` with a close that is typed."""
    async for chunk in reply.aiter_raw():
        if chunk:
            yield chunk


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
