"""What holds for conversations on the hub, and what a model is told beside them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from agent.inference.fitting import LARGEST_CONTEXT
from agent.inference.turns import Turn, fit

KEEP_DELETED = timedelta(days=7)
PURPOSE = "conversation"
ACTIVE_BRANCH = "the active branch"  # stands for an absent parent_id, which is not null
HISTORY_TURNS = 400
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ASSISTANT = (
    "You are Orca Agents, an assistant for a team that prints with OrcaSlicer. "
    "Answer in the language of the question, briefly and practically, with OrcaSlicer's own names "
    "of settings, numbers and units. Say when you are not sure. Never invent settings. "
    "Put each file that you write into a fenced block whose first line names language and path, "
    "such as ```python tools/flow.py."
)
SubjectKind = Literal["person", "group"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A new question. `parent_id` is ACTIVE_BRANCH, None (a new root) or a message."""

    content: str
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: checked where it is sent
    parent_id: str | None = ACTIVE_BRANCH
    id: str | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a model is sent for a question."""

    turns: tuple[Turn, ...]
    trimmed: int


def is_id(text: str) -> bool:
    """Whether it can be the id of anything; else there is no need to ask the database."""
    return ID.fullmatch(text) is not None


def told(
    above: Sequence[Mapping[str, Any]],
    question: Turn,
    *,
    system: str,
    budget_tokens: int,
    sees: bool,
) -> Told | None:
    """The turns that fit; of a question that is longer than that nothing but the question. None:
    it is longer than any context. `sees`: the pictures of earlier questions go along."""
    turns = [
        Turn(row["role"], row["content"], tuple(row["images"]) if sees else ())
        for row in above
        if row["content"] or row["images"]
    ]
    context = fit(system, [*turns, question], budget_tokens)
    if context is None and (context := fit(system, [question], LARGEST_CONTEXT)) is None:
        return None
    return Told(context.turns, len(turns) + 1 - len(context.turns))


def clean(text: str) -> str:
    """Without the sign that PostgreSQL keeps in no text."""
    return text.replace("\0", "\ufffd")


def hits_by_conversation(
    hits: Iterable[tuple[str, str | None, str | None]], most: int
) -> dict[str, list[tuple[str | None, str | None]]]:
    """(message, snippet) of each conversation in the order in which they were found."""
    found: dict[str, list[tuple[str | None, str | None]]] = {}
    for conversation_id, message_id, snippet in hits:
        some = found.setdefault(conversation_id, [])
        if len(some) < most:
            some.append((message_id, snippet))
    return found
