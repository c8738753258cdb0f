"""What a program holds while something goes on: an answer, a run, a batch."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Self

from agent.client.answers import Answer, Event, Heard, failure
from agent.client.requests import Results
from agent.client.shapes import BatchResult, Json, Message, Posted, Run

if TYPE_CHECKING:
    from agent.client.sync import Agent

Events = Generator[Event, None, None]


class Following:
    """Iterate over it for its events, each once and in order. Closing it, or leaving its `with`
    block, ends the reading."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.heard = Heard()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        return self.heard.take(next(self._events))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Reads no more. Returns nothing and raises nothing."""
        self._events.close()

    def texts(self) -> Iterator[str]:
        """The answer in pieces, as it is written; no thoughts.

        Returns an iterator. Raises the error that ends the answer, and Stopped if it was
        cancelled or the agent ended."""
        for event in self:
            if event.text:
                yield event.text
            elif event.is_last and event.name != "done":
                raise failure(event)

    def _to_the_end(self) -> Heard:
        for _ in self:
            pass
        return self.heard


class Stream(Following):
    """A stateless answer while it is written. Closing it stops the model."""

    def answer(self) -> Answer:
        """Waits for the end.

        Returns the whole answer. Raises the error that ended it."""
        return self._to_the_end().answer()


class Running(Following):
    """A run that is followed, through lost connections and restarts of the agent. It goes on
    when nobody follows."""

    def __init__(
        self, agent: "Agent", run_id: str, events: Events | None = None, *, after: int = 0
    ) -> None:
        super().__init__(events or agent.events(run_id, after=after))
        self._agent, self.run_id = agent, run_id

    def cancel(self) -> Run:
        """Stops it, and the model with it.

        Returns the run as it is then. Raises NotRunning."""
        return self._agent.cancel(self.run_id)

    def result(self) -> Json:
        """Waits for the end.

        Returns the data of its `done` event. Raises the error that ended it, or Stopped."""
        return self._to_the_end().result()


class Reply(Running):
    """The answer to a question in a conversation. `question` is the message as it was kept."""

    def __init__(self, agent: "Agent", posted: Posted, events: Events) -> None:
        super().__init__(agent, posted["run"]["id"], events)
        self.question = posted["message"]
        self.conversation_id = self.question["conversation_id"]

    def message(self) -> Message:
        """Waits for the end.

        Returns the answer as the conversation keeps it; its `status` tells whether it was stopped
        on the way. Raises the error that ended it."""
        return self._to_the_end().message()


class Batch(Running):
    """Many questions that are answered in the background."""

    def __init__(self, agent: "Agent", run_id: str) -> None:
        super().__init__(agent, run_id)
        self._place = Results(run_id)

    def results(self) -> Iterator[BatchResult]:
        """What has come of the items, in the order that was asked for, until all have or the
        batch is stopped.

        Returns an iterator, which gives each once; `heard.progress` has the latest count.
        Raises the error that ended the batch as a whole; that of one item is its `problem`."""
        yield from self._fresh()
        for event in self:
            if event.name == "progress" or event.is_last:
                yield from self._fresh()
            if event.name == "error":
                raise failure(event)

    def _fresh(self) -> Iterator[BatchResult]:
        while not self._place.has_all:
            items = self._place.take(self._agent.answer_to(self._place.request()))
            yield from items
            if not items:
                return
