"""Conversations that are kept on the hub."""

from dataclasses import dataclass

from hub.ai.opening import Ai
from hub.core import Area, Core


@dataclass(frozen=True, slots=True)
class Chat:
    area: Area


async def open_chat(core: Core, ai: Ai) -> Chat:
    """Nothing yet."""
    return Chat(Area())
