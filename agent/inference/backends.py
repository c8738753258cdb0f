"""All model servers: who is there, and which of them answers a request."""

import math
from collections.abc import Callable, Iterator, Sequence

from agent.inference.backend import Backend
from agent.inference.queue import Queues
from agent.inference.rules import canonical_name
from agent.shared.errors import Conflict, NotFound, OrcaError, Unavailable
from agent.shared.tasks import Tasks

Pick = Callable[[Sequence[str]], str | None]


class Backends:
    """Watches each, and gives each its lanes in the queues. The first one is preferred where
    nothing else decides."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._by_name: dict[str, Backend] = {}
        self._watches: dict[str, Tasks] = {}
        self._leaving = Tasks()
        self._listeners: list[Callable[[], None]] = []
        self._rule: Callable[[Backend], None] = _as_set
        self.is_paused = False

    def __iter__(self) -> Iterator[Backend]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Backend:
        """Raises NotFound."""
        try:
            return self._by_name[name]
        except KeyError:
            raise NotFound("no-such-backend", f"There is no backend called {name}.") from None

    async def add(self, backend: Backend) -> None:
        """Opens and watches it from now on. Raises Conflict if the name is taken."""
        if backend.name in self._by_name:
            raise Conflict("backend-exists", f"There is a backend called {backend.name} already.")
        await backend.provider.__aenter__()
        backend.on_change = self._changed
        self._rule(backend)
        self._by_name[backend.name] = backend
        tasks = self._watches[backend.name] = Tasks()
        tasks.start(backend.run(), name=f"watch {backend.name}")
        self._set_lanes()

    def obey(self, rule: Callable[[Backend], None]) -> None:
        """Holds it against every server that is there, and every one that comes."""
        self._rule = rule
        for backend in self:
            rule(backend)

    async def remove(self, name: str) -> None:
        """Asks it nothing new; what it answers now goes on to its end. Raises NotFound."""
        backend = self.get(name)
        del self._by_name[name]
        try:
            await self._watches.pop(name).close()
        finally:  # also if who asks for it is cancelled: nobody else knows the client any more
            self._set_lanes()
            self._changed()
            self._leaving.start(_last_answers(backend), name=f"last answers of {name}")

    async def close(self) -> None:
        """Stops watching and closes every connection."""
        for name, backend in list(self._by_name.items()):
            await self._watches.pop(name).close()
            await backend.provider.__aexit__(None, None, None)
        self._by_name.clear()
        await self._leaving.close()

    def pause(self, *, is_on: bool) -> None:
        """While it is on, nobody who waits in a queue is called. What runs goes on."""
        self.is_paused = is_on
        self._set_lanes()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls it at every change of any backend, until what is returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def serving(self, model: str) -> list[Backend]:
        """Those that are up and have the model, best first: in memory already, then the one that
        has the least to do."""
        serving = [one for one in self if one.serves(model)]
        if len(serving) > 1:
            serving.sort(key=lambda one: (not one.is_loaded(model), one.in_flight))
        return serving

    def trouble(self, model: str, *, only: str | None = None) -> OrcaError | None:
        """Why nobody can be asked for this model now; None if somebody can. `only` names the one
        that will do."""
        serving = [one for one in self.serving(model) if only in (None, one.name)]
        if any(one.breaker.allows or one.breaker.state == "half-open" for one in serving):
            return None
        if serving:
            rest_s = min(one.breaker.rest_left_s for one in serving)
            names = ", ".join(sorted(one.name for one in serving))
            pause_s = max(1, math.ceil(rest_s))
            return Unavailable(
                "backend-resting",
                f"Several requests in a row failed on {names}. The next one is tried in "
                f"{pause_s} s.",
                retry_after_s=pause_s,
            )
        asked = [one for one in self if only in (None, one.name)]
        if not any(one.state.is_up for one in asked):
            if only is not None and asked and (detail := asked[0].state.detail):
                return Unavailable("backend-down", detail)
            return Unavailable(
                "ollama-down", "No model server answers. Start Ollama, or correct its address."
            )
        return NotFound(
            "model-not-found",
            f"There is no model called {model}. `orca-agent models list` shows what there is, and "
            f"`orca-agent models pull {model}` gets one for this computer.",
            model=model,
        )

    def picker(self, model: str, *, avoided: set[str], only: str | None = None) -> Pick:
        """For a queue: which of the free lanes answers; not those of `avoided`, if there are
        others that could. `only` names the one that will do."""
        name = canonical_name(model)

        def pick(free: Sequence[str]) -> str | None:
            able = [
                one
                for one in self.serving(name)
                if one.breaker.allows and (only is None or one.name == only)
            ]
            able = [one for one in able if one.name not in avoided] or able
            return next((one.name for one in able if one.name in free), None)

        return pick

    def _set_lanes(self) -> None:
        times = 0 if self.is_paused else 1
        self._queues.text.set_lanes({one.name: times * one.limits.text for one in self})
        self._queues.vision.set_lanes({one.name: times * one.limits.vision for one in self})

    def _changed(self) -> None:
        self._queues.text.look_again()
        self._queues.vision.look_again()
        for listener in list(self._listeners):
            listener()


async def _last_answers(backend: Backend) -> None:
    """Lets a removed server end what it answers, then closes its connections."""
    try:
        await backend.at_rest()
    finally:
        await backend.provider.__aexit__(None, None, None)


def _as_set(backend: Backend) -> None:
    """Nobody decides anything beside the settings."""
