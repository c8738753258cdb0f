"""The recordings, and what two exchanges must have in common to be the same."""

import json
import re
from pathlib import Path

from .raw_http import Wire

FOLDER = Path(__file__).parent / "recordings"
MOMENT = r"-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"
DATE = r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"

# What differs from one run of the real server to the next. All else is compared byte for byte.
VOLATILE = (
    (rf'"(created_at|expires_at)":"20\d\d{MOMENT}"', r'"\1":TIME'),
    (rf'"expires_at":"23\d\d{MOMENT}"', '"expires_at":FAR_FUTURE'),
    (r'"(total|load|prompt_eval|eval)_duration":[1-9]\d*', r'"\1_duration":NANOSECONDS'),
    (r'"(prompt_eval_count|prompt_tokens|total_tokens)":[1-9]\d*', r'"\1":TOKENS'),
    (r'"created":\d{10}\b', '"created":SECONDS'),
    (r'"id":"(chatcmpl|cmpl)-\d+"', r'"id":"\1-NUMBER"'),
    (r'"id":"call_[a-z0-9]{8}"', '"id":CALL'),
    (r'"id":"[A-Za-z0-9]{32}"', '"id":LONG_ID'),
    (r'"context":\[[\d,]+\]', '"context":INTEGERS'),
    (r'"logprob":-\d+\.\d+', '"logprob":NUMBER'),
)
WORDS = (r'"(content|response|text)":"(?: \w+|\.)+"', r'"\1":WORDS')


def names() -> list[str]:
    """Every recording, in the order of their numbers."""
    return sorted(file.name.removesuffix(".meta.json") for file in FOLDER.glob("*.meta.json"))


def request_of(name: str) -> bytes:
    return (FOLDER / f"{name}.request.bin").read_bytes()


def answer_of(name: str) -> Wire:
    data = (FOLDER / f"{name}.response.bin").read_bytes()
    return Wire(data, [data], "complete")


def says_any_words(name: str) -> bool:
    """Whether the recorded text hangs on chance: `tiny` and its kin, unless seeded with 1."""
    body = request_of(name).partition(b"\r\n\r\n")[2]
    try:
        asked = json.loads(body)
    except ValueError:
        return False
    if not isinstance(asked, dict) or not str(asked.get("model")).startswith("tiny"):
        return False
    return bool(asked.get("raw")) or (asked.get("options") or {}).get("seed") != 1


def compared(wire: Wire, *, any_words: bool = False) -> list[str]:
    """The status line and headers in their order, then each chunk, without what is volatile."""
    head = [_settled_header(line, wire) for line in wire.head]
    return head + [settled(chunk, any_words=any_words) for chunk in wire.chunks]


def _settled_header(line: str, wire: Wire) -> str:
    name, _, value = line.partition(": ")
    if name == "Date":
        assert re.fullmatch(DATE, value)
        return "Date: NOW"
    if name == "Content-Length" and wire.payload:
        assert int(value) == len(wire.payload)
        return "Content-Length: RIGHT"
    return line


def settled(chunk: bytes, *, any_words: bool = False) -> str:
    """A chunk's text with names in place of what is volatile."""
    text = chunk.decode()
    for pattern, name in (*VOLATILE, *((WORDS,) if any_words else ())):
        text = re.sub(pattern, name, text)
    return text
