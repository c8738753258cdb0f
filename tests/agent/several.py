"""Several model servers with everything before them, without the HTTP of the agent."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from agent.inference.backend import Backend, Limits
from agent.inference.backends import Backends
from agent.inference.inference import Inference, Who
from agent.inference.ollama import Ollama
from agent.inference.queue import Queue, Queues
from agent.inference.rules import Batch, ChatRequest, Finish, Frame, Message
from tests.fakes.ollama import FakeOllama

NAMES = ("a", "b", "c")
ANYBODY = Who()


@dataclass(frozen=True, slots=True)
class Several:
    """What a test needs of it; `fakes` and `backends` are in the same order."""

    fakes: list[FakeOllama]
    backends: Backends
    inference: Inference
    queues: Queues
    told: list[tuple[str, dict[str, object]]]

    async def whole(
        self, request: ChatRequest, who: Who = ANYBODY, *, deadline_s: float | None = None
    ) -> str:
        """The text of an answer that has come to its end."""
        text: list[str] = []
        batch = Batch()
        answer = self.inference.chat(
            request,
            who,
            tell=lambda event, data: self.told.append((event, data)),
            deadline_s=deadline_s,
        )
        async with aclosing(answer) as batches:
            async for batch in batches:
                text += [item.text for item in batch if isinstance(item, Frame)]
        assert isinstance(batch[-1], Finish)
        return "".join(text)

    @property
    def answered_by(self) -> list[object]:
        """The backends that began to answer, in order."""
        return [data["backend"] for event, data in self.told if event == "started"]


@asynccontextmanager
async def several(
    count: int = 2,
    *,
    models: Sequence[str] = ("tiny",),
    limit: int = 2,
    first_byte_s: float = 5,
    capacity: int = 1000,
) -> AsyncIterator[Several]:
    """So many fakes, each with `models` and `limit` places, all of them known to be up."""
    async with AsyncExitStack() as stack:
        fakes = [
            await stack.enter_async_context(FakeOllama(models=list(models))) for _ in range(count)
        ]
        text, vision = (
            Queue(name, lanes={}, capacity=capacity, wait_limit_s=60) for name in ("text", "vision")
        )
        queues = Queues(text, vision)
        backends = Backends(queues)
        stack.push_async_callback(backends.close)
        for name, fake in zip(NAMES, fakes, strict=False):
            ollama = Ollama(fake.url, first_byte_s=first_byte_s, idle_s=5)
            backend = Backend(
                ollama, name=name, limits=Limits(limit, 1), up_every_s=0.05, down_every_s=0.05
            )
            await backends.add(backend)
            await backend.until(lambda state: state.is_up)
        yield Several(fakes, backends, Inference(backends, queues), queues, [])


def question(model: str = "tiny", *, tokens: int = 4) -> ChatRequest:
    options = {"num_ctx": 512, "num_predict": tokens}
    return ChatRequest(model, (Message("user", "Hi"),), options)
