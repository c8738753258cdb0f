"""How an entry of the guide is written: front matter, Markdown, and passages of it."""

import re
from dataclasses import dataclass

TOPICS = ("defects", "materials", "calibration", "settings", "safety")
REF_PREFIX = "guide/"
PASSAGE_WORDS = 280

_FIELDS = {"title": str, "topic": str, "tags": list, "keys": list, "see": list}
_REQUIRED = ("title", "topic", "tags")
_LINE = re.compile(r"([a-z]+): +(\S.*)")


class EntryError(ValueError):
    """An entry is not written as it should be; the text names the entry and the line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the guide. `text` is Markdown without the title; `see` holds refs."""

    ref: str
    title: str
    topic: str
    text: str
    tags: tuple[str, ...]
    keys: tuple[str, ...]
    see: tuple[str, ...]


def parse_entry(slug: str, source: str) -> Entry:
    """The entry in `source`. Raises EntryError."""
    lines = source.replace("\r\n", "\n").split("\n")
    if lines[0] != "---":
        raise EntryError(f"{slug}: line 1 must be '---', the start of the front matter")
    try:
        end = lines.index("---", 1)
    except ValueError:
        raise EntryError(f"{slug}: the front matter has no closing '---'") from None

    head = _front_matter(slug, lines[1:end])
    text = "\n".join(lines[end + 1 :]).strip()
    if not text:
        raise EntryError(f"{slug}: there is no text behind the front matter")
    topic = str(head["topic"])
    if topic not in TOPICS:
        raise EntryError(f"{slug}: topic '{topic}' is not one of {', '.join(TOPICS)}")
    return Entry(
        ref=REF_PREFIX + slug,
        title=str(head["title"]),
        topic=topic,
        text=text,
        tags=tuple(head["tags"]),
        keys=tuple(head.get("keys", ())),
        see=tuple(REF_PREFIX + name for name in head.get("see", ())),
    )


def _front_matter(slug: str, lines: list[str]) -> dict[str, str | list[str]]:
    head: dict[str, str | list[str]] = {}
    for number, line in enumerate(lines, start=2):
        where = f"{slug}: line {number}"
        match = _LINE.fullmatch(line)
        if match is None:
            raise EntryError(f"{where}: expected 'name: value', found '{line}'")
        name, value = match[1], match[2].rstrip()
        if name not in _FIELDS:
            raise EntryError(f"{where}: '{name}' is not one of {', '.join(_FIELDS)}")
        if name in head:
            raise EntryError(f"{where}: '{name}' stands here twice")
        head[name] = _items(where, name, value) if _FIELDS[name] is list else value

    missing = [name for name in _REQUIRED if name not in head]
    if missing:
        raise EntryError(f"{slug}: the front matter lacks {', '.join(missing)}")
    return head


def _items(where: str, name: str, value: str) -> list[str]:
    if not (value.startswith("[") and value.endswith("]")):
        raise EntryError(f"{where}: '{name}' is a list: [one, two]")
    items = [item.strip() for item in value[1:-1].split(",")]
    if not all(items):
        raise EntryError(f"{where}: '{name}' has an empty item")
    if len(set(items)) < len(items):
        raise EntryError(f"{where}: '{name}' names an item twice")
    return items


def passages_of(text: str, *, words: int = PASSAGE_WORDS) -> list[str]:
    """`text` in pieces of about `words` words, cut only between paragraphs or list items."""
    total = len(text.split())
    if total <= words:
        return [text]

    # Even pieces: a short rest would win searches merely by being short.
    target = total / -(-total // words)
    pieces: list[str] = []
    part: list[str] = []
    for block in _blocks(text):
        part.append(block)
        if len("".join(part).split()) >= target:
            pieces.append("".join(part).strip())
            part = []
    if rest := "".join(part).strip():
        pieces.append(rest)
    return pieces


def _blocks(text: str) -> list[str]:
    """Paragraphs and top-level list items, each with the line ends that follow it."""
    return re.findall(r".+?(?:\n\n+|\n(?=- |\d+\. )|\Z)", text, flags=re.DOTALL)
