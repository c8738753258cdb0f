"""Pieces of evidence and lines of advice: what they are, and which pieces fit a prompt."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from agent.inference.rules import estimate_tokens
from agent.slicer.rules import PresetType

PieceKind = Literal[
    "file", "settings", "findings", "analysis", "changed", "preset", "live", "guide", "photo"
]
Verdict = Literal["accepted", "clamped", "refused"]
Origin = Literal["findings", "model", "given", "chat"]
Result = Literal["better", "same", "worse", "failed"]
Value = str | tuple[str, ...]

FRAME_TOKENS = 16  # the marks around a piece, and its title
LEAST_TOKENS = 80  # less of a piece says nothing
LEFT_OUT = "… {count} more lines are left out here."
# What is given up last comes first.
IMPORTANCE: tuple[PieceKind, ...] = (
    "findings",
    "file",
    "changed",
    "live",
    "preset",
    "settings",
    "analysis",
    "guide",
    "photo",
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that a question can be sent with. `ref` says where it is from."""

    id: str
    kind: PieceKind
    title: str
    text: str
    ref: str = ""
    is_cut: bool = False

    @property
    def tokens(self) -> int:
        return estimate_tokens(self.text) + FRAME_TOKENS

    def to_json(self) -> dict[str, object]:
        """As clients see it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "text": self.text,
            "ref": self.ref,
            "tokens": self.tokens,
            "cut": self.is_cut,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which evidence a question goes with. `without` names pieces that are switched off."""

    file_id: str | None = None
    preset: str | None = None
    without: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.file_id is None and self.preset is None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change as somebody wrote it down, a model perhaps: nothing of it has been checked."""

    key: str
    new: object
    preset_type: str | None = None
    old: object = None
    reason: str = ""
    filament: int | None = None  # of several in a file the one that is meant, from 0
    is_ours: bool = False  # from a check, which knows what the machine is


@dataclass(frozen=True, slots=True)
class Line:
    """A change that was checked. `why` says what was done to it: empty where nothing was."""

    number: int
    preset_type: PresetType | None
    key: str
    label: str
    old: Value | None
    new: Value | None
    asked: str
    verdict: Verdict
    why: str = ""
    reason: str = ""
    unit: str = ""
    is_picked: bool = False

    def to_json(self) -> dict[str, object]:
        """As clients see it, and as it is kept."""
        return {
            "number": self.number,
            "preset_type": self.preset_type,
            "key": self.key,
            "label": self.label,
            "unit": self.unit,
            "old": _plain(self.old),
            "new": _plain(self.new),
            "asked": self.asked,
            "verdict": self.verdict,
            "why": self.why,
            "reason": self.reason,
            "picked": self.is_picked,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """The preset that a type's lines become: its name, the system preset that it is made from,
    and what the user's own preset has changed in that already."""

    name: str
    inherits: str
    made_from: str
    base: Mapping[str, Value] = field(default_factory=dict)
    version: str | None = None


def chosen(pieces: Sequence[Piece], tokens: int) -> tuple[Piece, ...]:
    """The pieces that fit, in their order; of one that is too long, the lines that fit."""
    ranked = sorted(enumerate(pieces), key=lambda one: (IMPORTANCE.index(one[1].kind), one[0]))
    taken: dict[int, Piece] = {}
    for place, piece in ranked:
        kept = piece if piece.tokens <= tokens else shortened(piece, tokens)
        if kept is not None:
            taken[place] = kept
            tokens -= kept.tokens
    return tuple(taken[place] for place in sorted(taken))


def shortened(piece: Piece, tokens: int) -> Piece | None:
    """The first lines of a piece, in `tokens` tokens; None where that is too little."""
    if tokens < LEAST_TOKENS:
        return None
    lines = piece.text.split("\n")
    left = tokens - FRAME_TOKENS - estimate_tokens(LEFT_OUT) - 1
    kept = 0
    for line in lines:
        left -= estimate_tokens(line + "\n")
        if left < 0:
            break
        kept += 1
    if not kept:
        return None
    text = "\n".join([*lines[:kept], LEFT_OUT.format(count=len(lines) - kept)])
    return replace(piece, text=text, is_cut=True)


def switched_on(pieces: Sequence[Piece], without: Collection[str]) -> list[Piece]:
    """Without those that are switched off, by their id or by their kind."""
    off = set(without)
    return [one for one in pieces if not off & {one.id, one.kind}]


def picked(lines: Sequence[Line], numbers: Collection[int]) -> list[Line]:
    """The lines with these picked and no others; one that was refused cannot be."""
    return [
        replace(one, is_picked=one.number in numbers and one.verdict != "refused") for one in lines
    ]


def _plain(value: Value | None) -> str | list[str] | None:
    return list(value) if isinstance(value, tuple) else value
