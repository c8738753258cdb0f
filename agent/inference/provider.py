"""What the rest of the program asks of a model server, whichever language it speaks."""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Literal, Protocol, Self

from agent.inference.rules import (
    Batch,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    InstalledModel,
    LoadedModel,
    ShownModel,
)

Kind = Literal["ollama", "openai"]


class Provider(Protocol):
    """One model server. Raises errors of agent.shared.errors only; closes what it opened."""

    @property
    def kind(self) -> Kind: ...

    @property
    def url(self) -> str: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def version(self) -> str:
        """The server's version; empty where it tells none."""

    async def tags(self) -> list[InstalledModel]:
        """The models that it can answer with."""

    async def ps(self) -> list[LoadedModel]:
        """The models in memory; those of a server that cannot tell are all of its models."""

    async def show(self, name: str) -> ShownModel:
        """One model's facts. Raises NotFound `model-not-found`."""

    async def load(self, name: str, keep_alive: str | int | None = None) -> None:
        """Reads a model into memory and returns when it is there."""

    async def unload(self, name: str) -> None:
        """Takes a model out of memory; one that is not there is fine."""

    def chat(self, request: ChatRequest) -> AsyncGenerator[Batch, None]:
        """The answer, as it arrives; the last batch ends with Finish.

        Closing the generator closes the connection at once, which is what stops the model.
        Every answer without Finish ends in an error."""

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """One vector for each text. Raises NotFound, Invalid, Unavailable or TimedOut."""
