"""The documents agree with the code, lead somewhere, and load nothing from elsewhere."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.runs.live import TEXT_EVENTS
from agent.runs.rules import CLOSING_EVENT
from tests.house.tree import ROOT, name_of, python, tracked, tree_of

MKDOCS = (sys.executable, "-m", "mkdocs", "build", "--strict")  # --quiet would hide warnings
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|<img src=\"([^\"]+)\"")
LEADS = re.compile(r"<(?:a|img|link|script)[^>]+(?:src|href)=\"([^\"#:?]+)[^\":]*\"")
REMOTE = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"(?:https?:)?//[^\"]+\"")
EVENT_ROW = re.compile(r"^\| `([a-z]+)` \| `\{", re.MULTILINE)


@pytest.mark.timeout(60)
def test_tables_that_the_code_knows_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "packaging/render_docs.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    # If this fails: .venv/bin/python packaging/render_docs.py
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_links_between_documents_lead_to_files() -> None:
    documents = [file for file in tracked() if file.suffix == ".md" and _is_for_readers(file)]

    broken = [
        f"{name_of(file)}: {target}"
        for file in documents
        for found in LINK.finditer(file.read_text("utf-8"))
        if not (target := found[1] or found[2]).startswith(("http:", "https:"))
        and not (file.parent / target).exists()
    ]

    assert len(documents) >= 10
    assert broken == []


def test_the_reference_lists_every_event_that_a_run_can_have() -> None:
    reference = (ROOT / "docs/pages/api-reference.md").read_text("utf-8")

    listed = EVENT_ROW.findall(reference)

    assert sorted(listed) == sorted({*_emitted(), *TEXT_EVENTS, *CLOSING_EVENT.values()})


@pytest.mark.timeout(60)
def test_the_built_documents_are_whole_and_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    subprocess.run(
        [*MKDOCS, "-f", "docs/mkdocs.yml", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )

    pages = {page: page.read_text("utf-8") for page in tmp_path.rglob("*.html")}
    dead = [
        f"{page.relative_to(tmp_path)}: {target}"
        for page, text in pages.items()
        if page.name != "404.html"  # which is shown at any address
        for target in LEADS.findall(text)
        if not (page.parent / target).is_file()
    ]

    assert len(pages) >= 7
    assert dead == []
    assert [found for text in pages.values() for found in REMOTE.findall(text)] == []


def _is_for_readers(file: Path) -> bool:
    parts = file.relative_to(ROOT).parts
    return len(parts) == 1 or parts[0] == "docs"


def _emitted() -> set[str]:
    """Names in `emit("name", ...)` or `tell(...)`, and where these are handed on with the name."""
    return {
        argument.value
        for file in python("agent")
        for call in ast.walk(tree_of(file))
        if isinstance(call, ast.Call)
        for before, argument in zip([call.func, *call.args], call.args, strict=False)
        if isinstance(before, ast.Attribute)
        and before.attr in {"emit", "tell"}
        and isinstance(argument, ast.Constant)
        and isinstance(argument.value, str)
    }
