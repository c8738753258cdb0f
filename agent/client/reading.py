"""How answers and streams are read, whoever reads them: what there is to decide, without I/O."""

import time
from collections.abc import Callable, Iterator

from agent.client.answers import CLOSING_OF, CUT_OFF, Event
from agent.client.problems import (
    AgentError,
    Busy,
    ConnectionLost,
    NotRunning,
)
from agent.client.requests import SILENCE_S, Call, segment
from agent.client.retries import pause_s
from agent.client.shapes import Json, Run
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
    for what it has not seen, until nobody has answered for a minute."""

    def __init__(
        self,
        run_id: str,
        after: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random_fraction,
    ) -> None:
        self.run_id, self.after = run_id, after
        self.has_ended = False
        self._monotonic, self._chance = monotonic, chance
        self._failures, self._gives_up_at = 0, monotonic() + RESUME_FOR_S
        self._blocks = Blocks()

    def request(self) -> Call[Json]:
        """Asks for the events behind the last one seen."""
        self._blocks = Blocks()
        headers = {"Last-Event-ID": str(self.after), "Accept": "text/event-stream"}
        path = f"/runs/{segment(self.run_id)}/events"
        return Call("GET", path, headers=headers, timeout_s=SILENCE_S)

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are whole now, and new."""
        for event in self._blocks.feed(data):
            if event.seq <= self.after:
                continue
            self._take(event)
            yield event

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
