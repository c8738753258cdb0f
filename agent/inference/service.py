"""Answers that belong to no conversation: asked, given, and forgotten but for the cache."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self

from agent.inference.asked import Asked, Models, Prepared, Preparing
from agent.inference.cache import AnswerCache
from agent.inference.formats import not_kept, repair_text
from agent.inference.inference import Inference, Meter, Tell, Who, nobody
from agent.inference.options import checked
from agent.inference.rules import Batch, EmbedRequest, Finish, Message
from agent.inference.said import Json, Said, both
from agent.inference.schemas import Fault
from agent.shared.errors import Invalid, NotFound, OrcaError

Use = Literal["generate", "chat", "vlm", "embed", "batch"]
Hear = Callable[[Batch], Awaitable[None]]


class Measured(Meter, Protocol):
    """Notes one request when the block ends, whatever ends it."""

    model: str

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: Any, error: Any, trace: Any) -> None: ...  # Any: of typeshed
    def served_from_cache(self) -> None: ...


class Measures(Protocol):
    """Begins to measure a request."""

    def __call__(
        self,
        kind: Use,
        *,
        id: str,  # noqa: A002 - the record's own name for it
        project: str,
        model: str,
        client: str,
        prompt: str | None,
    ) -> Measured: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what for, its id, and who sent it."""

    use: Use
    id: str
    who: Who

    @property
    def wants_message(self) -> bool:
        return self.use != "generate"


class AnswerService:
    """Asks a model, once, or once more if a format was not kept."""

    def __init__(
        self,
        inference: Inference,
        preparing: Preparing,
        models: Models,
        cache: AnswerCache,
        measures: Measures,
    ) -> None:
        self._inference, self._preparing, self._models = inference, preparing, models
        self._cache, self._measures = cache, measures

    async def answer(
        self, asked: Asked, call: Call, *, tell: Tell = nobody, hear: Hear | None = None
    ) -> Json:
        """The whole answer. `tell` hears what Inference tells, `hear` each piece as it comes: who
        has heard an answer cannot be given another one, so that a format is then not repaired.

        Raises Invalid (`format-not-kept` carries the answer) and all that Inference raises."""
        prompt = asked.messages[-1].content
        with self._measured(call, asked.model or "", prompt) as measure:
            prepared = await self._preparing.prepare(asked)
            measure.model = prepared.request.model
            said = await self._from_cache(prepared, measure)
            if said is None:
                said = await self._from_model(prepared, call.who, measure, tell, hear)
                self._keep(prepared, said)
            else:
                tell("started", said.started)
                if hear:
                    await hear(Batch(said.frames()))
            return said.document(prepared.clamped, as_message=call.wants_message)

    async def embed(self, request: EmbedRequest, call: Call) -> Json:
        """One vector for each text. Raises NotFound, Invalid, Unavailable or TimedOut."""
        with self._measured(call, request.model, None) as measure:
            model = await self._models.details(request.model)
            measure.model = model.name
            if model.capabilities and "embedding" not in model.capabilities:
                raise Invalid(
                    "no-embedding",
                    f"{model.name} makes no embeddings. Choose a model that does, such as "
                    "embeddinggemma.",
                    model=model.name,
                )
            asked = replace(request, model=model.name, options=checked(request.options))
            said = Said(model.name, model.backend, "")
            found = await self._inference.embed(asked, call.who, tell=said.hear, meter=measure)
            return {
                "model": model.name,
                "backend": said.backend,
                "embeddings": found.vectors,
                "usage": {
                    "prompt_tokens": found.prompt_tokens,
                    "load_ms": found.load_ms,
                    "total_ms": found.total_ms,
                },
            }

    def _measured(self, call: Call, model: str, prompt: str | None) -> Measured:
        who = call.who
        return self._measures(
            call.use,
            id=call.id,
            project=who.project,
            model=model,
            client=who.client,
            prompt=prompt,
        )

    # --- the cache --------------------------------------------------------------------------

    async def _from_cache(self, prepared: Prepared, measure: Measured) -> Said | None:
        if prepared.key is None or (kept := await self._cache.get(prepared.key)) is None:
            return None
        measure.served_from_cache()
        return Said.kept(kept)

    def _keep(self, prepared: Prepared, said: Said) -> None:
        if prepared.key is None:
            return
        try:  # another server may have answered, and have another model of this name
            is_of_it = self._preparing.identity(said.backend, said.model) == prepared.identity
        except NotFound:
            return
        if is_of_it:
            self._cache.put(prepared.key, said.to_keep())

    # --- the model --------------------------------------------------------------------------

    async def _from_model(
        self, prepared: Prepared, who: Who, measure: Measured, tell: Tell, hear: Hear | None
    ) -> Said:
        said = await self._said(prepared, who, measure, tell, hear)
        # A call of a tool comes in the place of an answer.
        if prepared.format is None or said.calls:
            return said
        if faults := await prepared.format.faults(said.text):
            if hear or said.was_cut:
                raise not_kept(faults, said.text, model=said.model, was_cut=said.was_cut)
            said = await self._repaired(prepared, who, measure, said, faults)
        said.format_ok = True
        return said

    async def _said(
        self,
        prepared: Prepared,
        who: Who,
        measure: Measured,
        tell: Tell = nobody,
        hear: Hear | None = None,
        only: str | None = None,
    ) -> Said:
        request = prepared.request
        said = Said(request.model, prepared.backend, prepared.provider)

        def told(event: str, data: dict[str, object]) -> None:
            said.hear(event, data)
            if event == "started" and prepared.clamped:
                data = {**data, "clamped": prepared.clamped}
            tell(event, data)

        chat = self._inference.chat(request, who, tell=told, meter=measure, only=only)
        async with aclosing(chat) as batches:
            async for batch in batches:
                said.take(batch)
                if hear:
                    await hear(batch)
        return said

    async def _repaired(
        self, prepared: Prepared, who: Who, measure: Measured, first: Said, faults: list[Fault]
    ) -> Said:
        """The second answer, of the same server; raises Invalid if it is no better."""
        request = prepared.request
        messages = (
            *request.messages,
            Message("assistant", first.text),
            Message("user", repair_text(faults)),
        )
        again = replace(prepared, request=replace(request, messages=messages))
        try:
            said = await self._said(again, replace(who, is_retry=True), measure, only=first.backend)
        except OrcaError as err:
            if err.code != "context-exceeded":
                raise
            raise not_kept(faults, first.text, model=first.model, was_cut=False) from err
        if said.finish and first.finish:
            usage = both(first.finish.usage, said.finish.usage)
            said.finish = Finish(said.finish.reason, usage)
            measure.used(usage)
        if prepared.format and (faults := await prepared.format.faults(said.text)):
            raise not_kept(faults, said.text, model=said.model, was_cut=said.was_cut)
        said.is_repaired = True
        return said
