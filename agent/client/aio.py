"""The Python client of a running agent for asyncio: the methods of `Agent`, to be awaited."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

import httpx
import orjson

from agent.client import conversing, inferring, surroundings
from agent.client.aio_handles import AsyncBatch, AsyncReply, AsyncRunning, AsyncStream, Events
from agent.client.methods import documented
from agent.client.pictures import ImageSource, Picture
from agent.client.places import Client, Ways, connections, problem_of, read, translated
from agent.client.problems import AgentError, ClientProblem
from agent.client.reading import Blocks, Follower
from agent.client.requests import (
    Begun,
    Call,
    Pages,
    Streamed,
    refused,
    repeats,
    uploading,
)
from agent.client.shapes import Asking, Health, Json, Posted
from agent.client.starting import Tell, nobody, running_agent
from agent.shared.folders import data_dir as data_dir_in_force

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=AsyncRunning)
Awaited = Coroutine[None, None, T]


def _whole(make: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncAgent", P], Awaited[T]]:
    async def method(self: "AsyncAgent", /, *args: P.args, **named: P.kwargs) -> T:
        return await self.answer_to(make(*args, **named))

    return documented(method, make, "its answer, awaited")


def _paged(make: Callable[P, Pages[T]]) -> Callable[Concatenate["AsyncAgent", P], AsyncIterator[T]]:
    def method(self: "AsyncAgent", /, *args: P.args, **named: P.kwargs) -> AsyncIterator[T]:
        return self._every(make(*args, **named))

    return documented(method, make, "AsyncIterator")


def _streamed(make: Callable[P, Streamed]) -> Callable[Concatenate["AsyncAgent", P], AsyncStream]:
    def method(self: "AsyncAgent", /, *args: P.args, **named: P.kwargs) -> AsyncStream:
        return AsyncStream(self._stateless(make(*args, **named)))

    return documented(method, make, "AsyncStream")


def _begun(
    make: Callable[P, Begun], handle: type[R]
) -> Callable[Concatenate["AsyncAgent", P], Awaited[R]]:
    async def method(self: "AsyncAgent", /, *args: P.args, **named: P.kwargs) -> R:
        return handle(self, Begun.run_id(await self.answer_to(make(*args, **named).call)))

    return documented(method, make, handle.__name__)


def _replied(
    make: Callable[P, Call[Posted]],
) -> Callable[Concatenate["AsyncAgent", P], Awaited[AsyncReply]]:
    async def method(self: "AsyncAgent", /, *args: P.args, **named: P.kwargs) -> AsyncReply:
        return await self._reply(make(*args, **named))

    return documented(method, make, "AsyncReply")


class AsyncAgent(Client):
    """A client of one agent. Every method raises what it says, and besides: NotRunning where
    none answers, NoAnswerInTime, Denied for a token that is not good for this, Busy, and
    ClientProblem for what the agent did wrong itself. All of these are AgentErrors.

    For one event loop, and as many tasks of it as you like. Streams and runs end their reading
    where an `async with` around them ends."""

    def __init__(
        self, url: str, token: str, *, data_dir: Path | None = None, **ways: Unpack[Ways]
    ) -> None:
        """See `Client`. Raises nothing."""
        super().__init__(url, token, data_dir=data_dir, **ways)
        self._http = httpx.AsyncClient(**connections(url))

    @classmethod
    async def ensure_running(
        cls,
        data_dir: Path | str | None = None,
        *,
        wait: float = 60.0,
        tell: Tell = nobody,
        command: Sequence[str] | None = None,
        **ways: Unpack[Ways],
    ) -> Self:
        """As `local`; but if no agent runs, one is started, which goes on when this program
        ends. `tell` is given sentences on what happens, and how long it took: `print` does.
        `command` starts an agent where Python cannot.

        Returns a client of an agent that is ready. Raises NotRunning, with what the agent said,
        if it ends at once or is not ready after `wait` seconds."""
        folder = data_dir_in_force(Path(data_dir) if data_dir else None)
        found = await asyncio.to_thread(
            running_agent, folder, wait_s=wait, tell=tell, command=command
        )
        return cls(found.url, found.token, data_dir=folder, **ways)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections. Returns nothing and raises nothing."""
        await self._http.aclose()

    # --- conversations ----------------------------------------------------------------------

    new_conversation = _whole(conversing.new_conversation)
    conversation = _whole(conversing.conversation)
    conversations = _paged(conversing.conversations)
    search = _paged(conversing.search)
    messages = _paged(conversing.messages)
    change_conversation = _whole(conversing.change_conversation)
    delete_conversation = _whole(conversing.delete_conversation)
    restore_conversation = _whole(conversing.restore_conversation)
    export_conversation = _whole(conversing.export_conversation)
    export_markdown = _whole(conversing.export_markdown)
    import_conversations = _whole(conversing.import_conversations)
    upload = _whole(conversing.upload)
    send = _whole(conversing.send)

    async def ask(
        self,
        content: str,
        *,
        conversation: str | None = None,
        system: str | None = None,
        images: Sequence[ImageSource] | None = None,
        key: str | None = None,
        timeout: float | None = None,
        **more: Unpack[Asking],
    ) -> AsyncReply:
        """Asks in a conversation, or in a new one with `system`. `timeout` is the longest silence.
        For the other keywords see `agent.client.shapes.Asking`.

        Returns the reply while it is written: iterate over it, or over its `texts()`, or wait
        for its `message()`. It goes on through lost connections and restarts of the agent; what
        has been read is not read again. Raises what `send` raises."""
        model = more.get("model")
        where = conversation or (await self.new_conversation(model=model, system=system))["id"]
        try:
            return await self._reply(
                conversing.send(where, content, images=images, key=key, timeout=timeout, **more)
            )
        except ClientProblem:
            if conversation is None:  # what was refused leaves nothing behind
                await self.delete_conversation(where)
            raise

    regenerate = _replied(conversing.regenerate)

    # --- answers outside of conversations ---------------------------------------------------

    generate = _whole(inferring.generate)
    generate_stream = _streamed(inferring.generate_stream)
    chat = _whole(inferring.chat)
    chat_stream = _streamed(inferring.chat_stream)
    vlm = _whole(inferring.vlm)
    vlm_stream = _streamed(inferring.vlm_stream)
    embed = _whole(inferring.embed)
    batch = _begun(inferring.batch, AsyncBatch)

    # --- runs -------------------------------------------------------------------------------

    run = _whole(conversing.run)
    runs = _paged(conversing.runs)
    cancel = _whole(conversing.cancel)

    def follow(self, run_id: str, *, after: int = 0) -> AsyncRunning:
        """A run that goes on already, behind event number `after`.

        Returns it, to be iterated over or waited for. Raises NotFound when it is read."""
        return AsyncRunning(self, run_id, after=after)

    def follow_batch(self, run_id: str) -> AsyncBatch:
        """A batch that was begun before, also by another program.

        Returns it; its `results()` begin with the first. Raises NotFound when it is read."""
        return AsyncBatch(self, run_id)

    def events(self, run_id: str, *, after: int = 0) -> Events:
        """Every event of a run behind number `after`, once and in order, until it ends.

        Returns an iterator that goes on where it was when the connection breaks or the agent is
        started anew. Raises NotFound, and NotRunning if nobody answers for a minute."""
        return self._followed(Follower(run_id, after))

    # --- models and what is around ------------------------------------------------------------

    models = _paged(surroundings.models)
    model = _whole(surroundings.model)
    pull = _begun(surroundings.pull, AsyncRunning)
    load = _whole(surroundings.load)
    unload = _whole(surroundings.unload)
    delete_model = _whole(surroundings.delete_model)
    recommended = _whole(surroundings.recommended)
    backends = _paged(surroundings.backends)
    add_backend = _whole(surroundings.add_backend)
    delete_backend = _whole(surroundings.delete_backend)
    check_backend = _whole(surroundings.check_backend)
    queues = _whole(surroundings.queues)
    runtime = _whole(surroundings.runtime)
    requests = _paged(surroundings.requests)
    projects = _paged(surroundings.projects)
    performance = _whole(surroundings.performance)
    ticket = _whole(surroundings.ticket)

    async def ready(self, *, timeout: float | None = None) -> Health:
        """How the agent is. Asks once, and does not wait for better times.

        Returns its health, whether it is good or bad; for a stranger the status alone. Raises
        NotRunning."""
        answer = await self._once("GET", "/health/ready", timeout)
        if answer.status_code not in {200, 503} or b'"status"' not in answer.content:
            raise problem_of(answer)
        health: Health = answer.json()
        return health

    # --- any other route --------------------------------------------------------------------

    async def call(
        self, method: str, path: str, *, timeout: float | None = None, **request: Any
    ) -> httpx.Response:  # Any: httpx's own
        """Any route below /api/v1, with the keywords of httpx's `request`.

        Returns httpx's answer. Raises the error of its status."""
        return await self._send(
            method, path, timeout, repeats=repeats(method, request.get("headers")), **request
        )

    async def json(self, method: str, path: str, **request: Any) -> Json:  # Any: httpx's own
        """As `call`. Returns the answer read as a JSON object, and raises the same."""
        answer: Json = orjson.loads((await self.call(method, path, **request)).content)
        return answer

    def items(self, path: str, **query: str | int | bool) -> AsyncIterator[Json]:
        """Everything in any list, page after page. Returns an iterator, which raises what `call`
        raises."""
        return self._every(Pages(path, query, None, dict))

    # --- what is sent -------------------------------------------------------------------------

    async def answer_to(self, call: Call[T]) -> T:
        """Sends a request that was described. Returns its answer; raises what it says."""
        await self._upload(call.pictures, bears_bad=call.bears_bad_pictures)
        sent = call.sent()
        answer = await self._send(
            call.method, call.path, call.timeout_s, repeats=call.repeats, **sent
        )
        return read(call, answer)

    async def _upload(self, pictures: Sequence[Picture], *, bears_bad: bool = False) -> None:
        for picture in pictures:
            if not picture.sha256:
                call = await asyncio.to_thread(uploading, picture)  # which reads the file
                try:
                    picture.sha256 = await self.answer_to(call)
                except ClientProblem as problem:
                    if not bears_bad:
                        raise
                    refused(picture, call, problem)

    async def _every(self, pages: Pages[T]) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            page = await self.answer_to(pages.page(cursor))
            for item in page["items"]:
                yield item
            if not (cursor := page.get("next_cursor")):
                return

    async def _send(
        self, method: str, path: str, timeout: float | None, *, repeats: bool, **request: Any
    ) -> httpx.Response:  # Any: httpx's own
        attempts = self._attempts(repeats=repeats)
        while True:
            try:
                answer = await self._once(method, path, timeout, **request)
                if answer.is_success:
                    return answer
                raise problem_of(answer)
            except AgentError as err:
                await self._wait(attempts.pause(err), err)

    async def _once(
        self, method: str, path: str, timeout: float | None, **request: Any
    ) -> httpx.Response:  # Any: httpx's own
        with translated():
            asked = self._asked(method, path, timeout or self._timeout_s, request)
            return await self._http.request(**asked)

    async def _reply(self, call: Call[Posted]) -> AsyncReply:
        await self._upload(call.pictures)
        events = self._followed(Follower(begin=call, attempts=self._attempts(repeats=call.repeats)))
        posted: Any = (await anext(events)).data  # Any: JSON values
        return AsyncReply(self, posted, events)

    async def _followed(self, reader: Follower) -> Events:
        while True:
            err: AgentError | None = None
            try:
                async with aclosing(self._bytes(reader.request())) as parts:
                    async for part in parts:
                        for event in reader.feed(part):
                            yield event
                reader.check()
                if not reader.has_ended and (last := reader.closing(await self.run(reader.run_id))):
                    yield last
            except AgentError as failed:
                err = failed
            if reader.has_ended:
                return
            await self._wait(reader.pause(err), err)

    async def _stateless(self, streamed: Streamed) -> Events:
        call = streamed.call
        await self._upload(call.pictures)
        attempts = self._attempts(repeats=call.repeats)
        while True:
            blocks = Blocks()
            try:
                async with aclosing(self._bytes(call)) as parts:
                    async for part in parts:
                        for event in blocks.feed(part):
                            yield event
                blocks.check()
            except AgentError as err:
                if blocks.has_begun:
                    raise
                await self._wait(attempts.pause(err), err)
            else:
                return

    async def _bytes(self, call: Call[Any]) -> AsyncGenerator[bytes, None]:  # Any: read elsewhere
        with translated():
            async with self._http.stream(**self._streaming(call)) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise problem_of(answer)
                async for part in answer.aiter_bytes():
                    yield part

    async def _wait(self, pause_s: float, err: AgentError | None) -> None:
        await asyncio.sleep(pause_s)
        if self._place.may_have_moved(err):
            self._place = await asyncio.to_thread(self._place.found_again)
