"""Every error class has its place in the one table, and every code is a name."""

import ast
import inspect
import re

import pytest

from agent.shared import errors
from agent.shared.errors import OrcaError
from agent.shared.problems import ROUTING, STATUS, describe
from tests.house.tree import name_of, python, tree_of

KEBAB_CASE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CLASSES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, OrcaError) and kind is not OrcaError
}


def _codes() -> list[tuple[str, str]]:
    """Where and what: the text behind an error class, in a call or in a row of a table. The
    classes of the client have the same names, and begin with a sentence."""
    found = []
    for file in python("agent"):
        if name_of(file).startswith("agent/client/"):
            continue
        for call in ast.walk(tree_of(file)):
            if not isinstance(call, ast.Call):
                continue
            for before, argument in zip([call.func, *call.args], call.args, strict=False):
                name = before.attr if isinstance(before, ast.Attribute) else _id(before)
                if name in CLASSES and isinstance(argument, ast.Constant):
                    found.append((f"{name_of(file)}:{call.lineno}", str(argument.value)))
    return found


def _id(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_the_table_has_every_class_with_a_status_of_its_own() -> None:
    assert set(STATUS) == set(CLASSES.values())
    assert len(set(STATUS.values())) == len(STATUS)


def test_nobody_makes_a_class_of_errors_elsewhere() -> None:
    strangers = {
        kind.__name__
        for kind in OrcaError.__subclasses__()
        if kind.__module__ != "agent.shared.errors"
    }

    assert strangers == set()


def test_every_class_says_what_to_do() -> None:
    said = dict(re.findall(r"class (\w+)\(OrcaError\): \.\.\.  # (.+)", inspect.getsource(errors)))

    assert set(said) == set(CLASSES)


def test_codes_are_kebab_case() -> None:
    codes = [*_codes(), *(("agent/shared/problems.py", code) for code, _ in ROUTING.values())]

    assert len(codes) > 50
    assert [where for where, code in codes if not KEBAB_CASE.fullmatch(code)] == []


@pytest.mark.parametrize("kind", STATUS)
def test_a_problem_document_has_the_shape_of_rfc_9457(kind: type[OrcaError]) -> None:
    told = describe(kind("some-code", "Something happened.", field="content"))

    assert told == {
        "type": "urn:orca:problem:some-code",
        "title": told["title"],
        "status": STATUS[kind],
        "detail": "Something happened.",
        "field": "content",
    }
    assert told["title"]
