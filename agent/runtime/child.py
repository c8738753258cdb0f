"""One Ollama process that is ours: its start, what it holds, its end with everything below it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from agent.runtime.record import Identity, identity, lives

POLL_S = 0.1
BURY_POLL_S = 0.01
KILLED_WITHIN_S = 3.0


class Child:
    """Never touches another process: each is compared with its start before it is ended."""

    def __init__(
        self, who: Identity, port: int, process: asyncio.subprocess.Process | None = None
    ) -> None:
        self.who, self.port = who, port
        self._process = process
        self._runners: dict[int, psutil.Process] = {}

    @classmethod
    async def start(
        cls, binary: Path, environment: Mapping[str, str], port: int, *, output: int
    ) -> "Child":
        """Starts `ollama serve` with its output in the file descriptor. Raises OSError.

        It gets a session of its own: Ctrl-C in the agent's terminal is the agent's business."""
        process = await asyncio.create_subprocess_exec(
            str(binary),
            "serve",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)
            | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        # Without an identity it has ended already, and its number may be given to another.
        return cls(identity(process.pid) or Identity(process.pid, -1.0), port, process)

    @property
    def pid(self) -> int:
        return self.who.pid

    @property
    def exit_code(self) -> int | None:
        """Known of what this agent started itself, once it has ended."""
        return self._process.returncode if self._process else None

    def is_alive(self) -> bool:
        if self._process is not None:
            return self._process.returncode is None
        return lives(self.who)

    async def ended(self) -> None:
        """Returns once it has ended, by itself or not."""
        if self._process is not None:
            await self._process.wait()
            return
        while lives(self.who):  # noqa: ASYNC110 - nobody tells of a process that is no child
            await asyncio.sleep(POLL_S)

    def rss_bytes(self) -> int:
        """Resident bytes of it and its runners. Walks all processes: call it in a thread."""
        total = 0
        for process in [*self._itself(), *self._look_for_runners()]:
            with suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    async def end(self, grace_s: float) -> bool:
        """Ends it gently, and by force after `grace_s`. Whether gentle was enough."""
        await asyncio.to_thread(self._look_for_runners)
        for process in self._itself():
            with suppress(psutil.Error):
                process.terminate()
        was_gentle = await self._ends_within(grace_s)
        if not was_gentle:
            for process in self._itself():
                with suppress(psutil.Error):
                    process.kill()
            await self._ends_within(KILLED_WITHIN_S)
        await asyncio.to_thread(self.bury)
        return was_gentle

    def bury(self) -> None:
        """Ends the runners that a server leaves behind when it did not end them itself. Waits for
        them: call it in a thread."""
        left = [*self._runners.values(), *_group_of(self.pid)]
        self._runners.clear()
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        gives_up_at = time.monotonic() + KILLED_WITHIN_S
        while any(_is_alive(one) for one in left) and time.monotonic() < gives_up_at:
            time.sleep(BURY_POLL_S)

    async def _ends_within(self, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                await self.ended()
        except TimeoutError:
            return False
        return True

    def _itself(self) -> list[psutil.Process]:
        if not self.is_alive() or not lives(self.who):
            return []
        with suppress(psutil.Error):
            return [psutil.Process(self.pid)]
        return []

    def _look_for_runners(self) -> list[psutil.Process]:
        for process in self._itself():
            with suppress(psutil.Error):
                below = {one.pid: one for one in process.children(recursive=True)}
                self._runners = {
                    pid: one for pid, one in {**self._runners, **below}.items() if one.is_running()
                }
        return list(self._runners.values())


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _group_of(pid: int) -> list[psutil.Process]:
    """What is left of a group whose leader has ended. Where the number leads another group by
    now, that is a stranger's."""
    if sys.platform == "win32" or psutil.pid_exists(pid):
        return []
    found = []
    for one in psutil.pids():
        with suppress(psutil.Error, OSError):
            if os.getpgid(one) == pid:
                found.append(psutil.Process(one))
    return found
