"""What is sent to a model for a question: pure decisions over estimates of tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.chat.rules import Context, Turn, fit, system_text
from agent.guide.rules import Passage
from agent.inference.rules import clamp

LEAST_ANSWER = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that bound an answer."""

    context_tokens: int
    answer_tokens: int
    keep_alive: str
    uses_guide: bool

    def within(self, context_tokens: int) -> "Limits":
        """The same with another context, of which an answer gets half at the most."""
        if context_tokens == self.context_tokens:
            return self
        answer_tokens = min(self.answer_tokens, context_tokens // 2)
        return replace(self, context_tokens=context_tokens, answer_tokens=answer_tokens)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The turns that fit, the options that hold, and what had to give way.

    `clamped` names only options that the user asked for."""

    context: Context
    options: Mapping[str, object]
    clamped: Mapping[str, Mapping[str, object]]
    passages: tuple[Passage, ...]
    num_ctx: int


def compose(
    turns: Sequence[Turn],
    passages: Sequence[Passage],
    *,
    system: str | None,
    asked: Mapping[str, object],
    limits: Limits,
    context_length: int | None,
    scale: float = 1.0,
) -> Prompt | int:
    """The prompt for the last of `turns`; a number, the context in tokens, if that alone does
    not fit. `scale` is by how much the estimates were too low the last time."""
    wanted = {"num_ctx": limits.context_tokens, "num_predict": limits.answer_tokens, **asked}
    options, _ = clamp(wanted, context_length, 0)
    num_ctx, num_predict = int(str(options["num_ctx"])), int(str(options["num_predict"]))
    # An answer gets its room, but a long question comes before a long answer.
    full = int((num_ctx - num_predict) / scale)
    tight = int((num_ctx - min(num_predict, max(LEAST_ANSWER, num_ctx // 8))) / scale)
    helped = system_text(system, [(passage.title, passage.text) for passage in passages])
    bare = system_text(system, [])
    for text, some, budget in (
        (helped, turns, full),
        (helped, turns[-1:], tight),
        (bare, turns[-1:], tight),
    ):
        if context := fit(text, some, budget):
            break
    else:
        return num_ctx
    dropped = len(turns) - len(context.turns)
    used = tuple(passages) if context.system == helped else ()
    options, clamped = clamp(wanted, context_length, int(context.tokens * scale))
    told = {name: change for name, change in clamped.items() if name in asked}
    context = Context(context.system, context.turns, dropped, context.tokens)
    return Prompt(context, options, told, used, num_ctx)
