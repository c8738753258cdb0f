"""What other people's clients ask for, in whichever words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.inference.rules import Message


@dataclass(frozen=True, slots=True)
class Wanted:
    """A generation as a client wants it, before models and limits are looked at.

    `options` are the client's own; images of `messages` are data URLs."""

    model: str
    messages: tuple[Message, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    think: bool | str | None = None
    format: object | None = None
    keep_alive: str | int | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    tool_choice: object | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    beside: str = ""  # what else takes room in the context
