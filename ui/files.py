"""Where downloads go, and what belongs into a browser."""

import webbrowser
from pathlib import Path

# Where the link that starts the agent leads. A name that never exists, as web engines ask about
# no address of an unknown kind; it is a button and never loaded.
START = "http://start.orca-agents.invalid/"


def free_name(folder: Path, name: str) -> Path:
    """`name`, or `name (2)` and so on where that is taken."""
    stem, dot, suffix = name.partition(".")
    file, number = folder / name, 2
    while file.exists():
        file, number = folder / f"{stem} ({number}){dot}{suffix}", number + 1
    return file


def in_browser(address: str) -> None:
    """Opens what is not ours where it belongs; what is no page is left alone."""
    if address != START and address.startswith(("http://", "https://", "mailto:")):
        webbrowser.open(address)
