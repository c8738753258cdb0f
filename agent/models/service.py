"""The models of all backends: listed from the watch, known in detail once asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from agent.inference.allowed import EVERYTHING, Allowed
from agent.inference.backend import Backend
from agent.inference.rules import InstalledModel, ShownModel, canonical_name
from agent.models import rules
from agent.models.profiles import Profiles
from agent.models.rules import Model
from agent.shared.errors import Denied, Invalid, NotFound, Unavailable

Key = tuple[str, datetime | None, str, str]


class ModelService:
    """Lists at once, without the network; asks a server about each version of a model once."""

    def __init__(
        self,
        backends: Iterable[Backend],
        *,
        default_model: str | None = None,
        memory_bytes: int | None = None,
        profiles: Profiles | None = None,
        allowed: Allowed = EVERYTHING,
    ) -> None:
        self.allowed = allowed
        self._backends, self._default_model = backends, default_model
        self._profiles = profiles
        self._memory_bytes = memory_bytes
        self._shown: dict[Key, ShownModel] = {}

    def models(self) -> list[Model]:
        """Every installed model of every backend that is up, as last heard."""
        return [model for _, model in self._installed()]

    def default_name(self, *, needs_vision: bool = False) -> str | None:
        """Which model answers where nobody names one, as far as known without asking."""
        candidates = self._candidates(needs_vision=needs_vision)
        model = next((m for m in candidates if rules.suits(m, needs_vision=needs_vision)), None)
        return model.name if model else None

    def absent_default(self) -> str | None:
        """The default model of the settings where servers answer and none of them has it."""
        wanted = self._default_model
        if wanted is None or not any(one.state.is_up for one in self._backends):
            return None
        names = {canonical_name(model.name) for model in self.models()}
        return None if canonical_name(wanted) in names else wanted

    def away(self) -> str | None:
        """How sentences call a server that people know by a name and that does not answer."""
        return next(
            (one.place for one in self._backends if one.place and not one.state.is_up), None
        )

    async def details(self, name: str, *, backend: str | None = None) -> Model:
        """One model with all its capabilities; `name` in any case, `:latest` implied. `backend`
        tells which one is meant where several have it.

        Raises NotFound `model-not-found` or `no-such-backend`, or Unavailable if none is up.
        """
        if (found := await self._find(name, on=backend)) is None:
            raise Unavailable(
                "ollama-down",
                f"{backend} does not answer."
                if backend
                else "No model server answers. Start Ollama, or correct its address.",
            )
        return await self._detailed(*found)

    async def choose(self, named: str | None, *, needs_vision: bool) -> Model | None:
        """The model to answer with; None if there is no backend or no model on it.

        Raises NotFound `model-not-found` for a named one that is not installed, Invalid
        `no-vision` or `no-chat` for one that cannot do what is asked, before anything is loaded.
        """
        if named is not None:
            found = await self._find(named)
            if found is None:
                return None
            return self._checked(await self._detailed(*found), needs_vision=needs_vision)
        for backend in self._backends:
            if backend.state.state == "unknown":  # the agent has only just started
                await backend.check_now()
        if self._profiles is not None:
            await self._profiles.settle()
        candidates = self._candidates(needs_vision=needs_vision)
        for candidate in candidates:
            backend = next(one for one in self._backends if one.name == candidate.backend)
            model = await self._detailed(backend, candidate)
            if rules.suits(model, needs_vision=needs_vision):
                return model
        if candidates and needs_vision:
            raise Invalid(
                "no-vision",
                "No installed model can see images. Get one with "
                f"`orca-agent models pull {rules.RECOMMENDED_VISION}`.",
            )
        return None

    def _checked(self, model: Model, *, needs_vision: bool) -> Model:
        if not rules.can_chat(model):
            raise Invalid(
                "no-chat",
                f"{model.name} cannot answer questions. Choose another model.",
                model=model.name,
            )
        if needs_vision and not rules.can_see(model):
            seeing = self.default_name(needs_vision=True) or "qwen3-vl"
            raise Invalid(
                "no-vision",
                f"{model.name} cannot see images. Choose a model with vision, such as {seeing}.",
                model=model.name,
            )
        return model

    def _candidates(self, *, needs_vision: bool) -> list[Model]:
        models = self.models()
        best = self._profiles.preferred(needs_vision=needs_vision) if self._profiles else ()
        ordered = rules.by_preference(models, self._memory_bytes, best)
        if self._default_model:
            wanted = canonical_name(self._default_model)
            return [m for m in models if canonical_name(m.name) == wanted] + ordered
        first = ordered[0].backend if ordered else ""
        named = next((one.default_model for one in self._backends if one.name == first), "")
        if named:  # of its own models that server chooses the one that answers
            wanted, there = canonical_name(named), [m for m in ordered if m.backend == first]
            return [m for m in there if canonical_name(m.name) == wanted] + ordered
        return ordered

    async def _find(self, name: str, *, on: str | None = None) -> tuple[Backend, Model] | None:
        """The model called so; None if no backend is up. Asks again before saying there is none:
        it may have been pulled a moment ago. Raises Denied for one that is not allowed here."""
        self.allowed.check_model(name)
        asked = [one for one in self._backends if on in {None, one.name}]
        if on is not None and not asked:
            raise NotFound("no-such-backend", f"There is no backend called {on}.")
        wanted = canonical_name(name)
        for ask_again in (True, False):
            for backend in asked:
                for installed in backend.state.models:
                    if canonical_name(installed.name) == wanted:
                        return backend, self._model(backend, installed)
            if ask_again:
                states = [await backend.check_now() for backend in asked]
        if not any(state.is_up for state in states):
            if refusal := next((one.refusal for one in asked if one.refusal), None):
                raise Denied("not-allowed-here", refusal)
            return None
        detail = f"There is no model called {name}. Get it with `orca-agent models pull {name}`."
        if place := self.away():
            detail = f"{place} does not answer. Without it there is no model called {name}."
        raise NotFound("model-not-found", detail, model=name)

    def _installed(self) -> Iterator[tuple[Backend, Model]]:
        for backend in self._backends:
            for installed in backend.state.models:
                yield backend, self._model(backend, installed)

    def _model(self, backend: Backend, installed: InstalledModel) -> Model:
        in_memory = backend.state.in_memory.get(canonical_name(installed.name))
        model = Model(
            name=installed.name,
            backend=backend.name,
            size_bytes=installed.size_bytes,
            capabilities=installed.capabilities,
            context_length=installed.context_length,
            loaded=backend.is_known_loaded(installed.name),
            expires_at=backend.state.loaded.get(canonical_name(installed.name)),
            digest=installed.digest,
            family=installed.family,
            parameter_size=installed.parameter_size,
            quantization=installed.quantization,
            is_remote=installed.is_remote,
            modified_at=installed.modified_at,
            loaded_bytes=(in_memory.size_bytes or None) if in_memory else None,
            vram_bytes=in_memory.vram_bytes if in_memory and in_memory.size_bytes else None,
        )
        shown = self._shown.get(_key(backend, model))
        return _with(model, shown) if shown else model

    async def _detailed(self, backend: Backend, model: Model) -> Model:
        if (key := _key(backend, model)) not in self._shown:
            shown = await backend.provider.show(model.name)
            still_there = {_key(on, one) for on, one in self._installed()}
            self._shown = {key: one for key, one in self._shown.items() if key in still_there}
            self._shown[key] = shown
        return _with(model, self._shown[key])


def _key(backend: Backend, model: Model) -> Key:
    # A server that was away may come back as a newer one, which can do more with the same model.
    return backend.name, backend.state.since, canonical_name(model.name), model.digest


def _with(model: Model, shown: ShownModel) -> Model:
    capabilities = shown.capabilities or model.capabilities
    context_length = shown.context_length or model.context_length
    if (capabilities, context_length) == (model.capabilities, model.context_length):
        return model
    return replace(model, capabilities=capabilities, context_length=context_length)
