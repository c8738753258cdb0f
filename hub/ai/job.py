"""The job of a run: a model's answer as events, and what is kept of it."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.inference.rules import Batch, Finish, Usage, estimate_tokens
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.shared import wire
from hub.access import Principal
from hub.ai.asking import Asked, Asking, client_of
from hub.ai.planning import Plan
from hub.ai.rules import Answer, OwnedRun
from hub.ai.run_store import TeamRuns
from hub.limits.rules import Outcome, Reservation, Used


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


class Answering:
    """One answer while it is made. Implements Job."""

    def __init__(
        self,
        owned: OwnedRun,
        purpose: Purpose,
        plan: Plan,
        who: Principal,
        asking: Asking,
        reservation: Reservation,
    ) -> None:
        self._owned, self._purpose, self._plan = owned, purpose, plan
        self._client, self._asking = client_of(who), asking
        self._asked: Asked = asking.begun(plan, who, reservation)

    async def work(self, live: LiveRun) -> object:
        """Asks the models of the plan. What it took counts however it ends."""

        def told(event: str, data: dict[str, object]) -> None:
            if event == "started":
                live.mark_started()
            live.emit(event, data)

        outcome: Outcome = "failed"
        try:
            answer = self._asking.answer(self._plan, self._client, self._asked, told)
            async with aclosing(answer) as batches:
                async for batch in batches:
                    _emit(live, batch)
            outcome = "done"
        finally:
            if live.stop is RunState.CANCELLED:
                outcome = "cancelled"
            await self._asking.settle(self._asked, outcome)
        return None

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Whatever became of it."""
        answer = self._answer(ending, live)
        return await concluded(
            connection, _now(self._owned, run), self._purpose, answer, self._asked.reasons
        )

    @property
    def leaves_nothing(self) -> bool:
        """Whether nothing is written down but the run and its events."""
        return isinstance(self._purpose, Nothing)

    def closing(self, ending: Ending, live: LiveRun) -> tuple[Answer, dict[str, object]]:
        """What became of one that leaves nothing, and the data of its closing event."""
        answer = self._answer(ending, live)
        return answer, _closing(answer, self._asked.reasons, {})

    def _answer(self, ending: Ending, live: LiveRun | None) -> Answer:
        asked = self._asked
        is_done = ending.state is RunState.DONE
        return Answer(
            ending.state,
            "".join(live.content) if live else "",
            "".join(live.thinking) if live else "",
            asked.model,
            asked.provider,
            asked.usage_json(),
            asked.finish_reason if is_done else None,
            ending.problem,
        )


class CutOff:
    """The job of an answer whose replica has died: what was saved of it is kept. Implements
    Job."""

    def __init__(
        self, owned: OwnedRun, purpose: Purpose, events: Sequence[wire.ServerSentEvent]
    ) -> None:
        self._owned, self._purpose, self._events = owned, purpose, events
        self.run_id, self.account_id, self.model = owned.run.id, owned.account_id, owned.model
        self.used: Used | None = None  # once it is concluded, if anything was written

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("a run that was cut off is not run again")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        started = [dict(one.data) for one in self._events if one.name == "started"]
        about = started[-1] if started else {}
        reasons = [dict(one.data) for one in self._events if one.name == "backend"]
        content, thinking = self._text("token"), self._text("thinking")
        answer = Answer(
            ending.state,
            content,
            thinking,
            str(about.get("model", self._owned.model)),
            str(about.get("backend", "")),
            counted(content + thinking, reasons),
            None,
            ending.problem,
        )
        self.model = answer.model
        if isinstance(tokens := answer.usage.get("completion_tokens"), int):
            self.used = Used(0, tokens, 0.0, answer.provider, "failed")
        return await concluded(connection, _now(self._owned, run), self._purpose, answer, reasons)

    def _text(self, name: str) -> str:
        return "".join(str(one.data["text"]) for one in self._events if one.name == name)


def counted(text: str, reasons: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """The usage of an answer of which nothing but its text is known."""
    if not text:
        return {}
    usage = Usage(0, estimate_tokens(text), 0.0, 0.0, 0.0, 0.0)
    fallbacks = {"fallbacks": list(reasons)} if reasons else {}
    return {**usage.to_json(), "is_estimate": True, **fallbacks}


class Nothing:
    """The purpose of a run that leaves nothing but its events. Implements Purpose."""

    async def conclude(
        self, connection: AsyncConnection, run: OwnedRun, answer: Answer
    ) -> dict[str, object]:
        return {}


async def concluded(
    connection: AsyncConnection,
    owned: OwnedRun,
    purpose: Purpose,
    answer: Answer,
    reasons: Sequence[Mapping[str, object]],
) -> dict[str, object]:
    """Writes down who answered and what it took; returns the data of the closing event."""
    await TeamRuns(connection).tell(
        owned.run.id, model=answer.model, provider=answer.provider, usage=answer.usage or None
    )
    return _closing(answer, reasons, await purpose.conclude(connection, owned, answer))


def _closing(
    answer: Answer, reasons: Sequence[Mapping[str, object]], told: Mapping[str, object]
) -> dict[str, object]:
    data: dict[str, object] = {"usage": answer.usage} if answer.usage else {}
    if answer.problem:
        data["problem"] = answer.problem
    if "message" not in told:
        data["result"] = {
            "content": answer.content,
            "thinking": answer.thinking,
            "model": answer.model,
            "backend": answer.provider,
            "finish_reason": answer.finish_reason,
            "fallbacks": list(reasons),
        }
    return {**data, **told}


def _emit(live: LiveRun, batch: Batch) -> None:
    texts = [(item.kind, item.text) for item in batch if not isinstance(item, Finish) and item.text]
    live.emit_texts(texts)
    for item in batch:
        if isinstance(item, Finish):
            continue
        for call in item.calls:
            live.emit("tool", {"name": call.name, "arguments": call.arguments, "id": call.id})


def _now(owned: OwnedRun, run: Run) -> OwnedRun:
    return OwnedRun(run, owned.account_id, owned.purpose, owned.model, owned.about)
