"""A model server, watched in the background so that no request waits to learn its state."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from agent.inference.allowed import EVERYTHING, Allowed
from agent.inference.breaker import Breaker
from agent.inference.failures import (
    is_backends_fault,
    is_of_the_model,
    is_silence,
    is_unreachable,
)
from agent.inference.provider import Provider
from agent.inference.rules import (
    Batch,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    InstalledModel,
    LoadedModel,
    canonical_name,
)
from agent.inference.versions import security_warning
from agent.shared.clock import Clock, rfc3339, system_clock
from agent.shared.errors import OrcaError

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BackendState:
    """What is known of one server. While it is not up, it has no models."""

    name: str
    url: str
    state: Literal["up", "down", "unknown"] = "unknown"
    version: str | None = None
    since: datetime | None = None
    detail: str | None = None
    warning: str | None = None
    models: tuple[InstalledModel, ...] = ()
    loaded: Mapping[str, datetime | None] = field(default_factory=dict)
    in_memory: Mapping[str, LoadedModel] = field(default_factory=dict)  # those it told of
    is_slow: bool = False  # while down: it is there, but did not answer in time

    @property
    def is_up(self) -> bool:
        return self.state == "up"

    def to_json(self) -> dict[str, object]:
        """What status pages show; the models have a list of their own."""
        return {
            "name": self.name,
            "url": self.url,
            "state": self.state,
            "version": self.version,
            "since": rfc3339(self.since) if self.since else None,
            "detail": self.detail,
            "warning": self.warning,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests a server is given at the same time."""

    text: int = 4
    vision: int = 1


