"""What the desktop remembers between two starts: the window's place, and the version last seen."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from ui.rules import Place

FILE_NAME = "window.json"


class Kept:
    """A small file in the data folder. One that is lost or broken is nothing to talk about."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / FILE_NAME
        self._known = _read(self._file)

    @property
    def place(self) -> Mapping[str, object]:
        found = self._known.get("place")
        return found if isinstance(found, dict) else {}

    @property
    def version(self) -> str:
        """Of the agent, as last seen; empty at the first start."""
        return str(self._known.get("version", ""))

    def keep(self, *, place: Place | None = None, version: str = "") -> None:
        """Writes what has changed. Raises nothing: it is a convenience."""
        news: dict[str, object] = {"place": asdict(place)} if place else {}
        changed = self._known | news | ({"version": version} if version else {})
        if changed == self._known:
            return
        self._known = changed
        draft = self._file.with_name(f".{FILE_NAME}.{os.getpid()}")
        with suppress(OSError):
            draft.write_text(json.dumps(changed, indent=2), "utf-8")
            draft.replace(self._file)


def _read(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
