"""Preset files as they stand on disk. Nothing is ever written, and nothing but presets is read."""

import os
import re
from collections.abc import Mapping
from typing import Any

import orjson

from agent.slicer.presets.keys import METADATA
from agent.slicer.presets.rules import Problem, Stored, Value
from agent.slicer.rules import PresetType

SUFFIX = ".json"
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
MOST_BYTES = 4 << 20
VERSION = re.compile(r"\d+(\.\d+){1,3}")
# Where a printer is and how one signs in there is no business of reports, models and forums.
SECRET = frozenset({"print_host", "print_host_webui"})
SECRET_PREFIX = "printhost_"  # noqa: S105 - how their names begin
NOT_TEXT = "Some values are no text, which OrcaSlicer passes over: {}."
Stamp = tuple[int, int]  # of a file: when it was changed, and its size
NO_STAMP: Stamp = (-1, -1)


class Lists(dict[tuple[str, ...], tuple[str, ...]]):
    """Gives equal lists as one object: thousands of presets say mostly the same.

    Raises TypeError for a list that is not all text."""

    def __missing__(self, value: tuple[str, ...]) -> tuple[str, ...]:
        "".join(value)  # the fastest way to see that all of it is text
        self[value] = value
        return value


def stamp_of(status: os.stat_result) -> Stamp:
    """What changes when a file does."""
    return status.st_mtime_ns, status.st_size


def read_file(path: str) -> tuple[Stamp, bytes | None]:
    """A file's stamp and content; None if it cannot be read, is no file, or far too large."""
    try:
        handle = os.open(path, FLAGS)
    except OSError:
        return NO_STAMP, None
    try:
        status = os.fstat(handle)
        size = status.st_size
        content = os.read(handle, size + 1) if size <= MOST_BYTES else None
        return (status.st_mtime_ns, size), content if content and len(content) == size else None
    except OSError:
        return NO_STAMP, None
    finally:
        os.close(handle)


def read_json(content: bytes | None) -> dict[str, object] | None:
    """A JSON object, or None for anything else."""
    if content is None:
        return None
    try:
        found = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def read_preset(
    content: bytes | None,
    *,
    preset_type: PresetType,
    scope: str,
    file: str,
    is_system: bool,
    lists: Lists,
) -> Stored | None:
    """The preset in a file; None for a file that is meant to hold something else."""
    stem = file[file.rindex("/") + 1 : -len(SUFFIX)]
    document = read_json(content)
    if document is None:
        return Stored(preset_type, stem, scope, is_system, file, problem=Problem.UNREADABLE)
    said = document.get("type", preset_type)
    if said != preset_type:
        return None
    # The slicer goes by the file's name with the user's presets, and by the name in it else.
    name = (_text(document, "name") if is_system else stem) or stem
    version = _text(document, "version")
    if preset_type == "machine":
        for key in [key for key in document if is_secret(key)]:
            del document[key]
    former = _names(document.get("renamed_from")) if "renamed_from" in document else ()
    inherits, is_abstract = _text(document, "inherits"), document.get("instantiation") == "false"
    # An object in it, whose keys would pass for a list of text, needs a second brace.
    is_flat = content is not None and content.count(b"{") == 1
    settings, wrong = _settings(document, lists, is_flat=is_flat)
    problem = None if is_system or _is_version(version) else Problem.NO_VERSION
    notes = (NOT_TEXT.format(", ".join(wrong[:10])),) if wrong else ()
    about = inherits, version, is_abstract, former, problem, notes
    return Stored(preset_type, name, scope, is_system, file, settings, *about)


def is_secret(key: str) -> bool:
    """Whether it says where a printer is, or how one signs in there."""
    return key in SECRET or key.startswith(SECRET_PREFIX)


def _settings(
    document: dict[str, Any], lists: Lists, *, is_flat: bool
) -> tuple[Mapping[str, Value], list[str]]:  # Any: JSON, whose types are looked at right here
    """The values that are text or lists of text, and the keys of all others."""
    if is_flat or dict not in map(type, document.values()):
        try:
            return _told(document, lists), []
        except TypeError:
            pass
    wrong = [key for key, value in document.items() if not _is_value(value)]
    for key in wrong:
        del document[key]
    return _told(document, lists), [key for key in wrong if key not in METADATA]


def _told(document: dict[str, Any], lists: Lists) -> dict[str, Value]:  # Any: as above
    return {
        key: value if type(value) is str else lists[tuple(value)]
        for key, value in document.items()
        if key not in METADATA
    }


def _is_value(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(element, str) for element in value)
    return isinstance(value, str)


def _text(document: Mapping[str, object], key: str) -> str | None:
    value = document.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _names(value: object) -> tuple[str, ...]:
    """Former names: one text with `;` between them, or a list."""
    parts = value.split(";") if isinstance(value, str) else value
    if not isinstance(parts, list):
        return ()
    return tuple(part.strip() for part in parts if isinstance(part, str) and part.strip())


def _is_version(version: str | None) -> bool:
    return version is not None and VERSION.fullmatch(version) is not None
