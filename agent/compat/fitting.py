"""How large a context and how long an answer somebody else's client gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.inference.rules import IMAGE_TOKENS, Message, clamp, estimate_tokens

MESSAGE_TOKENS = 8  # what a template puts around a message
LEAST_ANSWER = 256
LARGEST_CONTEXT = 1 << 20


@dataclass(frozen=True, slots=True)
class Defaults:
    """The settings for what a client does not say."""

    context_tokens: int
    answer_tokens: int
    keep_alive: str


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
    asked: Mapping[str, object],
    defaults: Defaults,
    *,
    context_length: int | None,
    prompt: int,
) -> dict[str, object]:
    """`asked` with a context and a length of the answer that can hold.

    A context that the client names stays, up to what the model has. Else it is the setting's,
    so that the model stays in memory as it is, and twice that again and again where the prompt
    and the answer need it. An answer without a length of its own gets all that is left.
    """
    num_ctx, num_predict = asked.get("num_ctx"), asked.get("num_predict", -1)
    answer = defaults.answer_tokens
    if isinstance(num_predict, int) and num_predict >= 0:
        answer = num_predict
    if not isinstance(num_ctx, int):
        num_ctx = defaults.context_tokens
        while num_ctx < prompt + answer and num_ctx < LARGEST_CONTEXT:
            num_ctx *= 2
    most = min(num_ctx, context_length or num_ctx)
    # The estimate errs upwards: where it fills the context, the server counts for real.
    room = min(answer, max(LEAST_ANSWER, most // 8))
    wanted = {**asked, "num_ctx": num_ctx, "num_predict": num_predict}
    used, _ = clamp(wanted, context_length, min(prompt, max(0, most - room)))
    return used
