"""The job of a chat run: queue, model or guide, and what is kept of the answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.prompt import Limits, Prompt, compose
from agent.chat.rules import Turn
from agent.chat.shapes import message_json
from agent.chat.store import Conversations, Messages, Row
from agent.guide.rules import Passage
from agent.guide.rules import answer as guide_answer
from agent.guide.service import Guide
from agent.images.service import ImageService
from agent.inference.backend import Backend, BackendState
from agent.inference.inference import Inference, Who
from agent.inference.queue import Queues
from agent.inference.rules import Batch, ChatRequest, Finish, Frame, Message
from agent.models.service import ModelService
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.shared import wire
from agent.shared.database import Database
from agent.shared.errors import Invalid, TooLarge, Unavailable
from agent.telemetry.measure import Measure
from agent.telemetry.service import Telemetry

HISTORY_TURNS = 400
PASSAGES_IN_PROMPT = 3
STATUS = {
    RunState.DONE: "complete",
    RunState.CANCELLED: "stopped",
    RunState.INTERRUPTED: "interrupted",
    RunState.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer is asked for: the turn itself, and what stands before it."""

    answer_id: str
    content: str
    images: tuple[str, ...]
    parent_id: str | None
    above: Sequence[Row] | None  # the messages before it, where that is not a lot
    named: str | None
    model: str | None
    context_length: int | None
    sees: bool
    system: str | None
    options: Mapping[str, object]
    who: Who


@dataclass(frozen=True, slots=True)
class Parts:
    """What answering needs of the rest of the program."""

    database: Database
    backend: Backend
    queues: Queues
    inference: Inference
    models: ModelService
    images: ImageService
    guide: Guide
    limits: Limits
    telemetry: Telemetry
    context_tokens: Callable[[], Awaitable[int]]


