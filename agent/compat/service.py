"""What other people's clients ask of models, in whichever words."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

import orjson

from agent.images.service import ImageService
from agent.inference.backends import Backends
from agent.inference.fitting import Defaults, fitted, prompt_tokens
from agent.inference.inference import Inference, Who
from agent.inference.ollama import Ollama
from agent.inference.options import OPTIONS, checked
from agent.inference.rules import (
    Batch,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    LoadedModel,
    Message,
    Native,
    canonical_name,
)
from agent.inference.wanted import Wanted
from agent.models.rules import Model
from agent.models.service import ModelService
from agent.shared.errors import Invalid, OrcaError, Unavailable
from agent.telemetry.rules import Kind
from agent.telemetry.service import Telemetry


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, through which door, and the id of this request."""

    kind: Kind
    request_id: str
    client: str
    project: str

    @property
    def who(self) -> Who:
        return Who(self.client, self.project)


class CompatService:
    """Takes what is asked through the same queues, models and numbers as everything else."""

    def __init__(
        self,
        inference: Inference,
        backends: Backends,
        models: ModelService,
        images: ImageService,
        telemetry: Telemetry,
        defaults: Defaults,
        context_tokens: Callable[[], Awaitable[int]],
    ) -> None:
        """`context_tokens` is the context that this computer gives a model."""
        self._inference, self._backends, self._models = inference, backends, models
        self._images, self._telemetry, self._defaults = images, telemetry, defaults
        self._context_tokens = context_tokens

    # --- generating -----------------------------------------------------------------------------

    async def prepared(self, wanted: Wanted) -> tuple[ChatRequest, Model]:
        """The request that can be done, and the model that does it. Options that nobody knows
        are left out, as Ollama does.

        Raises NotFound, Invalid, UnsupportedMedia, TooLarge or Unavailable."""
        known = {name: value for name, value in wanted.options.items() if name in OPTIONS}
        options = checked(known)
        has_images = any(message.images for message in wanted.messages)
        model = await self._models.choose(wanted.model, needs_vision=has_images)
        if model is None:
            raise nobody_answers()
        messages = wanted.messages
        if has_images:
            messages = tuple([await self._with_images(message) for message in messages])
        defaults = replace(self._defaults, context_tokens=await self._context_tokens())
        # What these clients are used to: an answer without a limit of its own gets all the room.
        used, _ = fitted(
            {"num_predict": -1, **options},
            defaults,
            context_length=model.context_length,
            prompt=prompt_tokens(messages, wanted.beside),
        )
        request = ChatRequest(
            model.name,
            messages,
            used,
            think=wanted.think,
            format=wanted.format,
            keep_alive=self.keep_alive(wanted.keep_alive),
            tools=wanted.tools,
            tool_choice=wanted.tool_choice,
            logprobs=wanted.logprobs,
            top_logprobs=wanted.top_logprobs,
        )
        return request, model

    async def answer(self, caller: Caller, request: ChatRequest) -> AsyncGenerator[Batch, None]:
        """The answer as it arrives. Closing the generator stops the model."""
        with self._telemetry.measure(
            caller.kind,
            id=caller.request_id,
            project=caller.project,
            model=request.model,
            client=caller.client,
            prompt=request.messages[-1].content if request.messages else None,
        ) as measure:
            answer = self._inference.chat(request, caller.who, meter=measure)
            async with aclosing(answer) as batches:
                async for batch in batches:
                    yield batch

    async def embed(self, caller: Caller, request: EmbedRequest) -> Embeddings:
        """One vector for each text. Raises NotFound, Invalid, Unavailable or TimedOut."""
        with self._telemetry.measure(
            caller.kind,
            id=caller.request_id,
            project=caller.project,
            model=request.model,
            client=caller.client,
        ) as measure:
            model = await self._models.details(request.model)
            options = checked({k: v for k, v in request.options.items() if k in OPTIONS})
            keep_alive = self.keep_alive(request.keep_alive)
            found = replace(request, model=model.name, options=options, keep_alive=keep_alive)
            return await self._inference.embed(found, caller.who, meter=measure)

    def filling_in(
        self, request: ChatRequest, model: Model, prompt: str, suffix: str
    ) -> ChatRequest:
        """The request for what stands between two texts. Raises Invalid where the model's server
        has no words for that."""
        if not self.speaks_ollama(model):
            raise Invalid(
                "not-supported-here",
                f"{model.name} cannot fill in between texts: its server does not know how.",
                errors=[{"field": "suffix", "detail": "Only a model of Ollama can do this."}],
            )
        body = {
            "model": model.name,
            "prompt": prompt,
            "suffix": suffix,
            "stream": True,
            "options": request.options,
            "keep_alive": request.keep_alive,
        }
        return replace(request, native=Native("/api/generate", orjson.dumps(body)))

    def keep_alive(self, asked: str | int | None) -> str | int:
        """How long a model stays in memory after this."""
        return self._defaults.keep_alive if asked is None else asked

    def speaks_ollama(self, model: Model) -> bool:
        """Whether the server of this model takes Ollama's own words."""
        return self._backends.get(model.backend).provider.kind == "ollama"

    async def _with_images(self, message: Message) -> Message:
        shrunk = [await self._images.for_model(image) for image in message.images]
        return replace(message, images=tuple(shrunk))

    # --- models ---------------------------------------------------------------------------------

    def models(self) -> list[Model]:
        """Every model once, however many servers have it."""
        found: dict[str, Model] = {}
        for model in self._models.models():
            found.setdefault(canonical_name(model.name), model)
        return list(found.values())

    async def model(self, name: str) -> Model:
        """One model with its details. Raises NotFound or Unavailable."""
        return await self._models.details(name)

    async def model_in_ollamas_words(
        self, name: str, *, verbose: bool
    ) -> tuple[Model, Mapping[str, object] | None]:
        """One model, and all that its Ollama tells of it; None where it has another server.

        Raises NotFound or Unavailable."""
        model = await self._models.details(name)
        provider = self._backends.get(model.backend).provider
        if not isinstance(provider, Ollama):
            return model, None
        return model, await provider.show_whole(model.name, verbose=verbose)

    async def in_memory(self) -> list[LoadedModel]:
        """What the servers that can tell have in memory. One that fails has nothing."""
        servers = [
            one for one in self._backends if one.state.is_up and one.provider.kind == "ollama"
        ]
        found = await asyncio.gather(*(_loaded(one.provider.ps()) for one in servers))
        lets = self._models.allowed.why_not_model
        return [model for models in found for model in models if not lets(model.name)]

    def version(self) -> str | None:
        """Of the first Ollama that is up."""
        states = (one.state for one in self._backends if one.provider.kind == "ollama")
        return next((state.version for state in states if state.is_up), None)


def nobody_answers() -> Unavailable:
    """No model server is up."""
    return Unavailable(
        "ollama-down",
        "No model server answers. Start Ollama, or correct its address.",
        retry_after_s=2,
    )


async def _loaded(asked: Awaitable[list[LoadedModel]]) -> list[LoadedModel]:
    try:
        return await asked
    except OrcaError:
        return []
