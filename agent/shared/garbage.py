"""When Python looks for garbage: not while a program is loaded, and seldom afterwards."""

import gc


def rest() -> None:
    """For the time in which all is loaded: there is nothing to collect, and to look takes a fifth
    of that time."""
    gc.disable()


def resume() -> None:
    """All is loaded, and stays. An answer makes thousands of small things that nothing refers to
    in a circle."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
