"""What is wrong with a field is said without the words of the library that finds it."""

from importlib import import_module
from pkgutil import walk_packages

import pytest

import hub
from agent.shared.errors import Invalid
from agent.shared.web import In, read

FOREIGN = ("Value error", "Assertion failed", "function-", "instance of", "dictionary", "regex")
ODD: tuple[object, ...] = (None, "", "\0", "x" * 5000, -1, 1e400, [], [[]], {}, {"a": []}, True)


def asked() -> list[type[In]]:
    """Everything that a route of the hub takes."""
    for module in walk_packages(hub.__path__, "hub."):
        if module.name.rpartition(".")[2] in ("shapes", "routes", "admin_shapes", "token_routes"):
            import_module(module.name)
    found: list[type[In]] = []
    new: list[type[In]] = [In]
    while new:
        below = [one for kind in new for one in kind.__subclasses__()]
        found, new = found + below, below
    return [one for one in found if one.__module__.startswith("hub.")]


def sentences(kind: type[In], value: object) -> list[str]:
    """Of all that is wrong with it, and the names of the fields."""
    try:
        read(kind, value)
    except Invalid as err:
        told = err.extra["errors"]
        assert isinstance(told, list)
        return [str(err), *(text for one in told for text in one.values())]
    return []


@pytest.mark.slow
def test_no_sentence_about_a_field_has_the_words_of_a_library() -> None:
    kinds = asked()
    told = {
        sentence
        for kind in kinds
        for odd in ODD
        for value in (odd, *({name: odd} for name in kind.model_fields))
        for sentence in sentences(kind, value)
    }

    assert len(kinds) > 30
    assert [one for one in sorted(told) if any(word in one for word in FOREIGN)] == []
