"""Pulls: a model is downloaded once at a time, goes on when nobody watches, and can be resumed."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.inference.allowed import EVERYTHING, Allowed
from agent.inference.backend import Backend
from agent.inference.backends import Backends
from agent.inference.ollama import Ollama
from agent.inference.rules import canonical_name
from agent.models.disk import free_bytes
from agent.models.progress import Progress
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared import wire
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Denied, Invalid, NoSpace, Unavailable

TELL_EVERY_S = 0.25
MOST_CHANGES = 20  # of the status, told at once
KEEP_FREE_BYTES = 500_000_000

Key = tuple[str, str]


class Pull:
    """The job of one download. Implements Job."""

    def __init__(
        self,
        model: str,
        backend: Backend,
        *,
        needed: Callable[[], int],
        environment: Mapping[str, str],
        monotonic: Callable[[], float],
    ) -> None:
        self.progress = Progress(monotonic)
        self._model, self._backend, self._ollama = model, backend, ollama_of(backend)
        self._needed, self._environment, self._monotonic = needed, environment, monotonic
        self._told_at, self._told_status, self._changes = -1e9, "", 0

    async def work(self, live: LiveRun) -> object:
        """Downloads. Cancelling it closes the connection, which stops Ollama."""
        live.mark_started()
        started = {"model": self._model, "backend": self._backend.name, "provider": "ollama"}
        live.emit("started", started)
        async with aclosing(self._ollama.pull(self._model)) as frames:
            async for frame in frames:
                self.progress.take(frame.status, frame.digest, frame.total, frame.completed)
                if self._is_due():
                    live.emit("progress", self.progress.to_json())
                    await self._check_room(frame.digest)
        self.progress.end()
        live.emit("progress", self.progress.to_json())
        await self._backend.check_now()  # so that the model is known at once
        return self._about()

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Ollama keeps what came of it: there is nothing to write down."""
        return closing(ending, self._about())

    def _about(self) -> dict[str, object]:
        return {"model": self._model, "backend": self._backend.name}

    def _is_due(self) -> bool:
        now, status = self._monotonic(), self.progress.status
        has_changed = status != self._told_status
        if now - self._told_at < TELL_EVERY_S and not (
            has_changed and self._changes < MOST_CHANGES
        ):
            return False
        self._changes += has_changed
        self._told_at, self._told_status = now, status
        return True

    async def _check_room(self, digest: str) -> None:
        """Raises NoSpace before the disk is full, rather than Ollama when it is."""
        free = await asyncio.to_thread(free_bytes, self._ollama.url, digest, self._environment)
        needed = self._needed()
        if free is None or not needed or free - needed >= KEEP_FREE_BYTES:
            return
        raise NoSpace(
            "disk-full",
            f"{self._model} does not fit: {_gb(needed)} are still to come, and the disk of "
            f"Ollama's models has {_gb(free)} free. Free some space and pull it again, which goes "
            "on from there, or choose a smaller model.",
            model=self._model,
            needed_bytes=needed,
            free_bytes=free,
        )


class PullService:
    """One pull of a model on a backend at a time: who asks again watches the same one."""

    def __init__(
        self,
        backends: Backends,
        runs: RunService,
        database: Database,
        clock: Clock,
        new_id: NewId,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        environment: Mapping[str, str] = os.environ,
        allowed: Allowed = EVERYTHING,
    ) -> None:
        self._allowed = allowed
        self._backends, self._runs, self._database = backends, runs, database
        self._clock, self._new_id, self._monotonic = clock, new_id, monotonic
        self._environment = environment
        self._pulls: dict[Key, tuple[LiveRun, Pull]] = {}
        self._starting = asyncio.Lock()

    def is_pulling(self, backend: str, model: str) -> bool:
        """Whether this model is being downloaded there."""
        found = self._pulls.get((backend, canonical_name(model)))
        return found is not None and not found[0].has_ended

    def latest(self) -> list[tuple[str, str, str]]:
        """Run, model and state of the downloads that go on, or ended last."""
        return [
            (live.run.id, model, str(live.run.state))
            for (_, model), (live, _) in self._pulls.items()
        ]

    async def pull(self, model: str, backend_name: str | None = None) -> Run:
        """The run of a new download, or of the one that goes on already.

        Raises NotFound for a backend that is not there, Invalid for one that pulls nothing, and
        Unavailable for one that is down; Denied for what is not allowed here."""
        self._allowed.check_model(model)
        backend = self._backend(backend_name)
        if backend.refusal:
            raise Denied("not-allowed-here", backend.refusal)
        key = (backend.name, canonical_name(model))
        async with self._starting:
            self._forget_ended()
            if key in self._pulls:
                live, _ = self._pulls[key]
                if live.stop is None:
                    return live.run
                while not live.has_ended:  # it is being stopped: what comes now is a new one
                    await live.wait_for_more(live.ring.last_seq)
            await reached(backend)
            run = Run(self._new_id(), "pull", RunState.QUEUED, rfc3339(self._clock()))
            async with self._database.writing() as connection:
                await Runs(connection).add(run)
            pull = Pull(
                model,
                backend,
                needed=lambda: self._needed(backend.name),
                environment=self._environment,
                monotonic=self._monotonic,
            )
            self._pulls[key] = self._runs.launch(run, pull), pull
            return run

    def _backend(self, name: str | None) -> Backend:
        if name is not None:
            backend = self._backends.get(name)
            ollama_of(backend)
            return backend
        able = [one for one in self._backends if isinstance(one.provider, Ollama)]
        if not able:
            raise Invalid("no-ollama", "There is no Ollama among the backends to pull a model.")
        return next((one for one in able if one.state.is_up), able[0])

    def _needed(self, backend: str) -> int:
        """Bytes that all downloads of a server still bring."""
        return sum(
            pull.progress.left
            for (name, _), (live, pull) in self._pulls.items()
            if name == backend and not live.has_ended
        )

    def _forget_ended(self) -> None:
        ended = [key for key, (live, _) in self._pulls.items() if live.has_ended]
        for key in ended:
            del self._pulls[key]


class CutOffPull:
    """The job of a download that a crash cut off. Implements Job."""

    def __init__(self, run: Run, events: list[wire.ServerSentEvent]) -> None:
        self._about = next((event.data for event in events if event.name == "started"), {})

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("a run that was cut off is not run again")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Ollama has what came of it, and goes on from there with the next pull."""
        return closing(ending, {key: self._about.get(key) for key in ("model", "backend")})


def closing(ending: Ending, about: Mapping[str, object]) -> dict[str, object]:
    """The data of a pull's last event."""
    if ending.state is RunState.DONE:
        return {"result": about}
    return {**about, **({"problem": ending.problem} if ending.problem else {})}


def ollama_of(backend: Backend) -> Ollama:
    """Its provider. Raises Invalid for a server whose models are its own matter."""
    if isinstance(backend.provider, Ollama):
        return backend.provider
    raise Invalid(
        "not-an-ollama",
        f"{backend.name} is no Ollama: which models it has, and which of them are in memory, is "
        "decided where it runs.",
        backend=backend.name,
    )


async def reached(backend: Backend) -> Ollama:
    """Its provider, once it answers. Raises Unavailable `ollama-down`, and as `ollama_of`."""
    ollama = ollama_of(backend)
    state = backend.state if backend.state.is_up else await backend.check_now()
    if not state.is_up:
        detail = state.detail or f"Ollama does not answer at {state.url}."
        raise Unavailable("ollama-down", detail, backend=backend.name)
    return ollama


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
