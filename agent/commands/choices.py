"""Settings that are well formed, and yet cannot work here."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent.models.profiles import OWN_NAME, names_here
from agent.settings import Settings
from agent.shared.errors import Invalid

PROGRAMS = ("ollama_binary", "orcaslicer_binary", "prusaslicer_binary")


@dataclass(frozen=True, slots=True)
class Unfit:
    """One such setting. `fix` is a sentence about what to do."""

    name: str
    text: str
    fix: str


def unfit(settings: Settings) -> Iterator[Unfit]:
    """Each of them. Reads the disk, and asks nobody."""
    yield from _profile(settings)
    for name in PROGRAMS:
        if (program := getattr(settings, name)) and not _runs(program):
            text = f"{name}: there is no program at {program}"
            yield Unfit(name, text, f"Correct {name}, or take it out: the usual places count then.")
    for folder in settings.slicer_data_folders:
        if not folder.is_dir():
            fix = "Correct it, or make the folder: no presets are read from there."
            yield Unfit("slicer_data_dirs", f"slicer_data_dirs: there is no folder {folder}", fix)
    if settings.otlp_endpoint and not _is_address(settings.otlp_endpoint):
        fix = "Set it to one such as http://127.0.0.1:4318, or take it out: no traces are sent."
        yield Unfit("otlp_endpoint", "otlp_endpoint is no address", fix)


def _profile(settings: Settings) -> Iterator[Unfit]:
    if not settings.profile:
        return
    try:
        names = names_here(settings.data_dir / OWN_NAME)
    except Invalid as err:
        yield Unfit("profile", err.detail, "Correct the file: the built-in profiles count.")
        return
    if settings.profile not in names:
        fix = f"There are: {', '.join(names)}. Until then the one that fits is used."
        yield Unfit("profile", f"there is no profile called {settings.profile}", fix)


def _runs(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # such as a bracket too many
        return False
