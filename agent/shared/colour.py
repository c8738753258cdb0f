"""Whether to colour what people read on a terminal."""

import os


def is_wanted() -> bool:
    """Unless the terminal knows none, or its owner wants none (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
