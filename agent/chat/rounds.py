"""Between a model and its tools: it asks, they answer, it goes on; a few rounds and no more."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from agent.chat.prompt import Prompt
from agent.inference.inference import Inference, Tell, Who
from agent.inference.rules import (
    IMAGE_TOKENS,
    Batch,
    ChatRequest,
    Finish,
    Message,
    ToolCall,
    Usage,
    estimate_tokens,
)
from agent.inference.said import both
from agent.shared.errors import OrcaError
from agent.slicer.advice.texts import PLAN_FORMAT, PLANNER
from agent.slicer.advice.toolbox import Toolbox, Used, fitting

MOST_ROUNDS, MOST_CALLS = 4, 8
PATIENCE_S = 180.0  # after it, a model has to answer with what it knows
LEAST_ROOM = 200  # tokens: with less, no tool is asked any more
LEAST_ANSWER = 256
PLAN_TOKENS = 600
NO_MORE = "No more tools for this question: answer with what you know."
LOOKED_UP = "What was looked up for this question:"

Show = Callable[[Used], None]


@dataclass(slots=True)
class Heard:
    """What one round brought."""

    content: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        for item in batch:
            if isinstance(item, Finish):
                continue
            self.calls += item.calls
            if item.text:
                (self.content if item.kind == "token" else self.thinking).append(item.text)


class Rounds:
    """The rounds of one answer. `used` is what was used so far, in order."""

    def __init__(self, toolbox: Toolbox, prompt: Prompt, show: Show) -> None:
        self._toolbox, self._show = toolbox, show
        self._until = asyncio.get_running_loop().time() + PATIENCE_S
        self._count, self._is_over = 0, False
        num_predict = int(str(prompt.options["num_predict"]))
        self._tokens = toolbox.tokens if prompt.calls_tools else 0
        taken = prompt.context.tokens + self._tokens
        self._room = prompt.num_ctx - taken - min(num_predict, prompt.num_ctx // 4)
        self.used: list[Used] = []

    def equipped(self, request: ChatRequest) -> ChatRequest:
        """The request with the tools."""
        return replace(request, tools=self._toolbox.definitions)

    async def following(self, request: ChatRequest, heard: Heard) -> ChatRequest | None:
        """The request that goes on with what the tools said; None where the answer is whole."""
        if not heard.calls or self._is_over:
            return None
        self._count += 1
        said = Message(
            "assistant",
            "".join(heard.content),
            thinking="".join(heard.thinking),
            tool_calls=tuple(heard.calls),
        )
        used = [await self._used(call) for call in heard.calls]
        answers = [
            Message("tool", one.text, tool_name=call.name)
            for call, one in zip(heard.calls, used, strict=True)
        ]
        pictures = [Message("user", one.text, one.images) for one in used if one.images]
        following = replace(request, messages=(*request.messages, said, *answers, *pictures))
        following = replace(following, options=self._options(following))
        self._is_over = not self._may_go_on()
        return replace(following, tools=()) if self._is_over else following

    async def looked_up(
        self,
        inference: Inference,
        request: ChatRequest,
        who: Who,
        tell: Tell,
        *,
        can_think: bool,
    ) -> ChatRequest:
        """For a model without tools: it says in a form what it needs, and gets it beforehand."""
        system, *rest = request.messages
        asked = replace(
            request,
            messages=(replace(system, content=f"{system.content}\n\n{PLANNER}"), *rest),
            options={**request.options, "num_predict": PLAN_TOKENS, "temperature": 0.1},
            format=PLAN_FORMAT,
            think=False if can_think else None,
        )
        try:
            text = await _text_of(inference.chat(asked, who, tell=tell))
        except OrcaError:  # no form, or half of one: the evidence alone has to do
            return request
        found = [await self._used(call) for call in planned(text)]
        told = "\n\n".join(one.text for one in found)
        if not told:
            return request
        content = f"{system.content}\n\n{LOOKED_UP}\n\n{told}"
        following = replace(request, messages=(replace(system, content=content), *rest))
        return replace(following, options=self._options(following))

    async def _used(self, call: ToolCall) -> Used:
        """What a tool says, cut to the room that is left."""
        if len(self.used) >= MOST_CALLS:
            return Used(call.name, call.arguments, NO_MORE)
        used = await self._toolbox.use(call.name, call.arguments)
        self.used.append(used)
        self._show(used)
        text = fitting(used.text, max(self._room, LEAST_ROOM))
        self._room -= estimate_tokens(text) + IMAGE_TOKENS * len(used.images)
        return replace(used, text=text)

    def _may_go_on(self) -> bool:
        is_in_time = asyncio.get_running_loop().time() < self._until
        return (
            self._count < MOST_ROUNDS
            and len(self.used) < MOST_CALLS
            and self._room > LEAST_ROOM
            and is_in_time
        )

    def _options(self, request: ChatRequest) -> Mapping[str, object]:
        """An answer as long as what the tools said leaves room for."""
        taken = sum(estimate_tokens(one.content) + 8 for one in request.messages)
        num_ctx = int(str(request.options["num_ctx"]))
        most = max(num_ctx - taken - self._tokens, LEAST_ANSWER)
        num_predict = min(int(str(request.options["num_predict"])), most)
        return {**request.options, "num_predict": num_predict}


def planned(text: str) -> list[ToolCall]:
    """The tools that a model without tools asked for in its form, as far as it kept to it."""
    try:
        plan = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(plan, dict):
        return []
    calls = [ToolCall("search_guide", {"query": one}) for one in _texts(plan.get("guide"))[:2]]
    if keys := _texts(plan.get("settings")):
        calls.append(ToolCall("read_report", {"keys": keys}))
    if changes := plan.get("changes"):
        calls.append(ToolCall("propose_changes", {"changes": changes}))
    return calls


def total(first: Usage | None, second: Usage) -> Usage:
    """What several rounds cost together."""
    return second if first is None else both(first, second)


def _texts(value: Any) -> Sequence[str]:  # Any: JSON values
    listed = value if isinstance(value, list) else []
    return [one for one in listed if isinstance(one, str) and one.strip()]


async def _text_of(answer: AsyncGenerator[Batch, None]) -> str:
    heard = Heard()
    async with aclosing(answer) as batches:
        async for batch in batches:
            heard.take(batch)
    return "".join(heard.content)
