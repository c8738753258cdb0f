"""The job of a chat run: queue, model or guide, and what is kept of the answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.ending import finish
from agent.chat.prompt import Limits, Material, Prompt, compose
from agent.chat.rounds import Heard, Rounds, total
from agent.chat.store import Messages, Row
from agent.guide.rules import Passage
from agent.guide.rules import answer as guide_answer
from agent.guide.service import Guide
from agent.images.service import ImageService
from agent.inference.backend import Backend, BackendState
from agent.inference.inference import Inference, Tell, Who
from agent.inference.queue import Queues
from agent.inference.rules import Batch, ChatRequest, Finish, Frame, Message, Usage
from agent.inference.turns import Turn
from agent.models.service import ModelService
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.shared.database import Database
from agent.shared.errors import Invalid, TooLarge, Unavailable
from agent.slicer.advice.desk import Desk, keep_sent
from agent.slicer.advice.findings import findings_answer
from agent.slicer.advice.gathering import Gathered
from agent.slicer.advice.rules import Piece, Wanted, switched_on
from agent.slicer.advice.toolbox import Toolbox, Used
from agent.telemetry.measure import Measure
from agent.telemetry.service import Telemetry

HISTORY_TURNS = 400
PASSAGES_IN_PROMPT = 3
ONLY_TOOLS = "*The model looked things up and then said nothing. Ask again, or another model.*"


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
    abilities: tuple[str, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)


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
    desk: Desk


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
    spent: Usage | None = None
    sources: list[dict[str, str]] = field(default_factory=list)
    gathered: Gathered = field(default_factory=Gathered)
    pieces: tuple[Piece, ...] = ()  # of the evidence, those that were sent
    used: list[Used] = field(default_factory=list)

    async def work(self, live: LiveRun) -> object:
        """Answers with a model, or from the guide and the checks if there is none."""
        if not self.question.wanted.is_empty:
            await live.kept.wait()  # what its tools find is written down beside the question
        self.gathered = await self.parts.desk.gather(self.question.wanted)
        passages = self._passages()
        if self.question.model is None:
            await self._answer_without_model(live, passages)
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
            await self._answer_without_model(live, passages)
        return None

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Makes the answer final, whatever became of it."""
        data = await finish(
            connection,
            run,
            ending,
            {
                "content": "".join(live.content) if live else "",
                "thinking": "".join(live.thinking) if live else "",
                "model": self.model,
                "provider": self.provider,
                "usage": self.usage,
                "sources": [*self.sources, *self._kept_advice()],
                "trimmed": self.trimmed,
            },
        )
        if run.message_id is not None and data.get("message"):  # else it was purged meanwhile
            await keep_sent(connection, run.message_id, self.pieces, self.used)
        return data

    def _kept_advice(self) -> list[dict[str, str]]:
        """Where the changes are that were proposed on the way."""
        kept = [used.told.get("advice_id") for used in self.used]
        return [{"title": "Proposed changes", "ref": f"advice/{one}"} for one in kept if one]

    def _passages(self) -> list[Passage]:
        """What the guide has on it, without what is switched off."""
        off = set(self.question.wanted.without)
        if "guide" in off:
            return []
        found = self.parts.guide.search(self.question.content, limit=PASSAGES_IN_PROMPT)
        return [one for one in found if f"guide:{one.ref}" not in off]

    async def _toolbox(self) -> Toolbox | None:
        """The tools, for a question that is about something that they can read."""
        if self.question.wanted.is_empty:
            return None
        return await self.parts.desk.tools(
            self.gathered,
            message_id=self.question.answer_id,
            question=self.question.content,
            sees=self.question.sees,
        )

    async def _answer_without_model(self, live: LiveRun, passages: list[Passage]) -> None:
        state = self.parts.backend.state
        self.model, self.provider, self.trimmed = None, "guide", 0
        live.mark_started()
        live.emit("started", {"model": None, "backend": None, "provider": "guide"})
        self.pieces = tuple(one for one in self._evidence() if one.kind == "findings")
        self._tell_sources(live, passages)
        if (toolbox := await self._toolbox()) and (changes := self.gathered.changes):
            self._show(live, await toolbox.propose(changes, {}))
        live.emit_texts([("token", piece) for piece in findings_answer(self.gathered.known.file)])
        pieces = guide_answer(
            self.question.content,
            passages,
            reason=self._reason(state),
            advice=self._advice(state),
        )
        live.emit_texts([("token", piece) for piece in pieces])

    def _reason(self, state: BackendState) -> str:
        if place := self.parts.models.away():
            return f"{place} does not answer"
        return "No model is installed in Ollama" if state.is_up else "No model is connected"

    def _advice(self, state: BackendState) -> str:
        """What to do about the missing model, and what of the question went unheard."""
        if self.parts.models.away():
            advice = NO_HUB
        elif state.is_up:
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
        tools = await self._toolbox()
        uses_guide = passages if limits.uses_guide else []
        prompt = self._prompt(turns, uses_guide, limits, tools)
        try:
            await self._stream(live, prompt, measure, tools)
        except Invalid as err:
            if err.code != "context-exceeded" or live.content or live.thinking:
                raise
            # The estimate was too low. The server counts for real, and said how many.
            counted = float(str(err.extra.get("prompt_tokens") or 0))
            scale = max(counted / prompt.context.tokens, 1.1) * 1.05
            tools = None if self.used else tools
            prompt = self._prompt(turns, uses_guide, limits, tools, scale)
            await self._stream(live, prompt, measure, tools, is_retry=True)

    def _evidence(self) -> list[Piece]:
        return switched_on(self.gathered.pieces, self.question.wanted.without)

    def _prompt(
        self,
        turns: list[Turn],
        passages: list[Passage],
        limits: Limits,
        tools: Toolbox | None,
        scale: float = 1.0,
    ) -> Prompt:
        """Raises TooLarge if the question alone fills the context."""
        material = Material(
            tuple(passages),
            tuple(self._evidence()),
            tools.tokens if tools else None,
            can_call="tools" in self.question.abilities,
        )
        prompt = compose(
            turns,
            material,
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
        self,
        live: LiveRun,
        prompt: Prompt,
        measure: Measure,
        tools: Toolbox | None,
        *,
        is_retry: bool = False,
    ) -> None:
        tell, who = self._teller(live, prompt), replace(self.question.who, is_retry=is_retry)
        request = await self._request(prompt)
        if tools is None:
            await self._hear(live, request, who, tell, measure)
            return
        rounds = Rounds(tools, prompt, lambda used: self._show(live, used))
        if prompt.calls_tools:
            request = rounds.equipped(request)
        else:
            can_think = "thinking" in self.question.abilities
            inference = self.parts.inference
            request = await rounds.looked_up(inference, request, who, tell, can_think=can_think)
        going: ChatRequest | None = request
        while going is not None:
            heard = await self._hear(live, going, who, tell, measure)
            going = await rounds.following(going, heard)
            who = replace(who, is_retry=True)
        if self.used and not live.content:
            live.emit_texts([("token", ONLY_TOOLS)])

    def _teller(self, live: LiveRun, prompt: Prompt) -> Tell:
        has_started = False

        def tell(event: str, data: dict[str, object]) -> None:
            nonlocal has_started
            if event != "queued" and live.run.started_at is None:
                live.mark_started()
            if event != "started":
                live.emit(event, data)
            elif not (has_started and self.used):  # a further round is the same answer
                has_started = True
                self._tell_start(live, prompt, data)

        return tell

    async def _hear(
        self, live: LiveRun, request: ChatRequest, who: Who, tell: Tell, measure: Measure
    ) -> Heard:
        """One round: shows it as it comes."""
        heard = Heard()
        answer = self.parts.inference.chat(request, who, tell=tell, meter=measure)
        async with aclosing(answer) as batches:
            async for batch in batches:
                self._take(live, batch, shows_calls=self.question.wanted.is_empty)
                heard.take(batch)
        if self.spent:
            measure.used(self.spent)
        return heard

    def _show(self, live: LiveRun, used: Used) -> None:
        self.used.append(used)
        live.emit("tool", used.to_json())

    def _tell_start(self, live: LiveRun, prompt: Prompt, started: dict[str, object]) -> None:
        self.provider = str(started["provider"])
        if prompt.clamped:
            started = {**started, "clamped": prompt.clamped}
        live.emit("started", started)
        self.pieces = prompt.pieces
        self._tell_sources(live, prompt.passages)
        self.trimmed = prompt.context.dropped + self.unread
        if self.trimmed:
            live.emit("trimmed", {"dropped_messages": self.trimmed})

    def _take(self, live: LiveRun, batch: Batch, *, shows_calls: bool) -> None:
        live.emit_texts(
            (item.kind, item.text)
            for item in batch
            if isinstance(item, Frame) and item.kind != "tool"
        )
        for item in batch:
            if isinstance(item, Finish):
                self.spent = total(self.spent, item.usage)
                self.usage = {**self.spent.to_json(), "finish_reason": item.reason}
            elif item.kind == "tool" and shows_calls:
                for call in item.calls:
                    live.emit("tool", {"name": call.name, "arguments": call.arguments})

    def _tell_sources(self, live: LiveRun, passages: Sequence[Passage]) -> None:
        pieces = [{"title": piece.title, "ref": piece.ref} for piece in self.pieces]
        self.sources = [*pieces, *({"title": one.title, "ref": one.ref} for one in passages)]
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
    "To get answers from a model, start Ollama, or install it from ollama.com first. If it has no "
    "model yet, pull the one that `orca-agent models recommend` names for this computer. "
    "Ollama was looked for at `{url}`."
)
NO_HUB = (
    "What is on this computer goes on: the guide, the checks of files, your conversations and "
    "local models. The team's models answer again when the hub does; `orca-agent team status` says "
    "how it stands."
)
SLOW_SERVER = "Ollama at `{url}` is there, but takes long to answer. Ask again in a moment."
NO_MODEL = (
    "Ollama runs, but has no model yet. Pull the one that `orca-agent models recommend` names for "
    "this computer, and ask again."
)
