"""How answers and streams are read, whoever reads them: what there is to decide, without I/O."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from agent.client.answers import CLOSING_OF, CUT_OFF, Event
from agent.client.problems import (
    AgentError,
    Busy,
    ConnectionLost,
    NotRunning,
)
from agent.client.requests import EVENTS, SILENCE_S, Call, segment
from agent.client.retries import Attempts, pause_s
from agent.client.shapes import Json, Posted, Run
from agent.shared.clock import random_fraction
from agent.shared.wire import decode_block

RESUME_FOR_S = 60.0
LONGEST_RESUME_S = 2.0


class Blocks:
    """Makes events of the bytes of a stream, however they are cut."""

    def __init__(self) -> None:
        self._rest = b""
        self.has_begun = self.has_ended = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are whole now."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            if found := decode_block(block):
                event = Event(found.seq, found.name, found.data)
                self.has_begun, self.has_ended = True, self.has_ended or event.is_last
                yield event

    def check(self) -> None:
        """Raises ConnectionLost for a stream that is over before its end."""
        if not self.has_ended:
            raise ConnectionLost(CUT_OFF)


class Follower:
    """Where the reader of a run is, and what it does when the connection breaks: it comes back
    for what it has not seen, until nobody has answered for a minute.

    With `begin`, the request that begins the run, that is sent first, and again with its key
    until the run is known: `begun` by the first event, `posted`, which has no number."""

    def __init__(
        self,
        run_id: str = "",
        after: int = 0,
        *,
        begin: Call[Posted] | None = None,
        attempts: Attempts | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random_fraction,
    ) -> None:
        self.run_id, self.after = run_id, after
        self.has_ended = False
        self._begin, self._attempts = begin, attempts
        self._monotonic, self._chance = monotonic, chance
        self._failures, self._gives_up_at = 0, monotonic() + RESUME_FOR_S
        self._blocks = Blocks()

    def request(self) -> Call[Any]:  # Any: its answer is a stream
        """Asks for the events behind the last one seen."""
        self._blocks = Blocks()
        if self._begin is not None and not self.run_id:
            headers = {**self._begin.headers, **EVENTS}
            return replace(self._begin, headers=headers)
        headers = {"Last-Event-ID": str(self.after), **EVENTS}
        path = f"/runs/{segment(self.run_id)}/events"
        return Call("GET", path, headers=headers, timeout_s=SILENCE_S)

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are whole now, and new."""
        for event in self._blocks.feed(data):
            if event.name == "posted" and not self.run_id:
                posted: Json = event.data
                self.run_id = str(posted["run"]["id"])
            elif event.seq <= self.after:
                continue
            else:
                self._take(event)
            yield event

    def check(self) -> None:
        """Raises ConnectionLost where a stream is over, and no run has begun."""
        if not self.run_id:
            raise ConnectionLost(CUT_OFF)

    def closing(self, run: Run) -> Event | None:
        """The end of a run whose stream said none; None while the run goes on. A crash can take
        the last events along, so that the closing one has a number this reader has passed."""
        name = CLOSING_OF.get(run["state"])
        if name is None:
            return None
        event = Event(self.after + 1, name, {"problem": run.get("problem")})
        self._take(event)
        return event

    def pause(self, err: AgentError | None = None) -> float:
        """Seconds until it comes back. Raises `err` where that is of no use."""
        if err is not None and not self.run_id and self._attempts is not None:
            return self._attempts.pause(err)
        if err is not None:
            if not isinstance(err, (NotRunning, Busy)) or self._monotonic() > self._gives_up_at:
                raise err
            if err.retry_after is not None:
                return err.retry_after
        self._failures += 1
        return pause_s(self._failures, self._chance(), LONGEST_RESUME_S)

    def _take(self, event: Event) -> None:
        self.after, self.has_ended = event.seq, event.is_last
        self._failures, self._gives_up_at = 0, self._monotonic() + RESUME_FOR_S
