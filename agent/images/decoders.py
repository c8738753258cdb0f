"""The processes that decode pictures: started when there is something to do, ended when not.

A thread would do for speed, since Pillow lets go of the interpreter while it works. But nothing
ends a thread: a JPEG of forty kilobytes with a thousand scans keeps one busy for minutes, and a
hundred megapixels leave half a gigabyte with the agent. A process can be ended, and gives its
memory back."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from agent.images.pipes import Head, receive, send
from agent.shared.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

PROCESSES = 2
IDLE_S = 60.0
WAIT_S = 60.0
WORKER_FLAG = "--decode-pictures"
PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from agent.images.worker import main; main()"
)

Early = Callable[[Head, bytes], None]


class Decoders:
    """A few processes, each with one picture at a time. `close` ends them."""

    def __init__(
        self, *, limit_s: float, processes: int = PROCESSES, idle_s: float = IDLE_S
    ) -> None:
        self._limit_s, self._idle_s = limit_s, idle_s
        self._places = asyncio.Semaphore(processes)
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._is_closed = False
        self._retiring: asyncio.TimerHandle | None = None

    async def ask(
        self, asked: Head, data: bytes = b"", *, early: Early | None = None
    ) -> tuple[Head, bytes]:
        """What the process says of the picture, see `worker.answers`. `early` is called with the
        first part of an answer that has more, perhaps twice.

        Raises Invalid if that takes too long or kills the process, Unavailable if none is free."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable(
                "images-busy", "Other pictures are being decoded. Try again.", retry_after_s=5
            ) from None
        try:
            if self._idle:
                process = self._idle.pop()
                try:
                    return await self._answer(process, asked, data, early)
                except EOFError:  # it may have died of old age: once more with a fresh one
                    log.info("a process that decodes pictures was gone")
            try:
                return await self._answer(_Process(), asked, data, early)
            except EOFError:
                log.warning("a picture made the process that decodes pictures fail")
                raise Invalid(
                    "image-damaged", "The picture is damaged: its decoder gave up on it."
                ) from None
        finally:
            self._places.release()

    @property
    def at_work(self) -> int:
        """How many pictures are being decoded."""
        return len(self._busy)

    async def close(self) -> None:
        """Ends all of them. Who still waits for one is told so."""
        self._is_closed = True
        for process in self._busy:
            process.kill()
        if self._retiring is not None:
            self._retiring.cancel()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(asyncio.to_thread(process.end) for process in idle))

    async def _answer(
        self, process: "_Process", asked: Head, data: bytes, early: Early | None
    ) -> tuple[Head, bytes]:
        loop, is_late = asyncio.get_running_loop(), False

        def give_up() -> None:
            nonlocal is_late
            is_late = True
            process.kill()

        def tell(head: Head, made: bytes) -> None:
            if early is not None:
                loop.call_soon_threadsafe(early, head, made)

        timer = loop.call_later(self._limit_s, give_up)
        self._busy.add(process)
        try:
            answer = await asyncio.to_thread(process.exchange, asked, data, tell)
        except asyncio.CancelledError:
            self._drop(process)  # its answer would be taken for that of the next picture
            raise
        except (EOFError, OSError) as err:
            self._drop(process)
            if is_late:
                raise Invalid(
                    "image-too-slow",
                    f"The picture takes longer than {self._limit_s:g} s to decode. "
                    "Save it anew with a picture editor, or smaller.",
                ) from None
            if self._is_closed:
                raise Unavailable("agent-stopping", "The agent is stopping.") from None
            raise EOFError from err
        finally:
            timer.cancel()
            self._busy.discard(process)
        self._idle.append(process)
        self._retire_later()
        return answer

    def _retire_later(self) -> None:
        if self._retiring is not None:
            self._retiring.cancel()
        self._retiring = asyncio.get_running_loop().call_later(self._idle_s, self._retire)

    def _retire(self) -> None:
        idle, self._idle = self._idle, []
        for process in idle:
            asyncio.get_running_loop().run_in_executor(None, process.end)

    def _drop(self, process: "_Process") -> None:
        process.kill()
        asyncio.get_running_loop().run_in_executor(None, process.end)


class _Process:
    """One child; it begins with the first picture. `kill` may come from another thread."""

    def __init__(self) -> None:
        self._popen: subprocess.Popen[bytes] | None = None
        self._is_killed = False

    def exchange(self, asked: Head, data: bytes, early: Early) -> tuple[Head, bytes]:
        """Blocking; `early` is called from this thread. Raises EOFError or OSError if the child
        ends meanwhile."""
        popen = self._popen = self._popen or _started()
        if self._is_killed:
            popen.kill()
        if popen.stdin is None or popen.stdout is None:
            raise EOFError
        send(popen.stdin, asked, data)
        head, made = receive(popen.stdout)
        if head.get("has_more"):
            early(head, made)
            more, _ = receive(popen.stdout)
            head |= more
        return head, made

    def kill(self) -> None:
        self._is_killed = True
        if self._popen is not None:
            self._popen.kill()

    def end(self) -> None:
        """Blocking: a moment."""
        popen = self._popen
        if popen is None:
            return
        try:
            popen.communicate(timeout=2)
        except (subprocess.TimeoutExpired, ValueError, OSError):
            popen.kill()
            popen.wait()
            for pipe in (popen.stdin, popen.stdout):
                if pipe is not None:
                    pipe.close()


def _started() -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    # The folder in which the agent was started is nobody's place for libraries: -P.
    command = [sys.executable, "-P", "-c", PROGRAM, root]
    if getattr(sys, "frozen", False):
        command = [sys.executable, WORKER_FLAG]
    return subprocess.Popen(  # noqa: S603 - this very program
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
