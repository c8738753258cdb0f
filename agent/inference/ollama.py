"""The Ollama client: its calls, with its failures turned into ours."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from agent.inference import failures, ollama_facts
from agent.inference.addresses import base_url
from agent.inference.ollama_pull import PullFrame, PullReader, broken_off, silent
from agent.inference.ollama_wire import AnswerReader, chat_body, embed_body, lasting
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
from agent.inference.transport import Transport, drain
from agent.shared.errors import OrcaError

PULL_BEGINS_S = 120.0
PULL_IDLE_S = 900.0  # a large model is verified in silence


class Ollama:
    """One Ollama server. Implements Provider."""

    kind: Kind = "ollama"

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        ca_file: Path | None = None,
        connect_s: float = 3.0,
        first_byte_s: float = 900.0,
        idle_s: float = 180.0,
        stays_near: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`key` is for a proxy before it: Ollama itself asks for none. Raises ValueError with a
        sentence for an address that cannot be."""
        self.url = base_url(url)
        self._first_byte_s, self._monotonic = first_byte_s, monotonic
        self._http = Transport(
            self.url,
            failures,
            key=key,
            ca_file=ca_file,
            connect_s=connect_s,
            idle_s=idle_s,
            stays_near=stays_near,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    def move_to(self, url: str) -> None:
        """Asks another address from now on, of the same scheme; what is under way goes on."""
        self.url = base_url(url)
        self._http.move_to(self.url)

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

    async def show_whole(self, name: str, *, verbose: bool = False) -> Mapping[str, object]:
        """All that Ollama tells of one model, in its own words. Raises as `show`."""
        asked: dict[str, object] = {"model": name, "verbose": verbose}
        answer = await self._fetch("POST", "/api/show", asked, within_s=30)
        return ollama_facts.shown_whole(answer)

    async def load(
        self,
        name: str,
        keep_alive: str | int | None = None,
        *,
        num_ctx: int | None = None,
        embeds: bool = False,
    ) -> None:
        """Reads a model into memory and returns when it is there.

        `num_ctx` is the context that will be asked of it: with another one Ollama would read it
        in once more. `embeds` is for models that can do nothing else: these take no prompt."""
        asked: dict[str, object] = {"model": name}
        if keep_alive is not None:
            asked["keep_alive"] = lasting(keep_alive)
        if num_ctx is not None and not embeds:
            asked["options"] = {"num_ctx": num_ctx}
        if embeds:
            asked["input"] = " "
        path = "/api/embed" if embeds else "/api/generate"
        await self._fetch("POST", path, asked, within_s=self._first_byte_s)

    async def unload(self, name: str, *, embeds: bool = False) -> None:
        """Takes a model out of memory; one that is not there is fine. `embeds` as for `load`."""
        asked: dict[str, object] = {"model": name, "keep_alive": 0}
        if embeds:
            asked["input"] = " "
        await self._fetch("POST", "/api/embed" if embeds else "/api/generate", asked, within_s=60)

    async def delete(self, name: str) -> None:
        """Takes a model off the disk; what is in memory stays there. Raises NotFound."""
        body = orjson.dumps({"model": name})
        await self._http.fetch("DELETE", "/api/delete", body, within_s=60, model=name)

    async def pull(self, name: str) -> AsyncGenerator[PullFrame, None]:
        """Downloads a model, or the rest of it; ends when it is there, and raises else.

        Closing the generator closes the connection, which is what stops the download."""
        reader = PullReader(name)
        body = orjson.dumps({"model": name})
        async with self._http.answer("/api/pull", body, name, within_s=PULL_BEGINS_S) as reply:
            chunks = self._http.chunks(reply, name, idle_s=PULL_IDLE_S)
            async with aclosing(chunks):
                try:
                    async for chunk in chunks:
                        for frame in reader.feed(chunk):
                            yield frame
                        await asyncio.sleep(0)  # aiohttp hands out what it has without suspending
                except OrcaError as err:
                    if err.code == "answer-incomplete":
                        raise broken_off(name) from err
                    if err.code == "ollama-stalled":
                        raise silent(name, PULL_IDLE_S) from err
                    raise
        if not reader.has_succeeded:
            raise broken_off(name)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Batch, None]:
        """The answer, as lists of what one network read brought; the last list ends with Finish.

        Closing the generator, or cancelling who waits for it, closes the connection at once,
        which is what stops the model. Every answer without Finish ends in an error.
        """
        reader = AnswerReader(
            request.model, monotonic=self._monotonic, is_relayed=request.is_relayed
        )
        native = request.native
        path, body = (native.path, native.body) if native else ("/api/chat", chat_body(request))
        patience_s = self._first_byte_s
        async with self._http.answer(path, body, request.model, within_s=patience_s) as reply:
            chunks = self._http.chunks(reply, request.model)
            async with aclosing(chunks):
                async for chunk in chunks:
                    batch = reader.feed(chunk) if chunk else reader.end()
                    if batch or (request.is_relayed and batch.raw):
                        yield batch
                    if reader.failure is not None:
                        raise reader.failure
                    if reader.is_finished:
                        break
                await drain(chunks)

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """As Provider says. Raises Invalid `context-exceeded` for a text that is too long."""
        asked = embed_body(request)
        found = await self._fetch("POST", "/api/embed", asked, within_s=self._first_byte_s)
        return ollama_facts.embedded(found, len(request.input))

    async def _fetch(
        self, method: str, path: str, asked: dict[str, object] | None = None, *, within_s: float
    ) -> object:
        """A whole JSON answer within a time."""
        model = str(asked["model"]) if asked else "the server"
        body = await self._http.fetch(
            method, path, orjson.dumps(asked) if asked else b"", within_s=within_s, model=model
        )
        try:
            answer: object = orjson.loads(body)
        except orjson.JSONDecodeError as err:
            raise failures.garbled("sent something else than JSON") from err
        return answer