@dataclass(slots=True)
class Answer:
    """One answer while it is made. Implements Job."""

    question: Question
    parts: Parts
    model: str | None = None
    provider: str | None = None
    trimmed: int = 0
    unread: int = 0  # messages so far back that they were not even looked at
    usage: dict[str, object] | None = None
    sources: list[dict[str, str]] = field(default_factory=list)

    async def work(self, live: LiveRun) -> object:
        """Answers with a model, or from the guide if there is none."""
        passages = self.parts.guide.search(self.question.content, limit=PASSAGES_IN_PROMPT)
        if self.question.model is None:
            self._answer_from_guide(live, passages)
            return None
        measure = self.parts.telemetry.measure(
            "chat",
            id=live.run.id,
            model=self.question.model,
            project=self.question.who.project,
            client=self.question.who.client,
            prompt=self.question.content,
        )
        measure.is_interrupted = lambda: live.stop is RunState.INTERRUPTED
        try:
            with measure:
                await self._answer_with_model(live, self.question.model, passages, measure)
        except Unavailable as err:
            if err.code != "ollama-down" or live.content or live.thinking:
                raise
            self._answer_from_guide(live, passages)
        return None

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Makes the answer final, whatever became of it."""
        return await finish(
            connection,
            run,
            ending,
            {
                "content": "".join(live.content) if live else "",
                "thinking": "".join(live.thinking) if live else "",
                "model": self.model,
                "provider": self.provider,
                "usage": self.usage,
                "sources": self.sources,
                "trimmed": self.trimmed,
            },
        )

    def _answer_from_guide(self, live: LiveRun, passages: list[Passage]) -> None:
        state = self.parts.backend.state
        self.model, self.provider, self.trimmed = None, "guide", 0
        live.mark_started()
        live.emit("started", {"model": None, "backend": None, "provider": "guide"})
        self._tell_sources(live, passages)
        pieces = guide_answer(
            self.question.content,
            passages,
            reason="No model is installed in Ollama" if state.is_up else "No model is connected",
            advice=self._advice(state),
        )
        live.emit_texts([("token", piece) for piece in pieces])

    def _advice(self, state: BackendState) -> str:
        """What to do about the missing model, and what of the question went unheard."""
        if state.is_up:
            advice = NO_MODEL
        else:
            advice = (SLOW_SERVER if state.is_slow else NO_SERVER).format(url=state.url)
        if self.question.named:
            advice += f" {self.question.named}, which was asked for, has not seen the question."
        if self.question.images:
            advice += " Nobody has looked at the picture."
        return advice

    async def _answer_with_model(
        self, live: LiveRun, model: str, passages: list[Passage], measure: Measure
    ) -> None:
        self.model = model
        turns = await self._turns()
        limits = self.parts.limits.within(await self.parts.context_tokens())
        prompt = self._prompt(turns, passages, limits)
        try:
            await self._stream(live, prompt, measure)
        except Invalid as err:
            if err.code != "context-exceeded" or live.content or live.thinking:
                raise
            # The estimate was too low. The server counts for real, and said how many.
            counted = float(str(err.extra.get("prompt_tokens") or 0))
            scale = max(counted / prompt.context.tokens, 1.1) * 1.05
            prompt = self._prompt(turns, passages, limits, scale)
            await self._stream(live, prompt, measure, is_retry=True)

    def _prompt(
        self, turns: list[Turn], passages: list[Passage], limits: Limits, scale: float = 1.0
    ) -> Prompt:
        """Raises TooLarge if the question alone fills the context."""
        prompt = compose(
            turns,
            passages if limits.uses_guide else [],
            system=self.question.system,
            asked=self.question.options,
            limits=limits,
            context_length=self.question.context_length,
            scale=scale,
        )
        if isinstance(prompt, int):
            raise TooLarge(
                "message-exceeds-context",
                f"The message is too long for {self.model}: its context is set to {prompt} "
                "tokens. Shorten it, or raise num_ctx (setting context_tokens).",
            )
        return prompt

    async def _stream(
        self, live: LiveRun, prompt: Prompt, measure: Measure, *, is_retry: bool = False
    ) -> None:
        def tell(event: str, data: dict[str, object]) -> None:
            if event != "queued" and live.run.started_at is None:
                live.mark_started()
            if event == "started":
                self._tell_start(live, prompt, data)
            else:
                live.emit(event, data)

        who = replace(self.question.who, is_retry=is_retry)
        request = await self._request(prompt)
        answer = self.parts.inference.chat(request, who, tell=tell, meter=measure)
        async with aclosing(answer) as batches:
            async for batch in batches:
                self._take(live, batch)

    def _tell_start(self, live: LiveRun, prompt: Prompt, started: dict[str, object]) -> None:
        self.provider = str(started["provider"])
        if prompt.clamped:
            started = {**started, "clamped": prompt.clamped}
        live.emit("started", started)
        self._tell_sources(live, prompt.passages)
        self.trimmed = prompt.context.dropped + self.unread
        if self.trimmed:
            live.emit("trimmed", {"dropped_messages": self.trimmed})

    def _take(self, live: LiveRun, batch: Batch) -> None:
        live.emit_texts(
            (item.kind, item.text)
            for item in batch
            if isinstance(item, Frame) and item.kind != "tool"
        )
        for item in batch:
            if isinstance(item, Finish):
                self.usage = {**item.usage.to_json(), "finish_reason": item.reason}
            elif item.kind == "tool":
                for call in item.calls:
                    live.emit("tool", {"name": call.name, "arguments": call.arguments})

    def _tell_sources(self, live: LiveRun, passages: Sequence[Passage]) -> None:
        self.sources = [{"title": passage.title, "ref": passage.ref} for passage in passages]
        if self.sources:
            live.emit("sources", {"items": self.sources})

    async def _request(self, prompt: Prompt) -> ChatRequest:
        messages = [Message("system", prompt.context.system)]
        for turn in prompt.context.turns:
            images = [await self.parts.images.base64(sha256) for sha256 in turn.images]
            messages.append(Message(turn.role, turn.content, tuple(images)))
        return ChatRequest(
            str(self.model),
            tuple(messages),
            prompt.options,
            keep_alive=self.parts.limits.keep_alive,
        )

    async def _turns(self) -> list[Turn]:
        question = self.question
        rows = question.above
        if rows is None and question.parent_id is not None:
            async with self.parts.database.reading() as connection:
                messages = Messages(connection)
                rows = await messages.branch(question.parent_id, HISTORY_TURNS)
                if len(rows) > HISTORY_TURNS:
                    self.unread = await messages.count_above(question.parent_id) + 1 - len(rows)
        turns = [
            Turn(row["role"], row["content"], tuple(row["images"]) if question.sees else ())
            for row in rows or []
            if row["content"] or row["images"]
        ]
        return [*turns, Turn("user", question.content, question.images)]


NO_SERVER = (
    "To get answers from a model, install Ollama from ollama.com and start it, then run "
    "`ollama pull qwen3:4b`. It was looked for at `{url}`."
)
SLOW_SERVER = "Ollama at `{url}` is there, but takes long to answer. Ask again in a moment."
NO_MODEL = "Ollama runs, but has no model yet. Run `ollama pull qwen3:4b` and ask again."


class CutOff:
    """The job of an answer that a crash cut off: what was saved of it is kept. Implements Job."""

    def __init__(self, run: Run, events: list[wire.ServerSentEvent]) -> None:
        self._values: dict[str, object] = {
            "content": "".join(str(e.data["text"]) for e in events if e.name == "token"),
            "thinking": "".join(str(e.data["text"]) for e in events if e.name == "thinking"),
        }
        for event in events:
            if event.name == "started":
                self._values |= {k: event.data[k] for k in ("model", "provider")}
            elif event.name == "sources":
                self._values["sources"] = event.data["items"]
            elif event.name == "trimmed":
                self._values["trimmed"] = event.data["dropped_messages"]

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("a run that was cut off is not run again")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Makes what was saved the answer."""
        return await finish(connection, run, ending, self._values)


async def finish(
    connection: AsyncConnection, run: Run, ending: Ending, values: Mapping[str, object]
) -> dict[str, object]:
    """Writes the final answer and returns the closing event's data."""
    if run.message_id is None or run.conversation_id is None:
        raise ValueError("a chat's run belongs to a message")
    messages = Messages(connection)
    await messages.change(
        run.message_id, {**values, "status": STATUS[ending.state], "problem": ending.problem}
    )
    await Conversations(connection).change(run.conversation_id, {"updated_at": run.ended_at})
    row = await messages.find(run.message_id)
    if row is None:  # the conversation was purged meanwhile
        return {"problem": ending.problem} if ending.problem else {"message": None}
    data: dict[str, object] = {"message": message_json(row)}
    if ending.state is RunState.DONE:
        data["usage"] = row["usage"]
    if ending.problem:
        data["problem"] = ending.problem
    return data
