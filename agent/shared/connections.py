"""Hypercorn's connections: answers sent whole, and an end that waits for nobody for long."""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from agent.shared.http1 import Idle, QuickConnection
from agent.shared.whole_answers import WholeAnswers

GRACE_S = 2.0
LAST_GRACE_S = 0.2  # twice

log = logging.getLogger(__name__)


class Connections:
    """All that reach one opening of the program."""

    def __init__(self, app: ASGIFramework, config: Config, *, refuse: Callable[[], None]) -> None:
        """`refuse` is called when no more are served: what waits within `app` shall not."""
        self._app, self._config, self._refuse = ASGIWrapper(app), config, refuse
        self._context = WorkerContext(None)
        self._idle: set[Idle] = set()
        self._writers: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}  # Any: of asyncio

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One of them, to its end."""
        loop = asyncio.get_running_loop()
        self._hold(writer)
        _send_at_once(writer)
        answers = WholeAnswers(writer, reader)
        # Nobody but `end` cancels it, and asyncio would log that as a mistake.
        with suppress(asyncio.CancelledError):
            await QuickConnection(
                self._idle, self._app, loop, self._config, self._context, {}, reader, answers
            )

    def _hold(self, writer: asyncio.StreamWriter) -> None:
        """Counts the connection that the present task serves."""
        if task := asyncio.current_task():
            self._writers[task] = writer
            task.add_done_callback(self._writers.pop)

    async def let_go(self) -> None:
        """Ends those that are idle, and each other one after its answer."""
        self._refuse()
        await self._context.terminated.set()
        for one in list(self._idle):
            one.end()

    async def end(self, end_streams: Callable[[], Awaitable[None]]) -> None:
        """Ends all of them; the last ones without regard."""
        await self.let_go()
        await end_streams()
        if await self._have_ended(GRACE_S):
            return
        log.warning("%d connections did not end in time", len(self._writers))
        for task in self._writers:
            task.cancel()
        await self._have_ended(LAST_GRACE_S)
        for writer in self._writers.values():
            writer.transport.abort()  # its other side reads nothing
        await self._have_ended(LAST_GRACE_S)

    async def ended(self) -> None:
        """Waits for the last of them."""
        while self._writers:
            await asyncio.wait(list(self._writers))

    async def _have_ended(self, within_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.ended()
        return not self._writers


def _send_at_once(writer: asyncio.StreamWriter) -> None:
    """Asyncio does so for sockets that say they are of TCP, and those that a listener accepts do
    not. The system would hold a small piece, such as a token, until the one before has arrived,
    which the other side tells after 40 ms, or 200 on Windows."""
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The fastest event loop that there is here."""
    if sys.platform != "win32":
        try:
            import uvloop  # optional dependency
        except ImportError:
            pass
        else:
            return uvloop.new_event_loop
    return asyncio.new_event_loop


def server_config() -> Config:
    """What both programs want of Hypercorn."""
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.keep_alive_timeout = 30
    config.keep_alive_max_requests = 1_000_000  # a page asks every few seconds, for days
    config.h11_max_incomplete_size = 32 * 1024
    return config
