"""From what clients send to what is asked."""

from agent.inference.asked import Asked
from agent.inference.rules import Message, ToolCall
from agent.inference.shapes import GenerateIn, SaidIn, Talk, Wish
from agent.shared.web import read


def batch_item(document: object) -> Asked:
    """What an item of a batch asks for, as it was stored. Raises Invalid."""
    return asked_to_talk(read(Talk, document))


def asked_to_generate(asked: GenerateIn) -> Asked:
    """What a prompt asks for."""
    system = [Message("system", asked.system)] if asked.system else []
    question = Message("user", asked.prompt, tuple(asked.images))
    return _asked(asked, (*system, question))


def asked_to_talk(asked: Talk) -> Asked:
    """What messages ask for."""
    tools = tuple(tool.model_dump() for tool in asked.tools)
    return _asked(asked, tuple(map(message_of, asked.messages)), tools)


def message_of(given: SaidIn) -> Message:
    """A message as the model gets it, but for its pictures."""
    return Message(
        given.role,
        given.content,
        tuple(given.images),
        given.thinking,
        tuple(
            ToolCall(call.function.name, call.function.arguments, call.id)
            for call in given.tool_calls
        ),
        given.tool_name,
    )


def _asked(
    wish: Wish, messages: tuple[Message, ...], tools: tuple[dict[str, object], ...] = ()
) -> Asked:
    return Asked(
        messages,
        wish.model,
        wish.options,
        wish.format,
        wish.think,
        wish.keep_alive,
        tools,
        wish.logprobs,
        wish.top_logprobs,
        wish.cache,
    )
