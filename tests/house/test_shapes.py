"""What clients send is taken by its type: JSON has truth values of its own."""

import ast
from collections.abc import Iterator

from tests.house.tree import name_of, python, tree_of

OF_BODIES = ("In", "Change", "Wish", "Streaming")


def test_a_body_takes_true_and_false_and_no_word_for_them() -> None:
    shapes = list(_shapes())

    lax = {
        f"{file} {shape.name}.{ast.unparse(line.target)}"
        for file, shape in shapes
        for line in shape.body
        if isinstance(line, ast.AnnAssign)
        # Where text is welcome, too, each is taken as what it is.
        if "bool" in (names := _names(line.annotation)) and "str" not in names
    }

    assert len(shapes) > 60
    assert lax == set()


def _shapes() -> Iterator[tuple[str, ast.ClassDef]]:
    for file in python("agent", "hub"):
        if name_of(file).startswith("agent/client/"):
            continue  # they describe what is sent, and read nothing
        for one in ast.walk(tree_of(file)):
            if isinstance(one, ast.ClassDef) and one.bases and one.name.endswith(OF_BODIES):
                yield name_of(file), one


def _names(annotation: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(annotation) if isinstance(part, ast.Name)}
