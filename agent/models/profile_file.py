"""profiles.yaml: read, and told in one sentence what is wrong with it and where."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.shared.errors import Invalid

LARGEST_BYTES = 256 * 1024
KINDS = ("text", "code", "vision", "embedding")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}", re.ASCII)
PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}", re.ASCII)
DURATION = re.compile(r"-?\d+|(-?\d+(\.\d+)?(ms|s|m|h))+", re.ASCII)
MOST_GB, MOST_CORES = 100_000, 4096
OPTIONS = {"num_ctx": (512, 1_000_000), "num_parallel": (1, 64), "max_loaded_models": (1, 64)}

Node = Any  # Any: yaml's nodes, which are loaded late
Read = Callable[["_File", Node, str], Any]  # Any: each key has its own kind of value


@dataclass(frozen=True, slots=True)
class Draft:
    """One profile as a file has it: what it does not name is None or empty."""

    name: str
    line: int
    title: str | None = None
    needs: tuple[Mapping[str, float], ...] | None = None
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drafts:
    """What one file says."""

    profiles: tuple[Draft, ...] = ()
    sizes_gb: Mapping[str, float] = field(default_factory=dict)


def read(file: Path) -> Drafts | None:
    """The file's profiles; None if there is no such file.

    Raises Invalid `bad-profiles` with a sentence that names the file, the line and the remedy."""
    try:
        with file.open("rb") as source:
            raw = source.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise _bad(file, None, f"it cannot be read ({err.strerror})") from None
    if len(raw) > LARGEST_BYTES:
        raise _bad(file, None, f"it is larger than {LARGEST_BYTES >> 10} KiB")
    try:
        return _File(file).drafts(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _bad(file, None, "it is not UTF-8 text") from None


def _bad(file: Path, line: int | None, what: str) -> Invalid:
    where = f"{file.name}, line {line}" if line else str(file)
    return Invalid("bad-profiles", f"{where}: {what}.", file=str(file), line=line)


class _File:
    """Walks the file's nodes, which know their lines."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def drafts(self, text: str) -> Drafts:
        import yaml  # slow import

        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as err:
            mark = err.problem_mark or err.context_mark
            what = f"this is not YAML: {err.problem or err.context or 'it ends too early'}"
            raise _bad(self._file, mark.line + 1 if mark else None, what) from None
        except yaml.YAMLError:
            raise _bad(self._file, None, "it holds characters that YAML does not allow") from None
        except RecursionError:
            raise _bad(self._file, None, "it is nested too deeply") from None
        return Drafts(**self._fields(root, TOP, "the file")) if root is not None else Drafts()

    def wrong(self, node: Node, what: str) -> Invalid:
        return _bad(self._file, node.start_mark.line + 1, what)

    def _pairs(self, node: Node, where: str) -> dict[str, tuple[Node, Node]]:
        if node.id != "mapping":
            raise self.wrong(node, f"{where} is written as `key: value` lines")
        found: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if key.id != "scalar" or key.value in found:
                raise self.wrong(key, f"{where} has {_shown(key)} twice, or as no plain word")
            found[key.value] = key, value
        return found

    def _fields(self, node: Node, known: Mapping[str, Read], where: str) -> dict[str, Any]:
        found = {}
        for key, (place, value) in self._pairs(node, where).items():
            if key not in known:
                raise self.wrong(place, _unknown(key, where, known))
            found[key] = known[key](self, value, key)
        return found

    def entries(self, node: Node, key: str) -> list[Node]:
        if node.id != "sequence" or not node.value:
            raise self.wrong(node, f"{key} is a list, each line beginning with a dash")
        return list(node.value)

    def plain(self, node: Node, key: str) -> str:
        if node.id != "scalar" or not node.value.strip():
            raise self.wrong(node, f"{key} wants one word or sentence")
        return str(node.value).strip()

    def number(self, node: Node, key: str, low: float, high: float, *, whole: bool) -> float:
        try:
            value = (int if whole else float)(self.plain(node, key))
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise self.wrong(
                node, f"{key} must be {kind} from {low:g} to {high:,}, not {_shown(node)}"
            )
        return value

    def matching(self, node: Node, key: str, pattern: re.Pattern[str], like: str) -> str:
        text = self.plain(node, key)
        if not pattern.fullmatch(text):
            raise self.wrong(node, f"{key} must be {like}, not {_shown(node)}")
        return text

    # --- what each key holds ------------------------------------------------------------------

    def profiles(self, node: Node, key: str) -> tuple[Draft, ...]:
        found: dict[str, Draft] = {}
        for one in self.entries(node, key):
            fields = self._fields(one, PROFILE, "a profile")
            if "name" not in fields:
                raise self.wrong(one, "a profile needs a name")
            if fields["name"] in found:
                raise self.wrong(one, f"there are two profiles called {fields['name']}")
            found[fields["name"]] = Draft(line=one.start_mark.line + 1, **fields)
        return tuple(found.values())

    def sizes(self, node: Node, key: str) -> dict[str, float]:
        return {
            name: self.number(value, f"{key}: {name}", 0, MOST_GB, whole=False)
            for name, (_, value) in self._pairs(node, key).items()
        }

    def needs(self, node: Node, key: str) -> tuple[dict[str, float], ...]:
        found = tuple(
            self._fields(one, NEEDS, "a line of needs") for one in self.entries(node, key)
        )
        if not all(found):
            raise self.wrong(node, "a line of needs names memory_gb, gpu_gb, unified_gb or cores")
        return found

    def models(self, node: Node, key: str) -> dict[str, tuple[str, ...]]:
        return self._fields(node, MODELS, key)

    def names(self, node: Node, key: str) -> tuple[str, ...]:
        nodes = self.entries(node, key) if node.id == "sequence" else [node]
        like = "a model's name such as qwen3:8b"
        return tuple(self.matching(one, key, MODEL_NAME, like) for one in nodes)

    def options(self, node: Node, key: str) -> dict[str, int | str]:
        return self._fields(node, OPTION, key)

    def gigabytes(self, node: Node, key: str) -> float:
        return self.number(node, key, 0, MOST_GB, whole=False)

    def cores(self, node: Node, key: str) -> float:
        return self.number(node, key, 1, MOST_CORES, whole=True)

    def option(self, node: Node, key: str) -> int:
        return int(self.number(node, key, *OPTIONS[key], whole=True))

    def name(self, node: Node, key: str) -> str:
        return self.matching(node, key, PROFILE_NAME, "small letters, digits and dashes")

    def keep_alive(self, node: Node, key: str) -> str:
        return self.matching(node, key, DURATION, "a time such as 5m, or -1 for ever")


