"""A request for an answer that stands for itself: as it came, and as a model gets it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import orjson

from agent.images.service import ImageService
from agent.inference.backends import Backends
from agent.inference.cache import key_of
from agent.inference.fitting import Defaults, fitted, prompt_tokens
from agent.inference.formats import Format, Formats
from agent.inference.options import checked
from agent.inference.rules import ChatRequest, Message, canonical_name
from agent.shared.errors import Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for. The images of `messages` are hashes or data URLs here."""

    messages: tuple[Message, ...]
    model: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    format: object | None = None
    think: bool | str | None = None
    keep_alive: str | int | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    logprobs: bool = False
    top_logprobs: int = 0
    cache: bool | None = None

    @property
    def has_images(self) -> bool:
        return any(message.images for message in self.messages)


class Chosen(Protocol):
    """What has to be known of a model."""

    @property
    def name(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def context_length(self) -> int | None: ...
    @property
    def capabilities(self) -> tuple[str, ...]: ...


class Models(Protocol):
    """Knows which model answers to a name."""

    async def choose(self, named: str | None, *, needs_vision: bool) -> Chosen | None: ...

    async def details(self, name: str) -> Chosen: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as a model gets it. `key` is that of its answer, if it can be given again, and
    `identity` which model that answer is of."""

    request: ChatRequest
    backend: str
    provider: str
    format: Format | None
    clamped: Mapping[str, Mapping[str, object]]
    key: str | None
    identity: str


class Preparing:
    """Makes of what is asked what a model gets. Nothing is loaded meanwhile."""

    def __init__(
        self,
        models: Models,
        backends: Backends,
        images: ImageService,
        defaults: Defaults,
        context_tokens: Callable[[], Awaitable[int]],
    ) -> None:
        """`context_tokens` is the context that this computer gives a model."""
        self._models, self._backends, self._images = models, backends, images
        self._defaults, self._context_tokens = defaults, context_tokens
        self._formats = Formats()

    async def prepare(self, asked: Asked) -> Prepared:
        """Raises NotFound, Invalid, TooLarge, UnsupportedMedia or Unavailable."""
        options = checked(asked.options)
        wanted_format = None if asked.format is None else await self._formats.read(asked.format)
        model = await self._models.choose(asked.model, needs_vision=asked.has_images)
        if model is None:
            raise self._no_model()
        _check_abilities(asked, model)
        kind = self._backends.get(model.backend).provider.kind
        defaults = replace(self._defaults, context_tokens=await self._context_tokens())
        used, clamped = fitted(
            options, defaults, context_length=model.context_length, prompt=_prompt(asked)
        )
        request = ChatRequest(
            model.name,
            tuple([await self._with_images(message) for message in asked.messages]),
            used,
            think=asked.think,
            format=asked.format,
            keep_alive=self._defaults.keep_alive if asked.keep_alive is None else asked.keep_alive,
            tools=asked.tools,
            logprobs=asked.logprobs,
            top_logprobs=asked.top_logprobs,
        )
        identity = self.identity(model.backend, model.name)
        uses_cache = self._defaults.uses_cache if asked.cache is None else asked.cache
        key = None
        if uses_cache and is_repeatable(options):
            make = asyncio.to_thread(key_of, request, identity) if asked.has_images else None
            key = await make if make else key_of(request, identity)
        return Prepared(request, model.backend, kind, wanted_format, clamped, key, identity)

    def identity(self, backend: str, model: str) -> str:
        """The same wherever the same model is: by its digest, or by its address where the server
        tells none. Raises NotFound if there is no such backend any more."""
        found = self._backends.get(backend)
        name, kind = canonical_name(model), found.provider.kind
        for installed in found.state.models:
            if installed.digest and canonical_name(installed.name) == name:
                return f"{kind} {installed.digest}"
        return f"{kind} {found.provider.url} {model}"

    def _no_model(self) -> Unavailable:
        if any(backend.state.is_up for backend in self._backends):
            return Unavailable(
                "no-model",
                "No model is installed. `orca-agent models recommend` names what suits here.",
            )
        return Unavailable(
            "ollama-down", "No model server answers. Start Ollama, or correct its address."
        )

    async def _with_images(self, message: Message) -> Message:
        if not message.images:
            return message
        images = [await self._images.for_model(image) for image in message.images]
        return replace(message, images=tuple(images))


def is_repeatable(options: Mapping[str, object]) -> bool:
    """Whether the same question brings the same answer: without chance, or with a seed. In
    Ollama a negative seed means another one each time."""
    seed = options.get("seed")
    return options.get("temperature") == 0 or (isinstance(seed, int) and seed >= 0)


def _prompt(asked: Asked) -> int:
    """How long the prompt is, estimated."""
    calls = [call.arguments for message in asked.messages for call in message.tool_calls]
    beside = orjson.dumps([asked.tools, calls]).decode() if asked.tools or calls else ""
    return prompt_tokens(asked.messages, beside)


def _check_abilities(asked: Asked, model: Chosen) -> None:
    """Before the model is loaded. One that tells nothing of its abilities is given the chance."""
    if not model.capabilities:
        return
    if asked.think and "thinking" not in model.capabilities:
        raise Invalid(
            "no-thinking",
            f"{model.name} cannot think aloud. Turn thinking off or choose another model.",
            model=model.name,
        )
    if asked.tools and "tools" not in model.capabilities:
        raise Invalid(
            "no-tools",
            f"{model.name} cannot call tools. Choose a model with the capability `tools`.",
            model=model.name,
        )
