"""A run while it is alive: its events in memory, and those who wait for them."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from agent.runs.rules import Chunk, Ring, Run, RunState
from agent.shared import wire
from agent.shared.clock import Clock, rfc3339

TEXT_EVENTS = {"token": b"token", "thinking": b"thinking"}


class LiveRun:
    """One writer, many readers. Readers come for what they lack, so that none slows the writer."""

    def __init__(
        self, run: Run, clock: Clock, *, survives: bool = False, last_seq: int = 0
    ) -> None:
        """`survives`: it goes on after a restart. `last_seq`: of the events from before."""
        self.run, self.survives = run, survives
        self.ring = Ring(last_seq=last_seq)
        self.content: list[str] = []
        self.thinking: list[str] = []
        self.kept = asyncio.Event()  # it stands in the database
        self.is_void = False  # it never will
        self.has_begun = False
        self.has_ended = False
        self.is_lost = False  # another program has ended it, and wrote down how
        self.stop: RunState | None = None  # why it was asked to end, if it was
        self.task: asyncio.Task[None] | None = None
        self.saving = asyncio.Lock()  # nothing of it is written down twice
        self._clock = clock
        self._waiting: list[asyncio.Future[None]] = []

    def drop(self) -> None:
        """It could not be written down: it ends, and nothing is left of it."""
        self.is_void = True
        if self.task is not None:
            self.task.cancel()

    def emit(self, name: str, data: object) -> None:
        """Numbers an event and shows it to every reader."""
        seq = self.ring.last_seq + 1
        self.publish(Chunk(seq, seq, wire.encode(seq, name, data)))

    def emit_texts(self, pieces: Iterable[tuple[str, str]]) -> None:
        """Pairs of event name (`token`, `thinking`) and text; they arrived, and go, together."""
        first = seq = self.ring.last_seq + 1
        encoded = []
        for name, text in pieces:
            encoded.append(wire.encode_text(seq, TEXT_EVENTS[name], text))
            (self.content if name == "token" else self.thinking).append(text)
            seq += 1
        if encoded:
            self.publish(Chunk(first, seq - 1, b"".join(encoded)))

    def mark_started(self) -> None:
        """The run has left its queue."""
        started_at = self.run.started_at or rfc3339(self._clock())
        self.run = replace(self.run, state=RunState.RUNNING, started_at=started_at)

    def publish(self, chunk: Chunk) -> None:
        """Takes events that are numbered and encoded already."""
        self.ring.add(chunk)
        self.wake()

    def wake(self) -> None:
        """Lets every reader look again."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():  # else it was cancelled
                one.set_result(None)

    async def wait_for_more(self, seq: int) -> None:
        """Returns when there is an event behind `seq`, or when the run has ended."""
        while self.ring.last_seq <= seq and not self.has_ended:
            await self.wait_for_change()

    async def wait_for_change(self) -> None:
        """Returns at the next `wake`."""
        change = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        await change