class Backend:
    """One model server: asks it regularly, and learns from every answer in between."""

    def __init__(
        self,
        provider: Provider,
        *,
        name: str = "local",
        limits: Limits | None = None,
        clock: Clock = system_clock,
        monotonic: Callable[[], float] = time.monotonic,
        up_every_s: float = 3.0,
        down_every_s: float = 1.5,
        within_s: float = 2.0,
        allowed: Allowed = EVERYTHING,
    ) -> None:
        """A server that is not `allowed` is never asked, and models that are not do not show."""
        self.name, self.provider, self.limits = name, provider, limits or Limits()
        self.breaker = Breaker(monotonic=monotonic)
        self.in_flight = 0
        self._rests = asyncio.Event()
        self._rests.set()
        self.place = ""  # how sentences call it, where a person knows it by another name
        self.default_model = ""  # what answers there where nobody names a model
        # What somebody else says of its memory, where its own list does not tell.
        self.told_loaded: frozenset[str] | None = None
        self.on_change: Callable[[], None] = nothing
        self.on_silence: Callable[[], None] = nothing  # a model said nothing for too long
        self._requests: Counter[str] = Counter()
        self._clock, self._monotonic = clock, monotonic
        self._up_every_s, self._down_every_s, self._within_s = up_every_s, down_every_s, within_s
        self._allowed, self.refusal = allowed, allowed.why_not_server(provider.url)
        self._set = allowed
        self._state = BackendState(name, provider.url, detail="Not asked yet.")
        self._names: set[str] = set()
        self._heard_at, self._misses = -1e9, 0
        self._changed, self._poked = asyncio.Event(), asyncio.Event()
        self._checking = asyncio.Lock()

    @property
    def state(self) -> BackendState:
        return self._state

    async def run(self) -> None:
        """The watch. Whatever the server does, this goes on until it is cancelled."""
        while True:
            state = await self.check_now()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._up_every_s if state.is_up else self._down_every_s):
                    await self._poked.wait()
            self._poked.clear()

    def has_moved(self) -> None:
        """Its provider has another address from now on, about which nothing is known yet."""
        self._misses = 0
        self._become(BackendState(self.name, self.provider.url, detail="Not asked yet."))
        self._poked.set()

    def obey(self, *, cloud: bool, refusal: str | None) -> None:
        """What others decide beside the settings: whether anything may be passed on to a cloud,
        and why this server may not be asked at all."""
        allowed = replace(self._set, cloud=self._set.cloud and cloud)
        refusal = self._set.why_not_server(self.provider.url) or refusal
        if (allowed, refusal) != (self._allowed, self.refusal):
            self._allowed, self.refusal = allowed, refusal
            if refusal:
                self._is_down(refusal)
            self._poked.set()

    def requests_of(self, model: str) -> int:
        """How many answers of this model are being made."""
        return self._requests[canonical_name(model)]

    async def check_now(self) -> BackendState:
        """Asks the server and returns what is known then."""
        if self.refusal:
            self._is_down(self.refusal)
            return self._state
        async with self._checking:
            url = self.provider.url
            try:
                version = await self._soon(self.provider.version())
                models = tuple(await self._soon(self.provider.tags()))
                in_memory = await self._soon(self.provider.ps())
            except (TimeoutError, OrcaError) as err:
                if url == self.provider.url:  # else it has moved meanwhile
                    self._has_failed(err)
            else:
                self._misses = 0
                if url == self.provider.url:
                    self._is_up(version, models, in_memory)
            return self._state

    def _has_failed(self, err: TimeoutError | OrcaError) -> None:
        if isinstance(err, OrcaError):
            self._is_down(err.detail)
            return
        # A server that works hard may be slow here once, or yet be streaming.
        self._misses += 1
        is_silent = self._monotonic() - self._heard_at > 2 * self._within_s
        if is_silent and (self._misses > 1 or not self._state.is_up):
            slow = f"No answer within {self._within_s:g} s from {self._state.url}."
            self._is_down(slow, is_slow=True)

    async def _soon(self, answer: Coroutine[Any, Any, T]) -> T:  # Any: of typeshed
        async with asyncio.timeout(self._within_s):
            return await answer

    async def changed(self) -> BackendState:
        """Waits for the next change of anything in the state."""
        await self._changed.wait()
        return self._state

    async def at_rest(self) -> None:
        """Waits until nothing is asked of it."""
        await self._rests.wait()

    async def until(self, holds: Callable[[BackendState], bool]) -> BackendState:
        """Waits until something is true of the state."""
        while not holds(self._state):
            await self.changed()
        return self._state

    def is_loaded(self, model: str) -> bool:
        """Whether the model was in memory when last heard of."""
        return canonical_name(model) in self._state.loaded

    def is_known_loaded(self, model: str) -> bool:
        """The same, as it is shown to people."""
        told = self.told_loaded
        return self.is_loaded(model) if told is None else canonical_name(model) in told

    def to_json(self) -> dict[str, object]:
        """What status pages show of it."""
        return {
            **self._state.to_json(),
            "provider": self.provider.kind,
            "breaker": self.breaker.state,
            "in_flight": self.in_flight,
            "limits": {"text": self.limits.text, "vision": self.limits.vision},
            "models_count": len(self._state.models),
            "loaded": sorted(self._state.loaded),
        }

    def serves(self, model: str) -> bool:
        """Whether it is up and has the model."""
        name = canonical_name(model)
        return self._state.is_up and name in self._names

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Batch, None]:
        """As `Provider.chat`, and takes from it whether the server is up and the model loaded."""
        with self._asked(request.model) as heard:
            async with aclosing(self.provider.chat(request)) as stream:
                async for batch in stream:
                    heard()
                    if not self.is_loaded(request.model):
                        self._is_loaded(request.model)
                    yield batch

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """As `Provider.embed`, and as `chat`."""
        with self._asked(request.model) as heard:
            found = await self.provider.embed(request)
            heard()
            self._is_loaded(request.model)
            return found

    @contextmanager
    def _asked(self, model: str) -> Iterator[Callable[[], None]]:
        """A request while it is under way; gives what is to be called when something comes."""
        is_silent = True

        def heard() -> None:
            nonlocal is_silent
            self._heard_at = self._monotonic()
            if is_silent:
                is_silent = False
                self._is_well()

        name = canonical_name(model)
        self.in_flight += 1
        self._rests.clear()
        self._requests[name] += 1
        self.breaker.began()
        try:
            yield heard
        except OrcaError as err:
            self._has_refused(err)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self.breaker.left()
            raise
        else:
            self._is_well()
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._rests.set()
            self._requests -= Counter({name: 1})  # which forgets those that have none

    def _has_refused(self, err: OrcaError) -> None:
        """Learns from an answer that was none."""
        if is_unreachable(err):
            self._is_down(err.detail)
        if is_silence(err):
            self.on_silence()
        if not is_backends_fault(err):
            self._is_well()
        elif is_of_the_model(err):
            self.breaker.left()
        elif self.breaker.failed():
            rest_s = self.breaker.rest_left_s
            log.warning("model server %s rests for %.0f s: %s", self.name, rest_s, err.detail)
            asyncio.get_running_loop().call_later(rest_s + 0.001, self._tell)
            self._tell()

    def _is_well(self) -> None:
        if self.breaker.state != "closed":
            log.info("model server %s answers again", self.name)
        self.breaker.succeeded()

    def _is_up(
        self,
        version: str,
        models: tuple[InstalledModel, ...],
        in_memory: list[LoadedModel],
    ) -> None:
        warning = security_warning(version) if self.provider.kind == "ollama" else None
        models = tuple(one for one in models if self._may_use(one.name, one.is_remote))
        in_memory = [one for one in in_memory if self._may_use(one.name)]
        if not self._state.is_up:
            log.info("model server %s is up: %s %s", self.name, self.provider.kind, version)
        if warning and warning != self._state.warning:
            log.warning("model server %s: %s", self.name, warning)
        since = self._state.since if self._state.is_up else self._clock()
        self._become(
            replace(
                self._state,
                state="up",
                version=version,
                since=since,
                detail=None,
                warning=warning,
                models=models,
                loaded={canonical_name(model.name): model.expires_at for model in in_memory},
                in_memory={canonical_name(model.name): model for model in in_memory},
            )
        )

    def _may_use(self, name: str, is_remote: bool = False) -> bool:  # noqa: FBT001, FBT002 - private
        # Whether a server of another kind is outside is told by its address.
        is_passed_on = is_remote and self.provider.kind == "ollama"
        return self._allowed.why_not_model(name, is_passed_on=is_passed_on) is None

    def _is_down(self, detail: str, *, is_slow: bool = False) -> None:
        if self._state.state != "down":
            log.info("model server %s is down: %s", self.name, detail)
        since = self._state.since if self._state.state == "down" else self._clock()
        name, url = self._state.name, self._state.url
        state = BackendState(name, url, "down", since=since, detail=detail, is_slow=is_slow)
        self._become(state)

    def _is_loaded(self, model: str) -> None:
        if self._state.is_up:
            loaded = {**self._state.loaded, canonical_name(model): None}
            self._become(replace(self._state, loaded=loaded))

    def _become(self, state: BackendState) -> None:
        if state != self._state:
            self._state = state
            self._names = {canonical_name(model.name) for model in state.models}
            self._changed.set()
            self._changed = asyncio.Event()
            self._tell()

    def _tell(self) -> None:
        self.on_change()


def nothing() -> None:
    """Nobody wants to know."""
