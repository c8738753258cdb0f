"""One request while it goes on: whoever does it says what happens, this keeps the time."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from agent.shared.errors import OrcaError, TimedOut, TooMany
from agent.telemetry.rules import Kind, Outcome, RequestRecord

REJECTED = {"queue-full"}


class Cost(Protocol):
    """What an answer cost, as its server told."""

    @property
    def prompt_tokens(self) -> int: ...

    @property
    def completion_tokens(self) -> int: ...

    @property
    def load_ms(self) -> float: ...

    @property
    def tokens_per_second(self) -> float: ...


class Note(Protocol):
    """Takes the record of a request that has ended."""

    def __call__(self, record: RequestRecord, *, prompt: str | None = None) -> None: ...


class Measure:
    """Notes the request once, when it ends or the block does, whatever ends it.

    with telemetry.measure("generate", id=..., project=..., model=..., client=...) as measure:
        ...                                              # waiting for a place
        measure.began("local", "ollama", is_cold=True)   # the model is asked now
        measure.heard()                                  # something of the answer has come
        measure.used(finish.usage)
    """

    def __init__(
        self,
        note: Note,
        monotonic: Callable[[], float],
        kind: Kind,
        *,
        id: str,  # noqa: A002 - the record's own name for it
        at: datetime,
        project: str,
        model: str,
        client: str,
        prompt: str | None,
    ) -> None:
        self._note, self._monotonic, self._prompt = note, monotonic, prompt
        self._kind, self._id, self._at = kind, id, at
        self._project, self._client = project, client
        self.model = model
        self._backend = self._provider = ""
        self._came_s = monotonic()
        self._began_s: float | None = None
        self._first_token_ms = 0.0
        self._cost: Cost | None = None
        self._cached = self._was_cold = self._is_noted = False
        self.is_interrupted: Callable[[], bool] = lambda: False  # rather than cancelled by somebody

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        outcome = outcome_of(error)
        if outcome == "cancelled" and self.is_interrupted():
            outcome = "interrupted"
        self.end(outcome, error.code if isinstance(error, OrcaError) else "")

    def began(
        self, backend: str, provider: str, *, model: str | None = None, is_cold: bool = False
    ) -> None:
        """It has a place, and a backend is asked now. Again after a failover: the last counts."""
        self._backend, self._provider, self._was_cold = backend, provider, is_cold
        self.model = model or self.model
        if self._began_s is None:
            self._began_s = self._monotonic()

    def heard(self) -> None:
        """Something of the answer has come; the first time counts."""
        if not self._first_token_ms and self._began_s is not None:
            self._first_token_ms = (self._monotonic() - self._began_s) * 1000

    def used(self, cost: Cost) -> None:
        """What the answer cost."""
        self._cost = cost

    def served_from_cache(self) -> None:
        """No model was asked."""
        self._cached = True

    def end(self, outcome: Outcome, code: str = "") -> None:
        """Notes it; what comes later counts no more."""
        if self._is_noted:
            return
        self._is_noted = True
        now_s, cost = self._monotonic(), self._cost
        waited_until_s = self._began_s if self._began_s is not None else now_s
        self._note(
            RequestRecord(
                self._id,
                self._at,
                self._kind,
                outcome,
                self._project,
                self.model,
                self._backend,
                self._provider,
                self._client,
                code,
                0.0 if self._cached else (waited_until_s - self._came_s) * 1000,
                cost.load_ms if cost else 0.0,
                self._first_token_ms,
                (now_s - self._came_s) * 1000,
                cost.prompt_tokens if cost else 0,
                cost.completion_tokens if cost else 0,
                cost.tokens_per_second if cost else 0.0,
                self._cached,
                self._was_cold,
            ),
            prompt=self._prompt,
        )


def outcome_of(error: BaseException | None) -> Outcome:
    """What became of a request whose block ended with `error`."""
    if error is None:
        return "done"
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        return "cancelled"
    if isinstance(error, TooMany) or (isinstance(error, OrcaError) and error.code in REJECTED):
        return "rejected"
    return "timed-out" if isinstance(error, TimedOut) else "failed"
