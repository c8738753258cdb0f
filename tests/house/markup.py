"""What of the pages' sources may be read by a person: a scanner of Svelte and TypeScript that knows
strings, comments and tags, and no more."""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT

WEB = ROOT / "ui/web/src"
REGEX_MAY_BEGIN = re.compile(r"(?:^|[(,=:\[!&|?{};]|\breturn|=>)\s*$")
BLOCKS = re.compile(r"<(script|style)\b[^>]*>(.*?)</\1>", re.DOTALL)
ATTRIBUTE = re.compile(r"[^\s=/>{}\"']+")
# Elements whose text is to be typed or read as it is in every language.
AS_IT_IS = {"code", "kbd", "pre"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Text in a place: `text`, `string`, or the name of the attribute that it is the value of."""

    place: str
    text: str


def strings(source: str) -> list[str]:
    """The string literals of a script; what varies in a template is `${}`."""
    found: list[str] = []
    at = 0
    while at < len(source):
        at = _step(source, at, found)
    return found


def pieces(file: Path) -> list[Piece]:
    """Everything in a file that might be words."""
    source = file.read_text("utf-8")
    if file.suffix != ".svelte":
        return [Piece("string", one) for one in strings(source)]
    scripts = "\n".join(body for kind, body in BLOCKS.findall(source) if kind == "script")
    markup = re.sub(r"<!--.*?-->", "", BLOCKS.sub("", source), flags=re.DOTALL)
    return [*(Piece("string", one) for one in strings(scripts)), *_markup(markup)]


def _step(source: str, at: int, found: list[str]) -> int:
    """One character, comment, string or pattern further."""
    char, two = source[at], source[at : at + 2]
    if two == "//":
        return _after(source, "\n", at)
    if two == "/*":
        return _after(source, "*/", at + 2)
    if char in "\"'":
        end = _string_end(source, at)
        found.append(source[at + 1 : end - 1])
        return end
    if char == "`":
        return _template(source, at, found)
    if char == "/" and REGEX_MAY_BEGIN.search(source[max(0, at - 20) : at]):
        return _pattern_end(source, at)
    return at + 1


def _after(source: str, mark: str, at: int) -> int:
    found = source.find(mark, at)
    return len(source) if found < 0 else found + len(mark)


def _string_end(source: str, at: int) -> int:
    quote, at = source[at], at + 1
    while at < len(source) and source[at] != quote:
        at += 2 if source[at] == "\\" else 1
    return at + 1


def _pattern_end(source: str, at: int) -> int:
    in_class, at = False, at + 1
    while at < len(source) and source[at] != "\n" and (in_class or source[at] != "/"):
        in_class = source[at] == "[" or (in_class and source[at] != "]")
        at += 2 if source[at] == "\\" else 1
    return at + 1


def _template(source: str, at: int, found: list[str]) -> int:
    text, at = "", at + 1
    while at < len(source) and source[at] != "`":
        if source[at : at + 2] == "${":
            at = _braces_end(source, at + 1, found)
            text += "${}"
        else:
            text += source[at]
            at += 2 if source[at] == "\\" else 1
    found.append(text)
    return at + 1


def _braces_end(source: str, at: int, found: list[str]) -> int:
    """Behind the brace that closes the one at `at`; the strings between are found."""
    depth = 0
    while at < len(source):
        depth += {"{": 1, "}": -1}.get(source[at], 0)
        at = _step(source, at, found)
        if depth == 0:
            return at
    return at


def _markup(source: str) -> Iterator[Piece]:
    at, text, quiet = 0, "", ""
    while at < len(source):
        if source.startswith("{/", at):
            at = _after(source, "}", at)
        elif source[at] == "{":
            found: list[str] = []
            at = _braces_end(source, at, found)
            yield from (Piece("string", one) for one in found)
        elif source[at] == "<" and re.match(r"</?[A-Za-z]", source[at:]):
            if not quiet:
                yield Piece("text", text)
            text = ""
            name = re.match(r"</?([\w:.-]+)", source[at:])
            tag = name[1] if name else ""
            quiet = tag if tag in AS_IT_IS and source[at + 1] != "/" else ""
            at = yield from _tag(source, at + len(tag) + (2 if source[at + 1] == "/" else 1), tag)
        else:
            text += source[at]
            at += 1
    yield Piece("text", text)


def _tag(source: str, at: int, tag: str) -> Generator[Piece, None, int]:
    """The attributes up to the end of a tag; returns where that is."""
    name = ""
    while at < len(source) and source[at] != ">":
        if source[at] in "\"'":
            end = _value_end(source, at)
            inner: list[str] = []
            value = _without_expressions(source[at + 1 : end - 1], inner)
            yield from (Piece("string", one) for one in inner)
            yield Piece(f"<{tag} {name}>", value)
            at = end
        elif source[at] == "{":
            found: list[str] = []
            at = _braces_end(source, at, found)
            yield from (Piece("string", one) for one in found)
        elif word := ATTRIBUTE.match(source, at):
            name, at = word[0], word.end()
        else:
            at += 1
    return at + 1


def _value_end(source: str, at: int) -> int:
    quote, at = source[at], at + 1
    while at < len(source) and source[at] != quote:
        at = _braces_end(source, at, []) if source[at] == "{" else at + 1
    return at + 1


def _without_expressions(value: str, found: list[str]) -> str:
    text, at = "", 0
    while at < len(value):
        if value[at] == "{":
            at = _braces_end(value, at, found)
        else:
            text += value[at]
            at += 1
    return text
