"""Answers of the team's models as runs: started, followed, stopped, and written down where they
belong."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.rules import Run
from agent.shared.errors import Unavailable
from hub.access import Principal
from hub.ai.rules import ANSWER, Answer, GenerationRequest, OwnedRun

Write = Callable[[AsyncConnection, Run], Awaitable[None]]


class Purpose(Protocol):
    """What a kind of run is for, such as the answer in a conversation. It lives as long as the
    program, and knows nothing of a run but what it is handed: after a crash another replica ends
    the run by it."""

    async def conclude(
        self, connection: AsyncConnection, run: OwnedRun, answer: Answer
    ) -> dict[str, object]:
        """Writes down what came of it, in the transaction that ends the run; returns what the
        closing event says beside `usage`, such as {"message": {...}}. Called again with the same
        if that transaction failed."""


class AiService:
    """Everything that a model says to the team goes through here."""

    def __init__(self) -> None:
        self._purposes: dict[str, Purpose] = {}

    def register(self, name: str, purpose: Purpose) -> None:
        """While the program is opened, before anything runs."""
        self._purposes[name] = purpose

    async def start(
        self,
        who: Principal,
        asked: GenerationRequest,
        *,
        purpose: str = ANSWER,
        about: Mapping[str, object] | None = None,
        conversation_id: str | None = None,
        message_id: str | None = None,
        run_id: str | None = None,
        write: Write | None = None,
        key: str | None = None,
        request_hash: str = "",
    ) -> Run:
        """Looks at policy, model and quota, adds the run, and sets it going when that is
        committed. `write` adds what belongs to it (the question, the empty answer) in the same
        transaction, with the run as it is then; what it raises ends both.

        `key` is the Idempotency-Key of the person: the same again gives the same run, without
        `write`; with another `request_hash` it raises Conflict. Raises Denied `not-allowed-here`,
        NotFound `model-not-found`, TooMany `quota-exceeded`, Invalid and Unavailable before
        anything is written."""
        raise Unavailable("no-model-server", "No model server is set up yet.")

    async def get(self, who: Principal, run_id: str) -> Run:
        """One's own run; an Administrator's are all. Raises NotFound."""
        raise Unavailable("no-model-server", "No model server is set up yet.")

    def events(self, run_id: str, after_seq: int = 0) -> AsyncGenerator[bytes, None]:
        """Every event behind `after_seq` once and in order, as server-sent events, on whichever
        replica the run is. Ask `get` first whether they may be seen."""
        raise Unavailable("no-model-server", "No model server is set up yet.")

    async def cancel(self, who: Principal, run_id: str) -> Run:
        """Stops a run, wherever it is, and waits until that is written down. An ended run is left
        as it is. Raises NotFound."""
        raise Unavailable("no-model-server", "No model server is set up yet.")
