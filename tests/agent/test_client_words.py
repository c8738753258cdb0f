"""What the clients say of themselves: the same names, parameters and texts on both sides."""

import inspect
import subprocess
import sys
from typing import Any

import pytest

import agent.client
from agent.client import Agent, AsyncAgent
from agent.client.aio_handles import (
    AsyncBatch,
    AsyncFollowing,
    AsyncReply,
    AsyncRunning,
    AsyncStream,
)
from agent.client.handles import Batch, Following, Reply, Running, Stream

PAIRS = [
    (Agent, AsyncAgent),
    (Following, AsyncFollowing),
    (Stream, AsyncStream),
    (Running, AsyncRunning),
    (Reply, AsyncReply),
    (Batch, AsyncBatch),
]


@pytest.mark.parametrize(("waiting", "awaiting"), PAIRS)
def test_both_clients_have_the_same_methods_with_the_same_words(
    waiting: type[Any], awaiting: type[Any]
) -> None:
    ours, theirs = _methods(waiting), _methods(awaiting)
    theirs["close"] = theirs.pop("aclose")

    assert ours.keys() == theirs.keys()
    for name, one in ours.items():
        other = theirs[name]
        assert _parameters(one) == _parameters(other), name
        assert inspect.getdoc(one) == inspect.getdoc(other), name


@pytest.mark.parametrize("client", [one for pair in PAIRS for one in pair])
def test_every_method_says_what_it_returns_and_what_it_raises(client: type[Any]) -> None:
    silent = [
        name
        for name, one in _methods(client).items()
        for text in [(inspect.getdoc(one) or "").lower()]
        if not ("returns" in text and "raises" in text)
    ]

    assert silent == []


def test_notebooks_show_the_parameters_of_a_method() -> None:
    bound = inspect.signature(Agent("http://127.0.0.1:9", "t").load)

    assert list(bound.parameters) == ["model", "backend", "keep_alive", "timeout"]


def test_every_name_of_the_package_is_there_when_it_is_asked_for() -> None:
    assert {name for name in agent.client.__all__ if not hasattr(agent.client, name)} == set()
    with pytest.raises(AttributeError, match="no attribute 'Nobody'"):
        _ = agent.client.Nobody


def test_its_errors_are_there_without_anything_heavy() -> None:
    check = "import sys, agent.client.problems; print(sorted({'httpx', 'orjson'} & {*sys.modules}))"

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def _methods(of: type[Any]) -> dict[str, Any]:
    return {name: one for name, one in inspect.getmembers(of, callable) if not name.startswith("_")}


def _parameters(method: Any) -> list[tuple[str, object]]:
    return [(one.name, one.kind) for one in inspect.signature(method).parameters.values()]
