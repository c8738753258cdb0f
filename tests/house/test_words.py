"""Words that have no place in the code, looked for in its syntax rather than its text."""

import ast
import io
import re
import tokenize
from pathlib import Path

from tests.house.tree import name_of, python, tree_of

OUTERMOST_LOOPS = {
    "agent/keeping/service.py": "the calendar's own: a mistake ends one automatic backup",
    "agent/program.py": "that of openings: settings that do not open leave those that did",
    "agent/serve.py": "the program's own: it says that it stopped by a mistake, and ends",
    "agent/shared/loops.py": "those of the hub: a mistake ends one round of one loop",
    "agent/shared/secrets.py": "a thread's own: a keyring is anybody's code, and may be broken",
    "agent/runs/service.py": "a run's own: a mistake ends this run and no other",
    "hub/jobs/work.py": "a job's own: a mistake ends this attempt and no other",
    "hub/serve.py": "the program's own: it says that it stopped by a mistake, and ends",
}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SILENCED = re.compile(r"#\s*type:\s*ignore(?!\[[a-z, -]+\])|#\s*noqa(?!:)")
MOCKING = {"MagicMock", "AsyncMock", "Mock", "patch"}
PLACES_THAT_PRINT = ("packaging/", "tests/bench/")


def test_nothing_but_commands_writes_to_the_terminal() -> None:
    printing = [
        f"{name_of(file)}:{call.lineno}"
        for file in python("agent", "hub", "tests", "ui")
        for call in ast.walk(tree_of(file))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "print"
        and not name_of(file).startswith(PLACES_THAT_PRINT)
    ]

    assert printing == []


def test_comments_leave_nothing_for_later_and_silence_nothing_whole() -> None:
    found = [
        f"{name_of(file)}:{line}: {comment}"
        for file in python("agent", "hub", "packaging", "tests", "ui")
        for line, comment in _comments(file)
        if UNFINISHED.search(comment) or SILENCED.search(comment)
    ]

    assert found == []


def test_only_the_outermost_loops_catch_everything() -> None:
    catching = {
        name_of(file)
        for file in python("agent", "hub")
        for handler in ast.walk(tree_of(file))
        if isinstance(handler, ast.ExceptHandler)
        and (
            handler.type is None
            or (isinstance(handler.type, ast.Name) and handler.type.id == "Exception")
        )
    }

    assert catching - set(OUTERMOST_LOOPS) == set()


def test_tests_replace_no_part_of_the_program() -> None:
    replacing = [
        f"{name_of(file)}:{node.lineno}"
        for file in python("tests")
        for node in ast.walk(tree_of(file))
        if isinstance(node, (ast.ImportFrom, ast.Attribute)) and _replaces(node)
    ]

    assert replacing == []


def test_a_test_is_named_by_a_sentence() -> None:
    terse = [
        f"{name_of(file)}: {function.name}"
        for file in python("tests")
        for function in ast.walk(tree_of(file))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and function.name.startswith("test_")
        and len(function.name.split("_")) < 4
    ]

    assert terse == []


def _replaces(node: ast.ImportFrom | ast.Attribute) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "unittest.mock" or any(one.name in MOCKING for one in node.names)
    return (
        node.attr in {"setattr", "delattr"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "monkeypatch"
    )


def _comments(file: Path) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(file.read_text("utf-8")).readline)
    return [(one.start[0], one.string) for one in tokens if one.type == tokenize.COMMENT]
