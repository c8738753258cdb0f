"""Quart, a little quicker at what it does at the start and for each request."""

from collections.abc import Callable
from inspect import CO_COROUTINE
from typing import Any

from quart import Quart

from agent.shared.routing import LazyRule


class Program(Quart):
    """Asks no more than it must whether a function of ours can be waited for."""

    url_rule_class = LazyRule

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Any]:  # Any: of Quart
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            return func
        return super().ensure_async(func)
