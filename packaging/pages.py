"""Builds the pages (ui/web) into agent/ui and hub/pages with npm, if what they are made of has
changed."""

from __future__ import annotations  # an older Python must get as far as the sentence about it

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from environment import ROOT, SetupError, executable, run, say

WEB = ROOT / "ui" / "web"
SCHEMAS = {
    "agent": WEB / "src" / "lib" / "api" / "schema.ts",
    "hub": WEB / "src" / "console" / "api" / "schema.ts",
}
BUILT = ROOT / "agent" / "ui" / "index.html"
CONSOLE_BUILT = ROOT / "hub" / "pages" / "console.html"
STAMP = ROOT / ".setup-stamp-ui"
INSTALLED = WEB / "node_modules" / ".orca-stamp"
LEFT_OUT = {"node_modules", "dist", "tests", "dev", ".cache"}


def why_not() -> str | None:
    """A sentence if the page cannot be built here."""
    if not (WEB / "package.json").exists():
        return "there is no ui/web"
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return "there is no Node.js with npm"
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
    oldest = _oldest_node()
    if found < oldest:
        return f"Node.js is {told.strip()}, and {oldest[0]}.{oldest[1]} is the oldest that will do"
    return None


def build(*, must: bool = False) -> None:
    """Raises SetupError if it `must` be there in the end and is not."""
    wanted = _hash(sorted(_sources()))
    is_there = BUILT.exists() and CONSOLE_BUILT.exists()
    if is_there and _read(STAMP) == wanted:
        return
    reason = why_not()
    if reason is None:
        try:
            install()
            say("building the pages")
            run(_npm(), "run", "build", cwd=WEB, quiet=True)
        except SetupError as err:
            if must:
                raise
            reason = f"the build failed: {err}"
        else:
            STAMP.write_text(wanted, "utf-8")
            return
    if must:
        raise SetupError(f"The page cannot be built: {reason}.")
    older = "an older one is used" if is_there else "the API and the commands work"
    say(f"the page is not built ({reason}); {older}")


def install() -> None:
    """npm's packages, as package-lock.json says."""
    wanted = _hash([WEB / "package.json", WEB / "package-lock.json"])
    if _read(INSTALLED) == wanted:
        return
    say("installing what builds the page (npm ci)")
    run(_npm(), "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=WEB, quiet=True)
    INSTALLED.write_text(wanted, "utf-8")


def check() -> None:
    """Types and accessibility of the sources. Raises SetupError."""
    install()
    run(_npm(), "run", "--silent", "check", cwd=WEB)


def write_types() -> None:
    """The pages' types of the APIs (schema.ts), from the shapes in what agent and hub say of them.

    Raises SetupError, also where there is no Node.js."""
    if reason := why_not():
        raise SetupError(f"The types cannot be written: {reason}.")
    install()
    for program, schema in SCHEMAS.items():
        _generate(program, schema)


def types_are_fresh() -> None:
    """Raises SetupError if the code describes another API than a schema.ts does."""
    install()
    with tempfile.TemporaryDirectory() as folder:
        for program, schema in SCHEMAS.items():
            draft = Path(folder, f"{program}.ts")
            _generate(program, draft)
            if draft.read_text("utf-8") != _read(schema):
                name = schema.relative_to(ROOT).as_posix()
                raise SetupError(f"{name} is not what the API is now: run `make types`.")


def _generate(program: str, file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder, "openapi.json")
        run(executable("python"), "packaging/openapi_document.py", program, document, quiet=True)
        whole = json.loads(document.read_text("utf-8"))
        document.write_text(json.dumps(_untitled({**whole, "paths": {}})), "utf-8")
        types = ("run", "--silent", "types", "--", document, "-o", file)
        run(_npm(), *types, cwd=WEB, quiet=True)


def _untitled(part: object) -> object:
    """The shapes without what says nothing: titles that repeat their names."""
    if isinstance(part, list):
        return [_untitled(one) for one in part]
    if isinstance(part, dict):
        return {
            name: _untitled(one)
            for name, one in part.items()
            if name != "title" or not isinstance(one, str)
        }
    return part


def _npm() -> str:
    return shutil.which("npm") or "npm"


def _oldest_node() -> tuple[int, ...]:
    found = re.search(r'"node":\s*">=(\d+)(?:\.(\d+))?', (WEB / "package.json").read_text("utf-8"))
    return (int(found[1]), int(found[2] or 0)) if found else (20, 0)


def _sources() -> list[Path]:
    if not WEB.exists():
        return []
    top = [path for path in WEB.iterdir() if path.name not in LEFT_OUT]
    return [
        file
        for path in top
        for file in ([path] if path.is_file() else path.rglob("*"))
        if file.is_file()
    ]


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        data = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError:
        return ""
