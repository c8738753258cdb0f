"""The disk that a download goes to, where that can be seen: Ollama runs on this computer."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

VARIABLE = "OLLAMA_MODELS"
OF_THE_SERVICE = Path("/usr/share/ollama/.ollama/models")
LAYER = re.compile(r"sha256:([0-9a-f]{64})")
HERE = {"127.0.0.1", "localhost", "::1"}


def free_bytes(url: str, digest: str, environment: Mapping[str, str]) -> int | None:
    """What is free where the server at `url` puts the layer; None where nobody can tell.

    Ollama may be a service with other settings, or in a container: only the layer's own file
    shows the place, and before it is there the variable that a person set for Ollama."""
    if urlsplit(url).hostname not in HERE:
        return None
    told = Path(environment.get(VARIABLE, "").strip())
    places = [told] if told.is_absolute() else []
    folder = _with_layer([*places, Path.home() / ".ollama/models", OF_THE_SERVICE], digest)
    if folder is None and places:
        folder = next((one for one in (told, *told.parents) if _is_there(one)), None)
    try:
        return shutil.disk_usage(folder).free if folder is not None else None
    except OSError:
        return None


def _with_layer(folders: Iterable[Path], digest: str) -> Path | None:
    if (found := LAYER.fullmatch(digest)) is None:
        return None
    name = f"sha256-{found[1]}"
    for folder in folders:
        blobs = folder / "blobs"
        if any(_is_there(blobs / (name + end)) for end in ("-partial", "-partial-0", "")):
            return blobs
    return None


def _is_there(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):  # not to be entered, or no path at all
        return False
