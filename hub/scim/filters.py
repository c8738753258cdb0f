"""Filters of SCIM (RFC 7644, 3.4.2.2): read, and asked of a resource in memory."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LONGEST, DEEPEST = 2000, 10
OPERATORS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
WORD = re.compile(
    r"""\s*(?:(?P<mark>[()\[\]])|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[^\s()\[\]"]+))"""
)
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
Value = str | bool | int | float | None


class BadFilter(Exception):
    """Says in one sentence what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`path` in lower case. The operator `pr` has no value."""

    path: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Both:
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Either:
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Not:
    inner: "Filter"


@dataclass(frozen=True, slots=True)
class Within:
    """One value of a list that fits as a whole: emails[type eq "work" and value co "@x"]."""

    path: str
    inner: "Filter"


Filter = Compare | Both | Either | Not | Within


def parse(text: str) -> Filter:
    """Raises BadFilter."""
    if len(text) > LONGEST:
        raise BadFilter(f"A filter has at most {LONGEST} characters.")
    reader = _Reader(_words(text))
    found = reader.either(0)
    if reader.peek() is not None:
        raise BadFilter("The filter goes on after its end.")
    return found


def _words(text: str) -> list[str]:
    words, at = [], 0
    while text[at:].strip():
        found = WORD.match(text, at)
        if found is None:
            raise BadFilter("The filter has a quotation mark without another one.")
        words.append(found.group().strip())
        at = found.end()
    return words


class _Reader:
    """From words to a tree; `or` binds less than `and`."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words, self._at = words, 0

    def peek(self) -> str | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def either(self, depth: int) -> Filter:
        left = self._both(depth)
        while self._takes("or"):
            left = Either(left, self._both(depth))
        return left

    def _both(self, depth: int) -> Filter:
        left = self._term(depth)
        while self._takes("and"):
            left = Both(left, self._term(depth))
        return left

    def _term(self, depth: int) -> Filter:
        if depth > DEEPEST:
            raise BadFilter("The filter is nested too deeply.")
        if self._takes("not"):
            return Not(self._term(depth + 1))
        if self._takes("("):
            inner = self.either(depth + 1)
            self._wants(")")
            return inner
        path = attribute(self._next())
        if self._takes("["):
            inner = self.either(depth + 1)
            self._wants("]")
            return Within(path, inner)
        operator = self._next().lower()
        if operator == "pr":
            return Compare(path, operator, None)
        if operator not in OPERATORS:
            raise BadFilter("The filter has an operator that nobody knows.")
        return Compare(path, operator, _value(self._next()))

    def _takes(self, word: str) -> bool:
        now = self.peek()
        if now is not None and now.lower() == word:
            self._at += 1
            return True
        return False

    def _wants(self, word: str) -> None:
        if not self._takes(word):
            raise BadFilter(f"The filter lacks a {word}.")

    def _next(self) -> str:
        now = self.peek()
        if now is None:
            raise BadFilter("The filter ends too early.")
        self._at += 1
        return now


def attribute(text: str) -> str:
    """Without the name of its schema, in lower case. Raises BadFilter."""
    name = text.rpartition(":")[2] if text.lower().startswith("urn:") else text
    if not re.fullmatch(r"[A-Za-z$][A-Za-z0-9_.$-]{0,99}", name):
        raise BadFilter("That is no name of an attribute.")
    return name.lower()


def _value(word: str) -> Value:
    if word.startswith('"'):
        return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), word[1:-1])
    known: dict[str, Value] = {"true": True, "false": False, "null": None}
    if word.lower() in known:
        return known[word.lower()]
    if re.fullmatch(r"-?\d{1,15}", word):
        return int(word)
    raise BadFilter("A value stands in quotation marks.")


def fits(resource: Mapping[str, object], wanted: Filter) -> bool:
    """Whether a resource, or one value of a list in it, is what is looked for."""
    match wanted:
        case Both(left, right):
            return fits(resource, left) and fits(resource, right)
        case Either(left, right):
            return fits(resource, left) or fits(resource, right)
        case Not(inner):
            return not fits(resource, inner)
        case Within(path, inner):
            return any(isinstance(one, Mapping) and fits(one, inner) for one in _at(resource, path))
        case Compare(path, operator, value):
            return _compare(_at(resource, path), operator, value)


def _at(resource: Mapping[str, object], path: str) -> list[object]:
    """What stands at a path; of a list each value."""
    found: list[object] = [resource]
    for name in path.split("."):
        below: list[object] = []
        for one in found:
            if isinstance(one, Mapping):
                below += [value for key, value in one.items() if str(key).lower() == name]
        found = [item for one in below for item in (one if isinstance(one, list) else [one])]
    return found


def _compare(found: list[object], operator: str, value: Value) -> bool:
    there = [one for one in found if one is not None and one != ""]
    if operator == "pr":
        return bool(there)
    if operator == "ne":
        return not any(_is(one, "eq", value) for one in there)
    return any(_is(one, operator, value) for one in there)


def _is(one: object, operator: str, value: Value) -> bool:
    if isinstance(one, Mapping):
        one = one.get("value")
    if not isinstance(one, str) or not isinstance(value, str):
        return operator == "eq" and type(one) is type(value) and one == value
    left, right = one.casefold(), value.casefold()
    results = {
        "eq": left == right,
        "co": right in left,
        "sw": left.startswith(right),
        "ew": left.endswith(right),
        "gt": left > right,
        "ge": left >= right,
        "lt": left < right,
        "le": left <= right,
    }
    return results[operator]
