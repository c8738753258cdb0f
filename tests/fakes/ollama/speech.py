"""What the models say: the recorded sentences, and answers in Markdown for all others."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .behaviour import Behaviour
from .catalogue import Model
from .gojson import Json


@dataclass(frozen=True, slots=True)
class Piece:
    content: str = ""
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class Speech:
    """`silent` counts tokens that are never shown (end mark, thinking marks)."""

    pieces: Iterable[Piece]
    silent: int = 1
    call: Mapping[str, Json] | Sequence[Mapping[str, Json]] | None = None
    call_in_done: bool = False
    id_prefix: str = "call_"


SHORT = (
    *("Your", " print", " is", " stringing:", " lower", " the hotend", " by 5", " degrees"),
    *(" and dry", " your spool."),
)
SHORT_TAIL = ("\n\n", "Über", " ✓", " 😀")
THOUGHT = ("The user", " asks", " about", " stringing.", " I should", " suggest")
ADVICE = (" the retraction", " to", " 5 mm.")
RAW_CALL = '<tool_call>\n{"name": "get_printer_status", "arguments": {"printer": "Ender 3"}}\n'
CALL = {"name": "get_printer_status", "arguments": {"printer": "Ender 3"}}
SEED_1 = (
    " of top temperature. set bottom retraction good raft the or this temperature filament bad"
    " bottom travel raise this is bottom or printer clean printer wet cooling width infill seam"
    " part extruder model temperature filament bad set bottom slow top width to height is slow"
    " width infill slicer again model raft print set check seam bed hotend fan bad at with part"
    " dry or for this and level plate top clean bad or plate at extruder model offset fast at"
    " that raise or for wet raise cold wet width infill with raft wall"
)
VOCABULARY = sorted(set(re.findall(r" \w+", SEED_1)))


def speech(model: Model, body: Mapping[str, Json], behave: Behaviour, *, chat: bool) -> Speech:
    """What `model` says to `body`; endless for some models."""
    think, thought = body.get("think"), tuple[str, ...]()
    said: Speech | None = None
    if behave.giant:
        said = Speech([Piece("x" * behave.giant)])
    elif behave.text is not None:
        said = Speech([Piece(text) for text in split_words(behave.text)])
    elif body.get("format"):
        said = Speech([Piece(letter) for letter in example(body["format"])])
    elif model.words is not None:
        said = Speech([Piece(word) for word in model.words])
    elif model.voice in VOICES:
        said = VOICES[model.voice](body, chat=chat)
    if behave.thinking is not None:
        thought = tuple(split_words(behave.thinking))
    elif said is None and model.thinks and think is not False:
        thought = tuple(split_words(f"The user asks: {question(body)} I answer step by step."))
    said = said or Speech([Piece(word) for word in split_words(markdown(model, body))])
    if thought:
        said = Speech(itertools.chain((Piece(thinking=one) for one in thought), said.pieces), 3)
    if behave.tool_call is not None:
        return Speech(said.pieces, said.silent, behave.tool_call, behave.call_in_done)
    return said


def split_words(text: str) -> list[str]:
    """Words with the space before them; together they are the text."""
    return re.findall(r"\s*\S+|\s+", text)


def question(body: Mapping[str, Json]) -> str:
    """The last thing that was asked."""
    for message in reversed(body.get("messages") or []):
        if message.get("role") in ("user", "tool"):
            return str(message.get("content") or "")
    return str(body.get("prompt") or "")


def markdown(model: Model, body: Mapping[str, Json]) -> str:
    asked = " ".join(question(body).split())[:200]
    pictures = sum(len(m.get("images") or []) for m in body.get("messages") or [])
    pictures += len(body.get("images") or [])
    seen = f"I looked at {pictures} picture{'s' * (pictures != 1)}.\n\n" if pictures else ""
    return (
        f"You asked: **{asked}**\n\n{seen}Three things to try, in this order:\n\n"
        "1. Dry the filament for four hours at 65 °C.\n"
        "2. Lower the nozzle temperature by 5 °C.\n"
        "3. Raise the retraction by 0.2 mm.\n\n"
        "| Setting | Now | Try |\n|---|---|---|\n"
        "| Nozzle temperature | 220 °C | 215 °C |\n| Retraction length | 0.8 mm | 1.0 mm |\n\n"
        "```gcode\nM104 S215 ; nozzle temperature\nM207 S1.0 ; retraction length\n```\n\n"
        f"Print a small test piece before the real one. ({model.short_name})"
    )


def example(wanted: Json) -> str:
    """The simplest JSON text that fits the format."""
    return "{}" if wanted == "json" else json.dumps(_example(wanted), ensure_ascii=False)


def _example(schema: Mapping[str, Json]) -> Json:
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return _example(schema[choice][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _example(one) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(schema.get("items", {"type": "string"}))] * schema.get("minItems", 1)
    smallest = schema.get("minimum", 1)
    plain = {"string": "text", "integer": smallest, "number": smallest, "boolean": True}
    return plain.get(kind)


def _tiny(body: Mapping[str, Json], *, chat: bool) -> Speech:
    seed = int((body.get("options") or {}).get("seed", -1))
    return Speech((Piece(word) for word in _endless(seed)), 0)


def _endless(seed: int) -> Iterator[str]:
    if seed == 1:
        yield from re.findall(r" \w+|\.", SEED_1)
    state = seed & 0x7FFF_FFFF
    while True:
        state = (state * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        yield VOCABULARY[(state >> 8) % len(VOCABULARY)]


def _short(body: Mapping[str, Json], *, chat: bool) -> Speech:
    return Speech([Piece(word) for word in SHORT + SHORT_TAIL])


def _shortgo(body: Mapping[str, Json], *, chat: bool) -> Speech:
    return Speech([Piece(word) for word in SHORT])


def _thinking(begin: str, end: str, first: tuple[str, ...], silent: int) -> Speech:
    thought = (begin + THOUGHT[0], *THOUGHT[1:], " retraction." + end)
    answer = (*first, "Raise", *ADVICE)
    pieces = [*(Piece(thinking=one) for one in thought), *(Piece(one) for one in answer)]
    return Speech(pieces, silent)


def _unsplit() -> Speech:
    thought = ("<think>", "\nThe user", *THOUGHT[1:], " retraction.\n", "</think>")
    return Speech([Piece(one) for one in (*thought, "\n\n", "Raise", *ADVICE)])


def _think(body: Mapping[str, Json], *, chat: bool) -> Speech:
    if not chat:
        return _unsplit()
    if body.get("think") is False:
        return Speech([Piece(one) for one in ("\n\nRaise", *ADVICE)])
    return _thinking("\n", "\n", ("\n\n",), 3)


def _thinkgo(body: Mapping[str, Json], *, chat: bool) -> Speech:
    return _unsplit() if body.get("think") is False else _thinking("", "\n", (), 4)


def _qthink(body: Mapping[str, Json], *, chat: bool) -> Speech:
    return _thinking("", "", (), 3)


def _tool(body: Mapping[str, Json], *, chat: bool) -> Speech:
    if body.get("tools"):
        return Speech([], 11, CALL, call_in_done=True, id_prefix="")
    return Speech([Piece(RAW_CALL + "</tool_call>")], 10)


def _toolgo(body: Mapping[str, Json], *, chat: bool) -> Speech:
    return Speech([], 11, CALL) if body.get("tools") else _tool(body, chat=chat)


def _qtool(body: Mapping[str, Json], *, chat: bool) -> Speech:
    return Speech([], 11, CALL) if body.get("tools") else Speech([], 11)


VOICES = {
    "tiny": _tiny,
    "short": _short,
    "shortgo": _shortgo,
    "think": _think,
    "thinkgo": _thinkgo,
    "qthink": _qthink,
    "tool": _tool,
    "toolgo": _toolgo,
    "qtool": _qtool,
}
