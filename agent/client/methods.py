"""How one description of a request becomes a method of both clients."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

M = TypeVar("M", bound=Callable[..., Any])  # Any: of every method


def documented(method: M, make: Callable[..., Any], gives: str) -> M:  # Any: of every request
    """`method` with the name, the text and the parameters of `make`, and with `gives` as what
    it returns, for help() and for notebooks."""
    said = inspect.signature(make)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__name__ = method.__qualname__ = make.__name__
    method.__doc__, method.__module__ = make.__doc__, make.__module__
    shown = said.replace(parameters=[itself, *said.parameters.values()], return_annotation=gives)
    method.__signature__ = shown  # type: ignore[attr-defined]  # inspect reads it
    return method
