"""OpenAI's answers with what the hub adds to them."""

from pydantic.json_schema import SkipJsonSchema

from agent.inference.openai_api import shapes
from agent.shared.web import Out, left_out


class NamedOut(Out):
    model: str
    provider: str


class FallbackOut(Out):
    """Why another model answers. Of what is not open to you the provider is empty."""

    model: str
    provider: str
    instead_of: NamedOut
    code: str
    reason: str


class ChatCompletionOut(shapes.ChatCompletionOut):
    """`fallbacks`: absent where the first one answered."""

    fallbacks: list[FallbackOut] | SkipJsonSchema[None] = left_out()


class CompletionOut(shapes.CompletionOut):
    """As a chat has it."""

    fallbacks: list[FallbackOut] | SkipJsonSchema[None] = left_out()


class EmbeddingsOut(shapes.EmbeddingsOut):
    """As a chat has it."""

    fallbacks: list[FallbackOut] | SkipJsonSchema[None] = left_out()
