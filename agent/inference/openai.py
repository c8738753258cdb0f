"""The client of OpenAI-shaped servers: OpenAI itself, vLLM, llama.cpp, LM Studio and others."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import orjson

from agent.inference import fallbacks, openai_facts
from agent.inference.addresses import openai_url
from agent.inference.openai_failures import Failures
from agent.inference.openai_request import (
    bounded,
    chat_fields,
    embed_fields,
    fewer_tokens,
    refused_field,
    without,
)
from agent.inference.openai_wire import AnswerReader
from agent.inference.provider import Kind
from agent.inference.rules import (
    Batch,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    InstalledModel,
    LoadedModel,
    ShownModel,
    canonical_name,
)
from agent.inference.transport import KeySource, Transport, drain
from agent.shared.errors import Invalid, OrcaError

if TYPE_CHECKING:
    from aiohttp import ClientResponse

LISTED_WITHIN_S = 15


class OpenAI:
    """One OpenAI-shaped server. Implements Provider."""

    kind: Kind = "openai"

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        key_source: KeySource | None = None,
        program: str = "",
        failures: Failures | None = None,
        organisation: str = "",
        ca_file: Path | None = None,
        sees: Sequence[str] = (),
        connect_s: float = 5.0,
        first_byte_s: float = 900.0,
        idle_s: float = 180.0,
        stays_near: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sees` are patterns of the names of models with vision, where the server tells none.
        `program` is what this one calls itself there, `failures` how it is spoken of.
        Raises ValueError with a sentence for an address that cannot be."""
        self.url = openai_url(url)
        self._host = urlsplit(self.url).hostname or ""
        self._first_byte_s, self._monotonic, self._sees = first_byte_s, monotonic, tuple(sees)
        self._failures = failures or Failures(self.url, key=key)
        headers = {"OpenAI-Organization": organisation, "User-Agent": program}
        self._http = Transport(
            self.url,
            self._failures,
            key=key,
            key_source=key_source,
            headers={name: said for name, said in headers.items() if said},
            ca_file=ca_file,
            connect_s=connect_s,
            idle_s=idle_s,
            stays_near=stays_near,
        )
        self._is_remote = openai_facts.is_remote(self.url)
        self._models, self._names = list[InstalledModel](), dict[str, str]()
        self._unknown: frozenset[str] = frozenset()
        self._longest: dict[str, int] = {}  # answers, of models that refused longer ones

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def version(self) -> str:
        """Empty: these servers tell none."""
        return ""

    async def tags(self) -> list[InstalledModel]:
        """The models that the server offers; what each can do is partly an assumption."""
        body = await self._http.fetch(
            "GET", "/models", within_s=LISTED_WITHIN_S, model="the list of models"
        )
        models = openai_facts.installed(
            self._json(body), self._failures, sees=self._sees, is_remote=self._is_remote
        )
        self._names = {canonical_name(model.name): model.name for model in models}
        self._models = models
        return models

    async def ps(self) -> list[LoadedModel]:
        """All models as last listed: nothing tells which are in memory."""
        return [
            LoadedModel(model.name, model.size_bytes, 0, model.context_length, None)
            for model in self._models or await self.tags()
        ]

    async def show(self, name: str) -> ShownModel:
        """As Provider says."""
        for model in await self.tags():
            if canonical_name(model.name) == canonical_name(name):
                return ShownModel("", "", "", model.capabilities, model.context_length)
        raise self._failures.no_model(name)

    async def load(self, name: str, keep_alive: str | int | None = None) -> None:
        """Sees that there is such a model; when it is read into memory is the server's matter."""
        await self.show(name)

    async def unload(self, name: str) -> None:
        """Nothing: these servers keep their models as they like."""

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Batch, None]:
        """As Provider says; `raw` of each batch is empty."""
        reader = AnswerReader(request.model, self._failures, monotonic=self._monotonic)
        body = chat_fields(request, self._named(request.model), host=self._host)
        async with self._answer("/chat/completions", body, request.model) as reply:
            reader.fallbacks = fallbacks.told(reply.headers)
            is_stream = reply.content_type != "application/json"
            chunks = self._http.chunks(reply, request.model, first_s=self._first_byte_s)
            async with aclosing(chunks):
                while not reader.is_finished:
                    if is_stream:
                        batch = await _next(chunks, reader)
                    else:
                        batch = reader.whole(await self._http.whole(reply))
                    if batch:
                        yield batch
                    if reader.failure is not None:
                        raise reader.failure
                    # aiohttp hands out what it has buffered without suspending.
                    await asyncio.sleep(0)
                await drain(chunks)

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """As Provider says."""
        body = embed_fields(request, self._named(request.model))
        async with self._answer("/embeddings", body, request.model) as reply:
            answer = await self._http.whole(reply)
        return openai_facts.embedded(self._json(answer), len(request.input), self._failures)

    @asynccontextmanager
    async def _answer(
        self, path: str, body: Mapping[str, object], model: str
    ) -> "AsyncIterator[ClientResponse]":
        """An answer of status 200; what the server does not know is left out from then on, and
        what it cannot do at such a length is asked for at its own."""
        async with AsyncExitStack() as stack:
            while True:
                sent = bounded(without(body, self._unknown), self._longest.get(model))
                asked = self._http.answer(
                    path, orjson.dumps(sent), model, within_s=self._first_byte_s
                )
                try:
                    reply = await stack.enter_async_context(asked)
                except Invalid as err:
                    if (field := refused_field(sent, err.detail)) is not None:
                        self._unknown |= {field}
                    elif (most := fewer_tokens(sent, err.detail)) is not None:
                        self._longest[model] = most
                    else:
                        raise
                else:
                    break
            yield reply

    def _named(self, model: str) -> str:
        """The server's own writing of a name, which may differ in case and has no `:latest`."""
        return self._names.get(canonical_name(model), model)

    def _json(self, body: bytes) -> object:
        try:
            answer: object = orjson.loads(body)
        except orjson.JSONDecodeError as err:
            raise self._failures.garbled("sent something else than JSON") from err
        return answer


async def _next(chunks: AsyncGenerator[bytes, None], reader: AnswerReader) -> Batch:
    """What one network read brought. An answer that is whole but for `[DONE]` is whole."""
    try:
        chunk = await anext(chunks)
    except OrcaError:
        if not reader.is_whole:
            raise
        chunk = b""
    return reader.feed(chunk) if chunk else reader.end()
