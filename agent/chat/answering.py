"""The job of a chat run: queue, model or guide, and what is kept of the answer."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.rules import Context, Turn, fit, system_text
from agent.chat.shapes import message_json
from agent.chat.store import Conversations, Messages
from agent.guide.rules import Passage
from agent.guide.rules import answer as guide_answer
from agent.guide.service import Guide
from agent.images.service import ImageService
from agent.inference.backends import Backend
from agent.inference.queue import Queue
from agent.inference.rules import ChatRequest, Finish, Frame, Message, clamp
from agent.models.service import ModelService
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.shared import wire
from agent.shared.database import Database
from agent.shared.errors import TooLarge, Unavailable

LOADING_AFTER_S = 0.3
HISTORY_TURNS = 400
PASSAGES_IN_PROMPT = 3
STATUS = {
    RunState.DONE: "complete",
    RunState.CANCELLED: "stopped",
    RunState.INTERRUPTED: "interrupted",
    RunState.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that bound an answer."""

    context_tokens: int
    answer_tokens: int
    keep_alive: str
    uses_guide: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer is asked for: the turn itself, and what stands before it."""

    answer_id: str
    content: str
    images: tuple[str, ...]
    parent_id: str | None
    model: str | None
    context_length: int | None
    system: str | None
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Parts:
    """What answering needs of the rest of the program."""

    database: Database
    backend: Backend
    queue: Queue
    models: ModelService
    images: ImageService
    guide: Guide
    limits: Limits


@dataclass(slots=True)
class Answer:
    """One answer while it is made. Implements Job."""

    question: Question
    parts: Parts
    model: str | None = None
    provider: str | None = None
    trimmed: int = 0
    usage: dict[str, object] | None = None
    sources: list[dict[str, str]] = field(default_factory=list)
    clamped: dict[str, dict[str, object]] = field(default_factory=dict)

    async def work(self, live: LiveRun) -> object:
        """Answers with a model, or from the guide if there is none."""
        passages = self.parts.guide.search(self.question.content, limit=PASSAGES_IN_PROMPT)
        if self.question.model is None:
            self._answer_from_guide(live, passages)
            return None
        try:
            await self._answer_with_model(live, self.question.model, passages)
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
        has_server = state.state == "up"
        pieces = guide_answer(
            self.question.content,
            passages,
            reason="No model is installed in Ollama" if has_server else "No model is connected",
            advice=NO_MODEL if has_server else NO_SERVER.format(url=state.url),
        )
        live.emit_texts([("token", piece) for piece in pieces])

    async def _answer_with_model(self, live: LiveRun, model: str, passages: list[Passage]) -> None:
        self.model, self.provider = model, "ollama"
        if not self.parts.limits.uses_guide:
            passages = []
        context, request = await self._request(model, self.question.context_length, passages)
        self.trimmed = context.dropped
        async with self.parts.queue.place(
            on_position=lambda ahead: live.emit("queued", {"position": ahead})
        ):
            live.mark_started()
            await self._stream(live, request, passages)

    async def _stream(self, live: LiveRun, request: ChatRequest, passages: list[Passage]) -> None:
        backend = self.parts.backend
        started: dict[str, object] = {
            "model": request.model,
            "backend": backend.name,
            "provider": "ollama",
        }
        if self.clamped:
            started["clamped"] = self.clamped

        def tell_start() -> None:
            live.emit("started", started)
            self._tell_sources(live, passages)
            if self.trimmed:
                live.emit("trimmed", {"dropped_messages": self.trimmed})

        is_told = backend.is_loaded(request.model)
        if is_told:
            tell_start()
        # Reading a model into memory takes seconds, and only silence tells of it.
        timer = asyncio.get_running_loop().call_later(
            LOADING_AFTER_S, live.emit, "loading", {"model": request.model}
        )
        if is_told:
            timer.cancel()
        try:
            async with aclosing(backend.chat(request)) as batches:
                async for batch in batches:
                    if not is_told:
                        timer.cancel()
                        tell_start()
                        is_told = True
                    self._take(live, batch)
        finally:
            timer.cancel()

    def _take(self, live: LiveRun, batch: list[Frame | Finish]) -> None:
        texts = [(item.kind, item.text) for item in batch if isinstance(item, Frame)]
        live.emit_texts(texts)
        last = batch[-1] if batch else None
        if isinstance(last, Finish):
            self.usage = last.usage.to_json()

    def _tell_sources(self, live: LiveRun, passages: list[Passage]) -> None:
        self.sources = [{"title": passage.title, "ref": passage.ref} for passage in passages]
        if self.sources:
            live.emit("sources", {"items": self.sources})

    async def _request(
        self, model: str, context_length: int | None, passages: list[Passage]
    ) -> tuple[Context, ChatRequest]:
        """Raises TooLarge if the question alone fills the context."""
        limits, question = self.parts.limits, self.question
        wanted = {"num_ctx": limits.context_tokens, "num_predict": limits.answer_tokens}
        asked = {**wanted, **question.options}
        options, _ = clamp(asked, context_length, 0)
        num_ctx, num_predict = int(str(options["num_ctx"])), int(str(options["num_predict"]))
        system = system_text(question.system, [(p.title, p.text) for p in passages])
        turns = await self._turns()
        # An answer gets its room, but a long question comes before a long answer.
        context = fit(system, turns, num_ctx - num_predict) or fit(
            system, turns[-1:], num_ctx - min(num_predict, max(256, num_ctx // 8))
        )
        if context is None:
            raise TooLarge(
                "message-exceeds-context",
                f"The message is too long for {model}: its context is set to {num_ctx} tokens. "
                "Shorten it, or raise num_ctx (setting context_tokens).",
            )
        dropped = len(turns) - len(context.turns)
        context = Context(context.system, context.turns, dropped, context.tokens)
        options, self.clamped = clamp(asked, context_length, context.tokens)
        if not question.options:
            self.clamped = {}
        messages = [Message("system", context.system)]
        for turn in context.turns:
            images = [await self.parts.images.base64(sha256) for sha256 in turn.images]
            messages.append(Message(turn.role, turn.content, tuple(images)))
        return context, ChatRequest(model, tuple(messages), options, keep_alive=limits.keep_alive)

    async def _turns(self) -> list[Turn]:
        question = self.question
        turns: list[Turn] = []
        if question.parent_id is not None:
            async with self.parts.database.reading() as connection:
                rows = await Messages(connection).branch(question.parent_id, HISTORY_TURNS)
            turns = [
                Turn(row["role"], row["content"], tuple(row["images"]))
                for row in rows
                if row["content"] or row["images"]
            ]
        return [*turns, Turn("user", question.content, question.images)]


NO_SERVER = (
    "To get answers from a model, install Ollama from ollama.com and start it, then run "
    "`ollama pull qwen3:4b`. It was looked for at {url}."
)
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
