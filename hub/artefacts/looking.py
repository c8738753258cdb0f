"""Looks at files in a process of its own, and says what is wrong with them. Nothing is run.

Parsers meet whatever a model wrote, so that one that hangs, or eats all memory, or falls over,
must not be the hub's own."""

import ast
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from hub.artefacts.macros import Finding, looks_like_klipper, macro_findings

MOST_FINDINGS, LONGEST_FINDING = 20, 300
OPENSCAD_S, SAID_BYTES = 3.0, 1 << 16
NEW_USER, NEW_NETWORK = 0x1000_0000, 0x4000_0000
# Whatever makes OpenSCAD read another file: `include <x>` and `use <x>` may stand anywhere in a
# line, and words such as import, surface and dxf_dim take a path. Better left alone once too often.
READS_OTHERS = re.compile(r"(?<![A-Za-z0-9_])(?:(?:include|use)\s*<|import|surface|dxf_|file\s*=)")


def main() -> None:
    """Reads [[language, content], ...] and writes [[[line, text], ...] or null, ...], each on a
    line as soon as it is known."""
    memory_bytes, seconds = int(sys.argv[1]), int(sys.argv[2])
    _bound(memory_bytes, seconds)
    warnings.simplefilter("ignore")
    out = sys.stdout
    for language, content in json.load(sys.stdin):
        found = looked_at(language, content)
        told = None if found is None else [_told(one) for one in found[:MOST_FINDINGS]]
        out.write(json.dumps(told) + "\n")
        out.flush()


def _told(one: Finding) -> list[object]:
    """A word of the file that it names may be as long as the file."""
    is_long = len(one.text) > LONGEST_FINDING
    return [one.line, f"{one.text[: LONGEST_FINDING - 1]}…" if is_long else one.text]


def looked_at(language: str, content: str) -> list[Finding] | None:
    """None where nobody here knows the language."""
    try:
        if language in {"ini", "klipper"}:
            is_klipper = language == "klipper" and looks_like_klipper(content)
            return macro_findings(content, is_klipper=True) if is_klipper else None
        look = LOOKS.get(language)
        return look(content) if look else None
    except (RecursionError, MemoryError):
        return [Finding(1, "It is nested more deeply than can be checked.")]


def _python(content: str) -> list[Finding]:
    try:
        ast.parse(content)
    except SyntaxError as err:
        return [Finding(err.lineno or 1, f"{err.msg}.")]
    except ValueError as err:
        return [Finding(1, f"{err}.")]
    return []


def _json(content: str) -> list[Finding]:
    try:
        json.loads(content)
    except json.JSONDecodeError as err:
        return [Finding(err.lineno, f"{err.msg}.")]
    except ValueError as err:  # a number of ten thousand digits
        return [Finding(1, f"{err}.")]
    return []


def _yaml(content: str) -> list[Finding]:
    import yaml  # slow import

    try:
        for _ in yaml.parse(content):
            pass
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark
        return [Finding(mark.line + 1 if mark else 1, f"{err.problem or 'It is no YAML'}.")]
    except (yaml.YAMLError, ValueError) as err:
        return [Finding(1, f"{str(err).splitlines()[0]}.")]
    return []


def _toml(content: str) -> list[Finding]:
    try:
        tomllib.loads(content)
    except tomllib.TOMLDecodeError as err:
        said = str(err)
        line = re.search(r"\(at line (\d+)", said)
        return [Finding(int(line[1]) if line else 1, f"{said.partition(' (at')[0]}.")]
    except ValueError as err:
        return [Finding(1, f"{err}.")]
    return []


def _gcode(content: str) -> list[Finding]:
    return macro_findings(content, is_klipper=False)


def _openscad(content: str) -> list[Finding] | None:
    """The parser alone. None where OpenSCAD is not installed, or would read other files."""
    program = sys.argv[3] if len(sys.argv) > 3 else ""
    if not program or READS_OTHERS.search(content):
        return None
    with tempfile.TemporaryDirectory(prefix="orca-scad-") as name:
        folder = Path(name)
        # Within a module that nobody uses nothing is ever computed, however long it would take.
        (folder / "file.scad").write_text(f"module orca_agents_() {{{content}\n}}\n", "utf-8")
        try:
            with (folder / "said").open("wb") as said:  # as long as a file may be, and no longer
                done = subprocess.run(  # noqa: S603 - a fixed program, no shell
                    [program, "-o", "file.ast", "file.scad"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    timeout=OPENSCAD_S,
                    cwd=name,
                    env={"PATH": os.defpath, "HOME": name, "QT_QPA_PLATFORM": "offscreen"},
                    check=False,
                )
        except (OSError, subprocess.TimeoutExpired):
            return None
        with (folder / "said").open("rb") as said:
            words = said.read(SAID_BYTES).decode("utf-8", "replace")
    if done.returncode == 0:
        return []
    last = max(len(content.removesuffix("\n").split("\n")), 1)
    return [_openscad_finding(one, last) for one in words.splitlines() if "rror" in one] or None


def _openscad_finding(line: str, last: int) -> Finding:
    """`last`: behind the end of the file there is one more line."""
    at = re.search(r"line (\d+)", line)
    words = re.sub(r"\s*in file [^,]*,?(?: line \d+)?", "", line.removeprefix("ERROR: ")).strip()
    return Finding(min(int(at[1]), last) if at else 1, f"{words.rstrip('.')}.")


LOOKS: dict[str, Any] = {  # Any: they take the content and give findings
    "python": _python,
    "json": _json,
    "yaml": _yaml,
    "toml": _toml,
    "gcode": _gcode,
    "openscad": _openscad,
}


def _bound(memory_bytes: int, seconds: int) -> None:
    """Where the system can: no network, and no more memory, time and room on disk than this."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).unshare(NEW_USER | NEW_NETWORK)
    if sys.platform != "win32":
        import resource  # platform only

        for kind, most in (
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_FSIZE, 16 << 20),
        ):
            with suppress(OSError, ValueError):
                resource.setrlimit(kind, (most, most))
