"""Titles, the tree of messages, and what of it fits a model's context."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.inference.rules import IMAGE_TOKENS, estimate_tokens

TITLE_LENGTH = 60
TURN_TOKENS = 8  # the template's marks around one message
LATEST_IMAGES = 4  # older pictures are described by the answers that they got

ASSISTANT = (
    "You are Orca Agents, an assistant for people who print with OrcaSlicer. "
    "Answer in the language of the question, briefly and practically: the likely cause first, "
    "then what to try, in order, with OrcaSlicer's own names of settings, numbers and units. "
    "Say when you are not sure. Never invent settings. "
    "The limits on the filament's and the printer's label win over general advice."
)
PASSAGES = (
    "Passages of the print guide that may help. Use them where they fit the question, "
    "leave them aside where they do not:"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as the model will see it; `images` are hashes."""

    role: str
    content: str
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What is sent: the system text, the turns that fit, and how many were left out."""

    system: str
    turns: tuple[Turn, ...]
    dropped: int
    tokens: int


def title_of(text: str) -> str:
    """A line for the list of conversations, from the first question."""
    line = " ".join(re.sub(r"[`*_#>\[\]]+", " ", text).split())
    if len(line) <= TITLE_LENGTH:
        return line
    cut = line[: TITLE_LENGTH - 1]
    shorter = cut.rsplit(" ", 1)[0]
    return (shorter if len(shorter) > TITLE_LENGTH // 2 else cut).rstrip(" ,;:-") + "…"


def branch(parents: Mapping[str, str | None], leaf: str | None) -> list[str]:
    """The ids from the root to `leaf`."""
    path: list[str] = []
    while leaf is not None and leaf in parents and leaf not in path:
        path.append(leaf)
        leaf = parents[leaf]
    return path[::-1]


def turn_tokens(turn: Turn) -> int:
    """An estimate that errs upwards."""
    return estimate_tokens(turn.content) + IMAGE_TOKENS * len(turn.images) + TURN_TOKENS


def fit(system: str, turns: Sequence[Turn], budget_tokens: int) -> Context | None:
    """The newest turns that fit beside the system text, oldest dropped whole.

    The rest begins with a question, never with an answer to nothing. Pictures of older turns
    stay behind. None: the last turn alone is too long."""
    turns = without_old_images(turns)
    used = estimate_tokens(system) + TURN_TOKENS
    kept = 0
    for turn in reversed(turns):
        cost = turn_tokens(turn)
        if used + cost > budget_tokens:
            break
        used += cost
        kept += 1
    if not kept:
        return None
    while kept > 1 and turns[-kept].role != "user":
        used -= turn_tokens(turns[-kept])
        kept -= 1
    return Context(system, tuple(turns[len(turns) - kept :]), len(turns) - kept, used)


def without_old_images(turns: Sequence[Turn]) -> list[Turn]:
    """Leaves the latest pictures: all of them again with each turn would fill any context."""
    left = LATEST_IMAGES
    out: list[Turn] = []
    for turn in reversed(turns):
        keep = turn.images[:left]
        left -= len(keep)
        out.append(turn if keep == turn.images else Turn(turn.role, turn.content, keep))
    return out[::-1]


def system_text(own: str | None, passages: Sequence[tuple[str, str]], *around: str) -> str:
    """The conversation's own instructions or ours, what is known of what the question is
    `around`, and the passages (title, text) that help."""
    parts = [own or ASSISTANT, *filter(None, around)]
    if passages:
        parts.append(PASSAGES)
        parts += [f"## {title}\n{text}" for title, text in passages]
    return "\n\n".join(parts)


def fts_query(text: str) -> str | None:
    """A full-text query for what someone typed: every word, the last one as a prefix.

    None if there is no word in it. Words are quoted, so that no typed sign is an operator; what
    is a word is left to the index, which knows the marks of every alphabet."""
    words = [word for word in text.replace("\0", " ").split() if any(map(str.isalnum, word))][:16]
    if not words:
        return None
    quoted = ['"{}"'.format(word.replace('"', '""')) for word in words]
    return " ".join(quoted) + "*"
