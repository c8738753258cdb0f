"""The model servers that this replica asks, kept as they are set."""

import asyncio
import time
from collections.abc import Iterable, Mapping

from agent.inference.allowed import Allowed
from agent.inference.backend import Backend, Limits
from agent.inference.backends import Backends
from agent.inference.ollama import Ollama
from agent.inference.openai import OpenAI
from agent.inference.openai_facts import is_remote
from agent.inference.provider import Provider
from agent.inference.rules import InstalledModel
from agent.shared.clock import Clock
from agent.shared.errors import NotFound, OrcaError, Unavailable
from agent.shared.tasks import Tasks
from hub.ai.choosing import Offer
from hub.ai.specs import Spec

TRIED_WITHIN_S = 10.0


class Servers:
    """`apply` brings what runs to what is set; what is under way on a server that goes is
    answered to its end."""

    def __init__(
        self, backends: Backends, clock: Clock, *, first_token_s: float, stall_s: float
    ) -> None:
        self._backends, self._clock = backends, clock
        self._first_token_s, self._stall_s = first_token_s, stall_s
        self._specs: dict[str, Spec] = {}  # by name, those that run
        self._models: dict[str, tuple[InstalledModel, ...]] = {}  # what each had last
        self._applying, self._tasks = asyncio.Lock(), Tasks()

    def __len__(self) -> int:
        return len(self._specs)

    async def apply(self, specs: Iterable[Spec]) -> None:
        """All of it, also if who wants it leaves in the middle."""
        wanted = {one.name: one for one in specs if one.is_on}
        await self._tasks.to_the_end(self._apply(wanted), name="model servers as they are set")

    async def _apply(self, wanted: Mapping[str, Spec]) -> None:
        async with self._applying:
            for name, spec in list(self._specs.items()):
                if wanted.get(name) != spec:
                    del self._specs[name]
                    self._models.pop(name, None)
                    await self._backends.remove(name)
            for name, spec in wanted.items():
                if name not in self._specs:
                    await self._backends.add(self._backend(spec))
                    self._specs[name] = spec

    async def close(self) -> None:
        """Waits for what is being applied; the servers are closed by who opened them."""
        await self._tasks.close()

    def state(self, name: str) -> dict[str, object] | None:
        """What is known of it; None if it does not run."""
        return self._backends.get(name).to_json() if name in self._specs else None

    async def look(self, name: str) -> None:
        """Asks it now, so that what is known is of this moment."""
        if name in self._specs:
            await self._backends.get(name).check_now()

    async def look_at_all(self) -> None:
        """Twice at what did not answer: a look may take long while the program starts."""
        for _ in range(2):
            down = [name for name, is_up in self.up().items() if not is_up]
            await asyncio.gather(*map(self.look, down))

    def offers(self) -> list[Offer]:
        """Every model of every server. One that is down has those that it had, so that who asks
        for them hears why another one answers."""
        found: list[Offer] = []
        for name, spec in self._specs.items():
            state = self._backends.get(name).state
            if state.is_up:
                self._models[name] = state.models
            found += [
                self._offer(spec, model, is_up=state.is_up) for model in self._models.get(name, ())
            ]
        return found

    def _offer(self, spec: Spec, model: InstalledModel, *, is_up: bool) -> Offer:
        backend = self._backends.get(spec.name)
        return Offer(
            spec.name,
            model.name,
            spec.is_cloud,
            model.context_length,
            model.capabilities,
            backend.is_loaded(model.name),
            backend.in_flight,
            spec.priority,
            model.is_remote and spec.kind == "ollama",
            is_up,
        )

    def why_not(self, name: str, model: str) -> OrcaError:
        """Why this server cannot answer by this model, which it does not have."""
        state = self._backends.get(name).state if name in self._specs else None
        if state is None or state.state == "unknown":
            return Unavailable("backend-down", f"The model server {name} has not answered yet.")
        if state.is_up:
            return NotFound("model-not-found", f"{name} has no model called {model}.")
        return Unavailable("backend-down", state.detail or f"The model server {name} is down.")

    def up(self) -> dict[str, bool]:
        """Which of them answer."""
        return {name: self._backends.get(name).state.is_up for name in self._specs}

    def is_any_up(self) -> bool:
        return any(self.up().values())

    def unasked(self) -> list[Backend]:
        """Those about which nothing is known yet."""
        all_of_them = (self._backends.get(name) for name in self._specs)
        return [one for one in all_of_them if one.state.state == "unknown"]

    def provider(self, spec: Spec) -> Provider:
        """A client of its own, to be opened and closed by who asks for it."""
        if spec.kind == "ollama":
            return Ollama(
                spec.url,
                key=spec.key,
                connect_s=5.0,
                first_byte_s=self._first_token_s,
                idle_s=self._stall_s,
            )
        return OpenAI(
            spec.url,
            key=spec.key,
            first_byte_s=self._first_token_s,
            idle_s=self._stall_s,
        )

    def _backend(self, spec: Spec) -> Backend:
        far = is_remote(spec.url)
        return Backend(
            self.provider(spec),
            name=spec.name,
            limits=Limits(spec.parallel, spec.parallel),
            clock=self._clock,
            # Strangers count requests, and their networks are slower than the one here.
            up_every_s=30.0 if far else 5.0,
            down_every_s=10.0 if far else 2.0,
            within_s=TRIED_WITHIN_S if far else 3.0,
            allowed=Allowed(models=tuple(one.lower() for one in spec.models)),
        )


async def tried(provider: Provider) -> tuple[float, str, list[str]]:
    """Milliseconds until it had told its version and its models, and both."""
    began = time.perf_counter()
    async with provider:
        version = await provider.version()
        models = await provider.tags()
    return (time.perf_counter() - began) * 1000, version, [one.name for one in models]
