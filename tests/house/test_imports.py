"""Who may import what, beyond the contracts of import-linter in pyproject.toml."""

import ast
import sys

from tests.house.tree import ROOT, imported, name_of, python, tree_of

HTTP_CLIENTS = {"aiohttp", "httpx", "httpx_aiohttp"}
PURE = "agent.slicer.values"  # a contract in pyproject.toml keeps it so
LATE_REASONS = ("# slow import", "# optional dependency", "# platform only")
FILLED_PACKAGES = {
    "agent/client/__init__.py": "the names that other programs import, looked up when asked for",
    "agent/migrations/__init__.py": "Alembic's folder: beside the revisions stands what runs them",
}


def test_only_the_edges_speak_http_to_others() -> None:
    speaking = {name_of(f) for f in python("agent") if HTTP_CLIENTS & imported(f)}

    edges = (
        "agent/inference/transport",
        "agent/inference/kept_request",
        "agent/inference/openai",
        "agent/client/",
        "agent/slicer/printers/wire",
        "agent/team/hub",
    )
    assert {name for name in speaking if not name.startswith(edges)} == set()


def test_rules_import_the_standard_library_and_other_rules_alone() -> None:
    foreign = {
        f"{name_of(file)}: {module}"
        for file in python("agent")
        if file.name == "rules.py"
        for module in imported(file)
        if not _is_pure(module)
    }

    assert foreign == set()


def test_an_import_inside_a_function_says_why() -> None:
    silent = []
    for file in python("agent"):
        lines = file.read_text("utf-8").splitlines()
        for function in ast.walk(tree_of(file)):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                silent += [
                    f"{name_of(file)}:{node.lineno}"
                    for node in ast.walk(function)
                    if isinstance(node, (ast.Import, ast.ImportFrom))
                    and not any(reason in lines[node.lineno - 1] for reason in LATE_REASONS)
                ]

    assert silent == []


def test_packages_of_the_agent_are_empty_files() -> None:
    filled = {
        name_of(file)
        for file in python("agent", "hub")
        if file.name == "__init__.py" and file.read_text("utf-8").strip()
    }

    assert filled == set(FILLED_PACKAGES)


def test_every_folder_of_the_agent_is_a_package() -> None:
    folders = {file.parent for file in python("agent")} - {ROOT / "agent/migrations/versions"}

    assert {name_of(folder) for folder in folders if not (folder / "__init__.py").exists()} == set()


def test_packaging_shadows_no_library() -> None:
    assert sorted((ROOT / "packaging").rglob("__init__.py")) == []


def _is_pure(module: str) -> bool:
    parts = module.split(".")
    if parts[0] in sys.stdlib_module_names:
        return True
    return parts[0] == "agent" and ("rules" in parts[-2:] or module.startswith(PURE))
