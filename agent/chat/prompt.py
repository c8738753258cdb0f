"""What is sent to a model for a question: pure decisions over estimates of tokens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.chat.rules import system_text
from agent.guide.rules import Passage
from agent.inference.rules import clamp, endless
from agent.inference.turns import Context, Turn, fit
from agent.slicer.advice.rules import Piece, chosen
from agent.slicer.advice.texts import WITH_TOOLS, evidence_text

LEAST_ANSWER = 256
SHARE_OF_EVIDENCE = 0.6  # of what is not the answer's
TOOLS_ANSWER = 1600  # tokens that what tools say may take, all together


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
class Material:
    """What a question is sent with beside its words. `tool_tokens` is what the description of
    the tools takes; None: there are none. `can_call`: the model knows tools."""

    passages: tuple[Passage, ...] = ()
    pieces: tuple[Piece, ...] = ()
    tool_tokens: int | None = None
    can_call: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """The turns that fit, the options that hold, and what had to give way.

    `clamped` names only options that the user asked for. `calls_tools`: the model is to be given
    them; where their description leaves no room for anything else it is asked in a form."""

    context: Context
    options: Mapping[str, object]
    clamped: Mapping[str, Mapping[str, object]]
    passages: tuple[Passage, ...]
    num_ctx: int
    pieces: tuple[Piece, ...] = ()
    calls_tools: bool = False


def compose(
    turns: Sequence[Turn],
    material: Material,
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
    calls_tools = material.can_call and (material.tool_tokens or num_ctx) * 4 <= num_ctx
    kept_free = _for_tools(material, num_ctx, calls_tools=calls_tools)
    hint = WITH_TOOLS if calls_tools else ""
    # An answer gets its room, but a long question comes before a long answer, and what was said
    # before comes before a length that nobody asked for.
    is_asked_for = "num_predict" in asked and not endless(asked["num_predict"])
    roomy, tight = (
        int((num_ctx - min(num_predict, max(LEAST_ANSWER, share))) / scale)
        for share in (num_predict if is_asked_for else num_ctx // 4, num_ctx // 8)
    )
    full = int((num_ctx - num_predict) / scale) - kept_free
    most = chosen(material.pieces, int(full * SHARE_OF_EVIDENCE))
    tries = _tries(turns, material.passages, most, roomy - kept_free, tight - kept_free, tight)
    for passages, pieces, some, budget in tries:
        told = system_text(system, _named(passages), evidence_text(pieces), hint)
        if context := fit(told, some, budget):
            break
    else:
        return num_ctx
    dropped = len(turns) - len(context.turns)
    options, clamped = clamp(wanted, context_length, int(context.tokens * scale))
    changed = {name: change for name, change in clamped.items() if name in asked}
    context = Context(context.system, context.turns, dropped, context.tokens)
    return Prompt(context, options, changed, tuple(passages), num_ctx, tuple(pieces), calls_tools)


Try = tuple[Sequence[Passage], Sequence[Piece], Sequence[Turn], int]


def _tries(
    turns: Sequence[Turn],
    passages: Sequence[Passage],
    pieces: Sequence[Piece],
    roomy: int,
    tight: int,
    tightest: int,
) -> Iterator[Try]:
    """What is given up, in order: the conversation, the guide, most of the evidence, all of it."""
    yield passages, pieces, turns, roomy
    yield passages, pieces, turns[-1:], tight
    if pieces:
        yield (), pieces, turns[-1:], tight
        yield (), chosen(pieces, tight // 4), turns[-1:], tight
    yield (), (), turns[-1:], tightest


def _for_tools(material: Material, num_ctx: int, *, calls_tools: bool) -> int:
    """The room for what tools answer, and for themselves."""
    if material.tool_tokens is None:
        return 0
    return (material.tool_tokens if calls_tools else 0) + min(TOOLS_ANSWER, num_ctx // 5)


def _named(passages: Sequence[Passage]) -> list[tuple[str, str]]:
    return [(passage.title, passage.text) for passage in passages]
