"""One request to a model: a place in the queue, a backend, another one if that fails."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from typing import Protocol, TypeVar

from agent.inference.backend import Backend
from agent.inference.backends import Backends
from agent.inference.failures import can_be_retried, is_backends_fault
from agent.inference.first_words import FirstWords
from agent.inference.queue import Queue, Queues
from agent.inference.queue_rules import Priority, Wants
from agent.inference.rules import Batch, ChatRequest, Embeddings, EmbedRequest, Finish, Usage
from agent.shared.errors import OrcaError, TimedOut

LOADING_AFTER_S = 0.3
TRIES = 4
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0

T = TypeVar("T")
Tell = Callable[[str, dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks. `is_retry` marks a request that had its turn already, and goes to the front."""

    client: str = ""
    project: str = "default"
    priority: Priority = Priority.INTERACTIVE
    is_retry: bool = False


class Meter(Protocol):
    """Is told how a request goes."""

    def began(
        self, backend: str, provider: str, *, model: str | None = None, is_cold: bool = False
    ) -> None: ...

    def heard(self) -> None: ...

    def used(self, cost: Usage) -> None: ...


class NoMeter:
    """Measures nothing."""

    def began(
        self, backend: str, provider: str, *, model: str | None = None, is_cold: bool = False
    ) -> None: ...

    def heard(self) -> None: ...

    def used(self, cost: Usage) -> None: ...


NO_METER = NoMeter()


def nobody(event: str, data: dict[str, object]) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class _Asking:
    """A request on its way to its first answer."""

    model: str
    queue: Queue
    who: Who
    tell: Tell
    meter: Meter
    only: str | None
    failed_on: set[str]
    is_patient: bool = True
    tries: int = 0

    @property
    def wants_retry(self) -> bool:
        return self.who.is_retry or self.tries > 0


