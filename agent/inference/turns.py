"""Conversations as models see them: titles, the tree of messages, and what of it fits a context."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.inference.rules import IMAGE_TOKENS, estimate_tokens

TITLE_LENGTH = 60
TITLE_FROM = 600  # characters of a question that its title is made of
MARKS_BEFORE = re.compile(r"^[ \t]*(?:(?:#{1,6}|>)[ \t]+)+", re.MULTILINE)
FENCE = re.compile(r"^[ \t]*```[^\n`]*$", re.MULTILINE)
MARKS_AROUND = re.compile(
    r"(?<![\w*`])(\*{1,3}|_{1,3}|`{1,3})(?=[^\s*_`])([^\n]*?[^\s*_`])\1(?![\w*`])"
)
TURN_TOKENS = 8  # the template's marks around one message
LATEST_IMAGES = 4  # older pictures are described by the answers that they got


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
    """A line for the list of conversations, from the first question: its words as they were typed,
    without what only formats them."""
    plain = MARKS_BEFORE.sub("", FENCE.sub("", text.lstrip()[:TITLE_FROM]))
    line = " ".join(MARKS_AROUND.sub(r"\2", plain).split())
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
