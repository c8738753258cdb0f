"""What a clone brings along: text, no addresses of one machine, nothing that was built."""

import ast
import re

from tests.house.tree import ROOT, name_of, python, tracked, tree_of

LARGEST_BYTES = 300_000
PICTURE_BYTES = 150_000
MOST_PICTURES = 6
RECORDINGS = "tests/fakes/recordings/"
PICTURES = "docs/pages/images/"
LOCKS = (
    *("requirements.lock", "requirements-dev.lock", "packaging/build.lock"),
    *("packaging/uv.lock", "packaging/desktop.lock"),
)
# Written so that this file does not match itself.
REGISTRY = re.compile(
    r"p[y]pi\.org|p[y]thonhosted\.org|registry\.n[p]mjs\.org|registry\.y[a]rnpkg\.com"
)
MACHINE = re.compile(r"(?<![\w.$}~-])/(?:r[o]ot|w[o]rk|t[m]p/orca)/")


def _texts() -> dict[str, str]:
    """Every tracked file but pictures and recordings, which are what a server once said."""
    return {
        name_of(file): file.read_text("utf-8")
        for file in tracked()
        if not name_of(file).startswith((PICTURES, RECORDINGS))
    }


def test_tracked_files_are_text() -> None:
    binary = [
        name_of(file)
        for file in tracked()
        if not name_of(file).startswith((PICTURES, RECORDINGS)) and b"\0" in file.read_bytes()
    ]

    assert binary == []
    _texts()  # all of it is UTF-8


def test_the_pictures_of_the_documents_are_few_and_small() -> None:
    pictures = {name_of(f): f.stat().st_size for f in tracked() if name_of(f).startswith(PICTURES)}

    assert len(pictures) <= MOST_PICTURES
    assert {name: size for name, size in pictures.items() if size > PICTURE_BYTES} == {}
    assert {name for name in pictures if not name.endswith(".png")} == set()


def test_no_tracked_file_is_large() -> None:
    assert {name_of(f): s for f in tracked() if (s := f.stat().st_size) > LARGEST_BYTES} == {}


def test_locks_hold_no_address() -> None:
    lines = [
        f"{name}: {line}"
        for name in LOCKS
        for line in (ROOT / name).read_text("utf-8").splitlines()
        if "://" in line or line.startswith(("-i", "--index", "--extra-index", "--find-links"))
    ]

    assert lines == []


def test_the_page_is_installed_from_no_fixed_registry() -> None:
    assert '"resolved": "http' not in (ROOT / "ui/web/package-lock.json").read_text("utf-8")


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [
        f"{name}: {match[0]}"
        for name, text in _texts().items()
        for pattern in (REGISTRY, MACHINE)
        for match in pattern.finditer(text)
    ]

    assert found == []


def test_modules_say_what_they_are_for() -> None:
    silent = [
        name_of(file)
        for file in python("agent", "hub", "packaging", "ui")
        if file.name != "__init__.py" and not ast.get_docstring(tree_of(file))
    ]

    assert silent == []
