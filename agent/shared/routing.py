"""Routes that are set up quickly: what nobody asks of them is not made beforehand."""

from collections.abc import Callable
from typing import Any

from quart.routing import QuartRule

Built = Callable[..., tuple[str, str]]


class LazyRule(QuartRule):
    """The address of a route. Werkzeug compiles two functions for each that make an address out
    of a route's name, a third of the time that it takes to open a program with hundreds of
    routes; ours never ask for one."""

    def _compile_builder(self, append_unknown: bool = True) -> Built:  # noqa: FBT001, FBT002 - so it is called
        compiled = super()._compile_builder

        def build(*values: Any, **named: Any) -> tuple[str, str]:  # Any: of Werkzeug
            return compiled(append_unknown)(*values, **named)

        return build
