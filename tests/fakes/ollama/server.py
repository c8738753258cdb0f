"""The fake server itself: connections, what it saw, and what tests ask of it."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .answer import Answer, CutError, Seen
from .behaviour import NAMES, Behaviour, Rule, chosen
from .catalogue import DEFAULT, made_up, recorded
from .control import steer
from .gojson import BadJsonError, Json, read_json
from .routing import respond
from .scheduler import Scheduler
from .state import Pullable, State
from .wire import Connection, MalformedError, Request


@dataclass(frozen=True, slots=True)
class Departure:
    """A client that left before its answer was complete. `at` is time.monotonic()."""

    at: float
    seen: Seen


class FakeOllama:
    """Speaks Ollama's wire format, byte for byte as recorded, and misbehaves when told to."""

    def __init__(
        self,
        *,
        models: Sequence[str] = DEFAULT,
        num_parallel: int = 1,
        max_loaded: int = 3,
        max_queue: int = 512,
    ) -> None:
        scheduler = Scheduler(num_parallel=num_parallel, max_loaded=max_loaded, max_queue=max_queue)
        self.state = State(scheduler)
        for name in models:
            self.add_recorded(name)
        self.behave = Behaviour()
        self.requests: list[Seen] = []
        self.departures: list[Departure] = []
        self.port = 0
        self._rules: list[Rule] = []
        self._server: asyncio.Server | None = None
        self._live: dict[Connection, asyncio.Task[Any]] = {}  # Any: asyncio's
        self._bugs: list[BaseException] = []
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def loaded(self) -> list[str]:
        """The models in memory, as /api/ps lists them."""
        return [runner.model.name for runner in self.state.scheduler.loaded()]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listens on `port`; 0 is the port of the last time, or any free one."""
        self._server = await asyncio.start_server(self._serve, host, port or self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuses new connections and cuts the live ones at once, as a stopped Ollama; what was
        loaded is forgotten. Raises what went wrong inside the fake."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._live.values())
        for connection in list(self._live):
            connection.cut_by_us = True
            connection.writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=30)
        if self._server is not None:
            async with asyncio.timeout(30):
                await self._server.wait_closed()
        self._server = None
        self.state.scheduler.forget_all()
        if self._bugs:
            raise self._bugs.pop()

    # --- what tests ask for -------------------------------------------------------------------

    def add_recorded(self, name: str) -> None:
        """One of the models of the recordings: tiny, short, tool, think, vis, emb ..."""
        self.state.add(recorded()[name])

    def add_model(self, name: str, **about: Json) -> None:
        """A model of no recording: capabilities, context_length, family, parameter_size,
        quantization, size, words (the pieces it says; without: Markdown about the question)."""
        self.state.add(made_up(name, **about))

    def remove_model(self, name: str) -> None:
        self.state.remove(name)

    def add_pullable(
        self,
        name: str,
        *,
        layers: Sequence[tuple[str, int]] | None = None,
        seconds: float = 0.5,
        like: str | None = None,
        **about: Json,
    ) -> None:
        """What /api/pull can fetch; `seconds` is how long the big layers take from nothing.
        `like` names a recorded model, else `about` is as for `add_model`."""
        model = recorded()[like] if like else made_up(name, **about)
        given = layers or ((model.digest, model.size - 500), (model.digest[::-1], 500))
        self.state.pullable[name] = Pullable(model, tuple(map(tuple, given)), seconds)  # type: ignore[arg-type] # pairs from JSON come as lists

    def misbehave(
        self,
        path: str | None = None,
        model: str | None = None,
        times: int | None = None,
        **what: Json,
    ) -> Rule:
        """From now on, requests to `path` and `model` (None: any), `times` of them, are answered
        with these fields of Behaviour laid over `behave`."""
        if unknown := set(what) - NAMES:
            raise TypeError(f"no such misbehaviour: {', '.join(sorted(unknown))}")
        rule = Rule(path, model, times, what)
        self._rules.append(rule)
        return rule

    def behave_well(self) -> None:
        """Forgets every misbehaviour."""
        self._rules.clear()
        self.behave = Behaviour()

    def full_speed(self, tokens: int | None, pace: float | None = None) -> None:
        """Streams of chat and generate are `tokens` frames made beforehand, as many streams at
        once as come; `pace` frames a second, or as fast as they are read. None: off again."""
        self.state.bulk_tokens, self.state.bulk_pace = tokens, pace
        self.state.scheduler.num_parallel = 100_000
        self.state.scheduler.forget_all()

    async def client_left(self, n: int = 1, timeout: float = 20) -> list[Departure]:
        """Waits until `n` clients in all have left before the end. Raises TimeoutError."""
        await self.until(lambda: len(self.departures) >= n, timeout)
        return self.departures

    async def saw(self, n: int = 1, *, path: str | None = None, timeout: float = 20) -> list[Seen]:
        """Waits until `n` requests in all have come to `path`. Raises TimeoutError."""

        def found() -> list[Seen]:
            return [seen for seen in self.requests if path in (None, seen.path)]

        await self.until(lambda: len(found()) >= n, timeout)
        return found()

    async def sent(self, n: int, *, path: str, timeout: float = 20) -> None:
        """Waits until an answer at `path`, not at its end, has had `n` frames. Raises TimeoutError.

        Whoever watches the server asks it meanwhile, so its last request may be another one."""

        def holds() -> bool:
            going_on = [seen for seen in self.requests if seen.ended_at is None]
            return any((seen.path, seen.frames_sent) == (path, n) for seen in going_on)

        await self.until(holds, timeout)

    async def until(self, holds: Callable[[], bool], timeout: float = 20) -> None:
        """Waits for a fact about requests, departures or sent frames. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not holds():
                self._changed.clear()
                try:
                    async with asyncio.timeout(0.02):  # frames are sent without telling
                        await self._changed.wait()
                except TimeoutError:
                    if holds():
                        return

    def stats(self) -> dict[str, Json]:
        """Counts and times, as `/__stats` gives them; times are time.monotonic()."""
        answering = [seen for seen in self.requests if seen.ended_at is None]
        return {
            "requests": len(self.requests),
            "connections": len(self._live),
            "answering": len(answering),
            "frames_sent": sum(seen.frames_sent for seen in self.requests),
            "closed_early": len(self.departures),
            "departures": [
                {"at": gone.at, "path": gone.seen.path, "frames_sent": gone.seen.frames_sent}
                for gone in self.departures
            ],
            "by_path": {
                path: sum(seen.path == path for seen in self.requests)
                for path in sorted({seen.path for seen in self.requests})
            },
        }

    # --- connections --------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        task = asyncio.current_task()
        if task is not None:
            self._live[connection] = task
        reading = asyncio.create_task(connection.read_ahead())
        try:
            await self._converse(connection)
        except CutError as cut:
            _cut(writer, reset=cut.reset)
        except MalformedError as err:
            start = f"HTTP/1.1 {str(err).partition(':')[0]}\r\n"
            rest = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
            writer.write((start + rest + str(err)).encode())
        except ConnectionError:
            pass  # the client is gone; what it missed is noted
        finally:
            reading.cancel()
            writer.close()
            del self._live[connection]

    async def _converse(self, connection: Connection) -> None:
        while (request := await connection.request()) is not None:
            if request.path.startswith("/__"):
                await self._control(connection, request)
            elif not await self._answer(connection, request):
                return

    async def _control(self, connection: Connection, request: Request) -> None:
        status, value = steer(self, request.path, _parsed(request.body))
        seen = Seen(request.method, request.path, {}, None, time.monotonic())
        await Answer(request, seen, Behaviour(), connection).json(value, status)

    async def _answer(self, connection: Connection, request: Request) -> bool:
        """Whether the connection goes on. The answer is dropped when the client leaves."""
        body = _parsed(request.body)
        seen = Seen(request.method, request.path, request.headers, body, time.monotonic())
        self.requests.append(seen)
        self._changed.set()
        model = body.get("model") or body.get("name") if isinstance(body, dict) else None
        name = model if isinstance(model, str) else None
        behave = chosen(self._rules, self.behave, request.path, name)
        answer = Answer(request, seen, behave, connection)
        answering = asyncio.create_task(respond(self.state, answer))
        leaving = asyncio.create_task(connection.left.wait())
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        left = not answering.done()
        if left:
            answering.cancel()
            await asyncio.wait({answering})
        failure = None if answering.cancelled() else answering.exception()
        seen.ended_at = time.monotonic()
        if (left or isinstance(failure, ConnectionError)) and not connection.cut_by_us:
            self._departed(connection, seen)
        self._changed.set()
        if isinstance(failure, CutError):
            raise failure
        if failure is not None and not isinstance(failure, ConnectionError):
            self._bugs.append(failure)
        return failure is None and not left and request.keeps_alive and not answer.last

    def _departed(self, connection: Connection, seen: Seen) -> None:
        seen.closed_early = True
        self.departures.append(Departure(connection.left_at or time.monotonic(), seen))


def _parsed(body: bytes) -> Json:
    if not body:
        return body
    try:
        return read_json(body)
    except BadJsonError:
        return body


def _cut(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
