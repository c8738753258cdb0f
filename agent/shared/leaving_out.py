"""Importing a library without another one that it would take along and that is not needed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def leaving_out(*names: str) -> Iterator[None]:
    """Within the block these cannot be imported, unless they have been already; behind it they
    can be."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # how import is told that there is none
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
