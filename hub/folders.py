"""Where the hub keeps what is not in its database."""

from pathlib import Path

import platformdirs


def default_data_dir() -> Path:
    """Where this system keeps a program's data of the current user."""
    return Path(platformdirs.user_data_dir("orca-hub", appauthor=False))
