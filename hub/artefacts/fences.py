"""Files in what a model said: fenced blocks, and how they are named there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hub.artefacts.paths import (
    MOST_CHARACTERS,
    clashes,
    clean_path,
    key_of,
    language_of,
    name_for,
    named_language,
)

MOST_FILES = 100
LONGEST_LINE = 250  # that may name a file
# No two parts next to each other match the same, or give anything back: models write what they
# like, and a pattern that tries every way takes hours for a line of blanks.
FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})(.*)$")
# The ways in which models name files: ```python tools/x.py, ```python:x.py, title="x.py".
ATTRIBUTE = re.compile(r"""(?:title|file|filename|path|name)\s*=\s*["']?([^"'\s}]+)""", re.I)
LOOKS_LIKE_A_FILE = re.compile(r"^(?:[A-Za-z]:)?[\w@.+()/\\-]*[\w)]\.[A-Za-z][A-Za-z0-9]{0,9}$")
# The line above: **tools/x.py**, ### `x.py`, File: x.py, Save this as `x.py`:
ABOVE = re.compile(r"^\W*+(?:(?:file(?:name)?|path|datei)\W++)?([\w@.+()/\\-]++)\W*+$", re.I)
MARKED = re.compile(r"[`*]+([^`*\s]+)[`*]+")
# The first line within: # tools/x.py, // file: x.py, ; x.gcode
WITHIN = re.compile(
    r"^\s*(?:#|//|;|--|/\*|<!--)\s*(?:file(?:name)?|path)?\s*:?\s*(\S+?)\s*(?:\*/|-->)?\s*$", re.I
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file. `is_whole`: its fence was closed, so that nothing of it is missing. `refused_path`:
    what it was called, where a file must not be called so."""

    path: str
    language: str
    content: str
    is_whole: bool = True
    refused_path: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """`above` is the last line with something on it before the fence."""

    info: str
    above: str
    content: str
    is_whole: bool


def files_in(text: str, *, names_all: bool) -> list[Found]:
    """In the order in which they came; a later one of the same name is the better one.

    `names_all`: blocks without a name are files, too, and get one."""
    found: dict[str, Found] = {}
    unnamed = 0
    for block in blocks(text):
        path, refused = _path_of(block)
        if path is None and names_all and block.content.strip():
            unnamed += 1
            path = name_for(named_language(_words(block.info)[0]), unnamed)
        if path is None or _is_in_the_way(path, found):
            continue
        language = language_of(path, _words(block.info)[0])
        key = key_of(path)
        # Closed up, the later one moves to the end: dict would keep its former place.
        kept = found.pop(key, None)
        if kept is None and len(found) >= MOST_FILES:
            break
        kept_path = kept.path if kept else path
        found[key] = Found(kept_path, language, block.content, block.is_whole, refused)
    return list(found.values())


def blocks(text: str) -> Iterator[Block]:
    """Fenced blocks as CommonMark has them; the last one may have been cut off."""
    opened: tuple[str, int, str] | None = None  # the fence, its indent, what stands behind it
    above, before, lines = "", "", list[str]()
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        fence = FENCE.match(line)
        if opened is None:
            if fence and not (fence[2][0] == "`" and "`" in fence[3]):
                opened = (fence[2], len(fence[1]), fence[3].strip(" \t"))
                lines, above = [], before
            elif line.strip():
                before = line
        elif fence and _closes(fence, opened[0]):
            yield Block(opened[2], above, _joined(lines), is_whole=True)
            opened, before = None, ""
        else:
            lines.append(_without_indent(line, opened[1]))
    if opened is not None and lines:
        yield Block(opened[2], above, "\n".join(lines), is_whole=False)


def _closes(fence: re.Match[str], opening: str) -> bool:
    return fence[2][0] == opening[0] and len(fence[2]) >= len(opening) and not fence[3].strip(" \t")


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n" if lines else ""


def _without_indent(line: str, indent: int) -> str:
    spaces = len(line) - len(line.lstrip(" "))
    return line[min(indent, spaces) :]


def _path_of(block: Block) -> tuple[str | None, str | None]:
    """Where it is to go, else by which name it must not go anywhere."""
    refused = None
    for said in _names(block):
        path = clean_path(said)
        if path is not None and LOOKS_LIKE_A_FILE.match(path):
            return path, None
        if path is None and LOOKS_LIKE_A_FILE.match(said.strip()):
            refused = refused or said.strip()[:MOST_CHARACTERS]
    return None, refused


def _names(block: Block) -> Iterator[str]:
    if attribute := ATTRIBUTE.search(block.info):
        yield attribute[1]
    language, rest = _words(block.info)
    if rest:
        yield rest
    if "." in language or "/" in language:
        yield language
    yield from _names_above(block)
    first, _, _ = block.content.partition("\n")
    if len(first) <= LONGEST_LINE and (within := WITHIN.match(first)):
        yield within[1]


def _names_above(block: Block) -> Iterator[str]:
    """Of a line that tells of this block: one above a block of shell tells of what it runs."""
    if len(block.above) > LONGEST_LINE:
        return
    marked = MARKED.findall(block.above)
    alone = ABOVE.match(block.above)
    said = marked[0] if len(marked) == 1 else alone[1] if alone and not marked else ""
    language = named_language(_words(block.info)[0])
    if said and language in ("", "text", language_of(said, language)):
        yield said


def _words(info: str) -> tuple[str, str]:
    """The language, and what else is said: `python tools/x.py`, `python:x.py`, `{.python}`."""
    language, _, rest = info.strip().strip("{}").partition(" ")
    if ":" in language and not rest:
        language, _, rest = language.partition(":")
    return language.lstrip("."), rest.strip().strip("()`'\"")


def _is_in_the_way(path: str, found: dict[str, Found]) -> bool:
    return clashes(path, [one.path for one in found.values()])
