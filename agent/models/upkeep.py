"""What one does with installed models: into memory, out of it, off the disk."""

from collections.abc import Awaitable, Callable

from agent.inference.backends import Backends
from agent.inference.rules import canonical_name
from agent.models.pulling import PullService, ollama_of
from agent.models.rules import COMPLETION, EMBEDDING, Model
from agent.models.service import ModelService
from agent.shared.errors import Conflict


class UpkeepService:
    """Each call leaves the watch of its server up to date."""

    def __init__(
        self,
        models: ModelService,
        backends: Backends,
        pulls: PullService,
        *,
        named_by: Callable[[str], Awaitable[int]],
        context_tokens: Callable[[], Awaitable[int]],
        keep_alive: str,
    ) -> None:
        """`named_by` counts the conversations whose model this is; `context_tokens` is what
        answers ask for where nobody says otherwise."""
        self._models, self._backends, self._pulls = models, backends, pulls
        self._named_by, self._context_tokens = named_by, context_tokens
        self._keep_alive = keep_alive

    async def load(
        self, name: str, *, keep_alive: str | int | None = None, backend: str | None = None
    ) -> Model:
        """Reads a model into memory as answers will want it, and returns when it is there.

        Raises NotFound, Unavailable, TimedOut and Invalid."""
        model = await self._models.details(name, backend=backend)
        server = self._backends.get(model.backend)
        num_ctx = await self._context_tokens()
        await ollama_of(server).load(
            model.name,
            self._keep_alive if keep_alive is None else keep_alive,
            num_ctx=min(num_ctx, model.context_length or num_ctx),
            embeds=_only_embeds(model),
        )
        return await self._as_it_is_now(model)

    async def unload(self, name: str, *, backend: str | None = None) -> Model:
        """Takes a model out of memory, once its answers are written. Raises as `load`."""
        model = await self._models.details(name, backend=backend)
        await self._unload(model)
        return await self._as_it_is_now(model)

    async def delete(
        self, name: str, *, backend: str | None = None, even_if_used: bool = False
    ) -> None:
        """Takes a model off the disk, and out of memory.

        Raises Conflict `model-in-use`, which says by whom, and as `load`."""
        model = await self._models.details(name, backend=backend)
        server = self._backends.get(model.backend)
        ollama = ollama_of(server)
        if not even_if_used:
            await self._check_unused(model)
        await self._unload(model)
        await ollama.delete(model.name)
        await server.check_now()

    async def _unload(self, model: Model) -> None:
        server = self._backends.get(model.backend)
        ollama = ollama_of(server)
        await server.check_now()
        if server.is_loaded(model.name):
            await ollama.unload(model.name, embeds=_only_embeds(model))

    async def _as_it_is_now(self, model: Model) -> Model:
        await self._backends.get(model.backend).check_now()
        return await self._models.details(model.name, backend=model.backend)

    async def _check_unused(self, model: Model) -> None:
        requests = self._backends.get(model.backend).requests_of(model.name)
        is_pulled = self._pulls.is_pulling(model.backend, model.name)
        # Another server that has it goes on answering in its conversations.
        name = canonical_name(model.name)
        others = [one for one in self._models.models() if canonical_name(one.name) == name]
        conversations = await self._named_by(model.name) if len(others) <= 1 else 0
        uses = [
            _counted(requests, "answer is being written", "answers are being written"),
            "it is being pulled" if is_pulled else "",
            _counted(conversations, "conversation names it", "conversations name it"),
        ]
        if any(uses):
            raise Conflict(
                "model-in-use",
                f"{model.name} is in use: {' and '.join(filter(None, uses))}. To delete it all the "
                "same, say force=true.",
                model=model.name,
                backend=model.backend,
                requests=requests,
                conversations=conversations,
                pulling=is_pulled,
            )


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}" if count else ""


def _only_embeds(model: Model) -> bool:
    return EMBEDDING in model.capabilities and COMPLETION not in model.capabilities
