"""OpenAI's answers with what the hub adds to them."""

from pydantic.json_schema import SkipJsonSchema

from agent.inference.openai_api import shapes
from agent.inference.shapes import Fallback
from agent.shared.web import left_out


class ChatCompletionOut(shapes.ChatCompletionOut):
    """`fallbacks`: absent where the first one answered."""

    fallbacks: list[Fallback] | SkipJsonSchema[None] = left_out()


class CompletionOut(shapes.CompletionOut):
    """As a chat has it."""

    fallbacks: list[Fallback] | SkipJsonSchema[None] = left_out()


class EmbeddingsOut(shapes.EmbeddingsOut):
    """As a chat has it."""

    fallbacks: list[Fallback] | SkipJsonSchema[None] = left_out()
