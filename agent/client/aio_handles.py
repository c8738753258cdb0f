"""What an asyncio program holds while something goes on: an answer, a run, a batch."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Self

from agent.client.answers import Answer, Event, Heard, failure
from agent.client.requests import Results
from agent.client.shapes import BatchResult, Json, Message, Posted, Run

if TYPE_CHECKING:
    from agent.client.aio import AsyncAgent

Events = AsyncGenerator[Event, None]


class AsyncFollowing:
    """Iterate over it for its events, each once and in order. Closing it, or leaving its `with`
    block, ends the reading."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.heard = Heard()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return self.heard.take(await anext(self._events))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Reads no more. Returns nothing and raises nothing."""
        await self._events.aclose()

    async def texts(self) -> AsyncIterator[str]:
        """The answer in pieces, as it is written; no thoughts.

        Returns an iterator. Raises the error that ends the answer, and Stopped if it was
        cancelled or the agent ended."""
        async for event in self:
            if event.text:
                yield event.text
            elif event.is_last and event.name != "done":
                raise failure(event)

    async def _to_the_end(self) -> Heard:
        async for _ in self:
            pass
        return self.heard


class AsyncStream(AsyncFollowing):
    """A stateless answer while it is written. Closing it stops the model."""

    async def answer(self) -> Answer:
        """Waits for the end.

        Returns the whole answer. Raises the error that ended it."""
        return (await self._to_the_end()).answer()


class AsyncRunning(AsyncFollowing):
    """A run that is followed, through lost connections and restarts of the agent. It goes on
    when nobody follows."""

    def __init__(
        self, agent: "AsyncAgent", run_id: str, events: Events | None = None, *, after: int = 0
    ) -> None:
        super().__init__(events or agent.events(run_id, after=after))
        self._agent, self.run_id = agent, run_id

    async def cancel(self) -> Run:
        """Stops it, and the model with it.

        Returns the run as it is then. Raises NotRunning."""
        return await self._agent.cancel(self.run_id)

    async def result(self) -> Json:
        """Waits for the end.

        Returns the data of its `done` event. Raises the error that ended it, or Stopped."""
        return (await self._to_the_end()).result()


class AsyncReply(AsyncRunning):
    """The answer to a question in a conversation. `question` is the message as it was kept."""

    def __init__(self, agent: "AsyncAgent", posted: Posted, events: Events) -> None:
        super().__init__(agent, posted["run"]["id"], events)
        self.question = posted["message"]
        self.conversation_id = self.question["conversation_id"]

    async def message(self) -> Message:
        """Waits for the end.

        Returns the answer as the conversation keeps it; its `status` tells whether it was stopped
        on the way. Raises the error that ended it."""
        return (await self._to_the_end()).message()


class AsyncBatch(AsyncRunning):
    """Many questions that are answered in the background."""

    def __init__(self, agent: "AsyncAgent", run_id: str) -> None:
        super().__init__(agent, run_id)
        self._place = Results(run_id)

    async def results(self) -> AsyncIterator[BatchResult]:
        """What has come of the items, in the order that was asked for, until all have or the
        batch is stopped.

        Returns an iterator, which gives each once; `heard.progress` has the latest count.
        Raises the error that ended the batch as a whole; that of one item is its `problem`."""
        async for result in self._fresh():
            yield result
        async for event in self:
            if event.name == "progress" or event.is_last:
                async for result in self._fresh():
                    yield result
            if event.name == "error":
                raise failure(event)

    async def _fresh(self) -> AsyncIterator[BatchResult]:
        while not self._place.has_all:
            items = self._place.take(await self._agent.answer_to(self._place.request()))
            for item in items:
                yield item
            if not items:
                return
