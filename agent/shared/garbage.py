"""When Python looks for garbage: not while a program is loaded, and seldom afterwards."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """For the time in which all is loaded: there is nothing to collect, and to look takes a fifth
    of that time. It ends with `resume`, and with the block at the latest."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resume() -> None:
    """All is loaded, and stays. An answer makes thousands of small things that nothing refers to
    in a circle."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