TOP: Mapping[str, Read] = {"profiles": _File.profiles, "sizes_gb": _File.sizes}
PROFILE: Mapping[str, Read] = {
    "name": _File.name,
    "title": _File.plain,
    "needs": _File.needs,
    "models": _File.models,
    "options": _File.options,
}
NEEDS: Mapping[str, Read] = {
    "memory_gb": _File.gigabytes,
    "gpu_gb": _File.gigabytes,
    "unified_gb": _File.gigabytes,
    "cores": _File.cores,
}
MODELS: Mapping[str, Read] = dict.fromkeys(KINDS, _File.names)
OPTION: Mapping[str, Read] = {
    **dict.fromkeys(OPTIONS, _File.option),
    "keep_alive": _File.keep_alive,
}


def _unknown(key: str, where: str, known: Mapping[str, Read]) -> str:
    if close := difflib.get_close_matches(key, known, n=1):
        remedy = f"write `{close[0]}` in its place"
    else:
        remedy = f"the keys here are {', '.join(list(known)[:-1])} and {list(known)[-1]}"
    return f"`{key[:40]}` is no key of {where}; {remedy}"


def _shown(node: Node) -> str:
    text = str(node.value) if node.id == "scalar" else f"a {node.id}"
    return f"`{text[:40]}`" if text else "nothing"
