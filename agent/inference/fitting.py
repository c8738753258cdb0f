"""How large a context and how long an answer a request gets: what is asked for, and what fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.inference.rules import IMAGE_TOKENS, Message, clamp, estimate_tokens

MESSAGE_TOKENS = 8  # what a template puts around a message
LEAST_ANSWER = 256
LARGEST_CONTEXT = 1 << 20

Clamped = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Defaults:
    """The settings that hold where a request says nothing."""

    context_tokens: int
    answer_tokens: int
    keep_alive: str
    uses_cache: bool = False


def prompt_tokens(messages: Sequence[Message], beside: str = "") -> int:
    """An upper estimate for messages, and for text `beside` them such as tools."""
    return estimate_tokens(beside) + sum(
        estimate_tokens(message.content)
        + estimate_tokens(message.thinking)
        + IMAGE_TOKENS * len(message.images)
        + MESSAGE_TOKENS
        for message in messages
    )


def fitted(
    asked: Mapping[str, object], defaults: Defaults, *, context_length: int | None, prompt: int
) -> tuple[dict[str, object], Clamped]:
    """`asked` with a context and a length of the answer that can hold, and what of it had to be
    changed.

    A context that is named stays, up to what the model has. Else it is the setting's, so that the
    model stays in memory as it is, and twice that again and again where prompt and answer need
    it."""
    options = {"num_predict": defaults.answer_tokens, **asked}
    answer, num_ctx = options["num_predict"], options.get("num_ctx")
    least = answer if isinstance(answer, int) and answer >= 0 else defaults.answer_tokens
    if not isinstance(num_ctx, int):
        num_ctx = defaults.context_tokens
        while num_ctx < prompt + least and num_ctx < LARGEST_CONTEXT:
            num_ctx *= 2
    most = min(num_ctx, context_length or num_ctx)
    # The estimate errs upwards: what it says must not leave an answer of one word. The server
    # counts for real, and ends at its context.
    room = min(least, max(LEAST_ANSWER, most // 8))
    wanted = {**options, "num_ctx": num_ctx}
    used, clamped = clamp(wanted, context_length, min(prompt, max(0, most - room)))
    return used, {name: change for name, change in clamped.items() if name in asked}