class Inference:
    """Fails over and tries again before the first word of an answer, never after it."""

    def __init__(self, backends: Backends, queues: Queues) -> None:
        self._backends, self._queues = backends, queues
        self.first_words = FirstWords()

    async def chat(
        self,
        request: ChatRequest,
        who: Who,
        *,
        tell: Tell = nobody,
        meter: Meter = NO_METER,
        deadline_s: float | None = None,
        only: str | None = None,
        is_patient: bool = True,
    ) -> AsyncGenerator[Batch, None]:
        """The answer as it arrives; the last batch ends with Finish.

        `tell` hears of `queued` {"position"}, `loading` {"model"} and `started` {"model",
        "backend", "provider"}, the last again after a failover. `deadline_s` bounds the time until
        the first piece. `only` names the backend that will do; if it is not `is_patient`, no
        backend is asked twice. Closing the generator stops the model. Raises NotFound, Invalid,
        Unavailable and TimedOut."""
        images = [image for message in request.messages for image in message.images]
        queue = self._queues.before(images=images)
        asking = _Asking(request.model, queue, who, tell, meter, only, set(), is_patient)

        async def first(
            stack: AsyncExitStack, backend: Backend
        ) -> tuple[Batch, AsyncGenerator[Batch, None]]:
            stream = await stack.enter_async_context(aclosing(backend.chat(request)))
            with self._telling(asking, backend):
                return await anext(stream), stream

        async with AsyncExitStack() as stack:
            batch, stream = await self._tried(asking, stack, first, deadline_s)
            meter.heard()
            _note(batch, meter)
            yield batch
            async for batch in stream:
                await self.first_words.let_pass()
                _note(batch, meter)
                yield batch

    async def embed(
        self,
        request: EmbedRequest,
        who: Who,
        *,
        tell: Tell = nobody,
        meter: Meter = NO_METER,
        deadline_s: float | None = None,
        only: str | None = None,
    ) -> Embeddings:
        """One vector for each text. As `chat`."""
        asking = _Asking(request.model, self._queues.text, who, tell, meter, only, set())

        async def all_of_it(_stack: AsyncExitStack, backend: Backend) -> Embeddings:
            with self._telling(asking, backend):
                return await backend.embed(request)

        async with AsyncExitStack() as stack:
            found = await self._tried(asking, stack, all_of_it, deadline_s)
            meter.heard()
            meter.used(Usage(found.prompt_tokens, 0, found.load_ms, 0.0, 0.0, found.total_ms))
            return found

    async def _tried(
        self,
        asking: _Asking,
        stack: AsyncExitStack,
        work: Callable[[AsyncExitStack, Backend], Awaitable[T]],
        deadline_s: float | None,
    ) -> T:
        """As `_tried_on`, within the deadline."""
        if deadline_s is None:
            return await self._tried_on(asking, stack, work)
        try:
            async with asyncio.timeout(deadline_s):
                return await self._tried_on(asking, stack, work)
        except TimeoutError:
            raise TimedOut(
                "deadline-passed",
                f"{asking.model} did not begin to answer within the {deadline_s:g} s asked for.",
                model=asking.model,
            ) from None

    async def _tried_on(
        self,
        asking: _Asking,
        stack: AsyncExitStack,
        work: Callable[[AsyncExitStack, Backend], Awaitable[T]],
    ) -> T:
        """What `work` brings on the first backend that can do it; what it holds is on `stack`."""
        try:
            return await self._once(asking, stack, work)
        except OrcaError as err:
            if not self._may_go_on(asking, err):
                raise
        return await self._again(asking, stack, work)

    async def _again(
        self,
        asking: _Asking,
        stack: AsyncExitStack,
        work: Callable[[AsyncExitStack, Backend], Awaitable[T]],
    ) -> T:
        import stamina  # slow import, and only needed where something failed

        stamina.instrumentation.set_on_retry_hooks(())  # each backend tells of its own changes
        async for attempt in stamina.retry_context(
            on=lambda err: isinstance(err, OrcaError) and self._may_go_on(asking, err),
            attempts=TRIES,
            timeout=None,
            wait_initial=FIRST_PAUSE_S,
            wait_max=LONGEST_PAUSE_S,
            wait_jitter=FIRST_PAUSE_S,
        ):
            with attempt:
                return await self._once(asking, stack, work)
        raise AssertionError("stamina returns or raises")

    def _may_go_on(self, asking: _Asking, err: OrcaError) -> bool:
        """Whether another backend is left, or the same may answer in a moment."""
        is_elsewhere = err.code == "model-not-found"  # gone since it was listed, from this one
        if err.code == "queue-full" or not (is_backends_fault(err) or is_elsewhere):
            return False
        serving = {one.name for one in self._backends.serving(asking.model)}
        if asking.only is not None:
            serving &= {asking.only}
        may_ask_again = asking.is_patient and can_be_retried(err)
        return bool(serving - asking.failed_on) or (bool(serving) and may_ask_again)

    async def _once(
        self,
        asking: _Asking,
        stack: AsyncExitStack,
        work: Callable[[AsyncExitStack, Backend], Awaitable[T]],
    ) -> T:
        backend = self._backends.get(await stack.enter_async_context(self._place(asking)))
        asking.tries += 1
        try:
            return await work(stack, backend)
        except OrcaError:
            asking.failed_on.add(backend.name)
            await stack.aclose()  # the next try takes a place of its own
            raise

    def _place(self, asking: _Asking) -> AbstractAsyncContextManager[str]:
        """A place before a backend that has the model. To enter raises if none can be asked."""
        who = asking.who
        wants = Wants(
            who.client,
            who.project,
            who.priority,
            self._backends.picker(asking.model, avoided=asking.failed_on, only=asking.only),
            is_retry=asking.wants_retry,
        )
        return asking.queue.place(
            wants,
            lambda ahead: asking.tell("queued", {"position": ahead}),
            around_wait=lambda: self._hoping(asking),
        )

    @asynccontextmanager
    async def _hoping(self, asking: _Asking) -> AsyncGenerator[None, None]:
        """Ends the wait for a place once there is nobody left to wait for, with the reason; at
        once if nobody is."""
        if trouble := self._backends.trouble(asking.model, only=asking.only):
            raise trouble
        hopeless: list[OrcaError] = []
        try:
            async with asyncio.timeout(None) as scope:

                def look() -> None:
                    # What is true now need not be true when the waiting one is told of it.
                    found = self._backends.trouble(asking.model, only=asking.only)
                    if found and not hopeless:
                        hopeless.append(found)
                        scope.reschedule(0)

                unlisten = self._backends.listen(look)
                try:
                    yield
                finally:
                    unlisten()
        except TimeoutError:
            raise hopeless[0] from None

    @contextmanager
    def _telling(self, asking: _Asking, backend: Backend) -> Iterator[None]:
        """Tells that it started: at once if the model is in memory, else when it answers.

        Reading a model into memory takes seconds, and only silence tells of it."""
        model, kind = asking.model, backend.provider.kind
        started: dict[str, object] = {"model": model, "backend": backend.name, "provider": kind}
        is_warm = backend.is_loaded(model)
        asking.meter.began(backend.name, kind, model=model, is_cold=not is_warm)
        if is_warm:
            asking.tell("started", started)
            yield
            return
        loading: dict[str, object] = {"model": model}
        timer = asyncio.get_running_loop().call_later(
            LOADING_AFTER_S, asking.tell, "loading", loading
        )
        try:
            yield
        finally:
            timer.cancel()
        asking.tell("started", started)


def _note(batch: Batch, meter: Meter) -> None:
    if batch and isinstance(finish := batch[-1], Finish):
        meter.used(finish.usage)
