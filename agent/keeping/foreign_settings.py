"""The settings of a backup from elsewhere: what starts a program, or sends words out, is decided
here and not by whoever made the backup. Everything blocks."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.keeping.rules import is_decided_here
from agent.shared.disk import settle_file

SettingsCheck = Callable[[Path], str | None]  # why the file cannot be used


def settle_settings(
    settings: Path, here: Path, check_settings: SettingsCheck, *, is_own: bool
) -> str | None:
    """Makes restored settings fit to be used. Says what was left out of them."""
    if not settings.exists():
        return None
    problem = _checked(settings, check_settings)
    left_out = [] if problem or is_own else _decide_here(settings, here)
    if problem := problem or _checked(settings, check_settings):
        settings.unlink()
        return f"The settings of the backup were left out: {problem}"
    if not left_out:
        return None
    return (
        "Programs, folders and addresses of a backup from elsewhere are not taken over: "
        f"{', '.join(left_out)}. Where you want them, set them by hand."
    )


def _checked(settings: Path, check_settings: SettingsCheck) -> str | None:
    try:
        return check_settings(settings)
    except RuntimeError:  # nested deeper than a parser goes, or the home of nobody
        return "They cannot be read."


def _decide_here(settings: Path, here: Path) -> list[str]:
    """Gives these settings the values that they have here; says which had others."""
    import tomlkit  # slow import

    theirs, ours = _read(settings), _read(here)
    names = [name for name in (*theirs, *ours) if is_decided_here(name)]
    changed = {name for name in names if theirs.get(name) != ours.get(name)}
    if not changed:
        return []
    document = tomlkit.parse(settings.read_text("utf-8"))
    for name in changed:
        if name in document:
            del document[name]
        if name in ours:
            document[name] = ours[name]
    settings.write_text(tomlkit.dumps(document), "utf-8")
    settle_file(settings)
    return sorted(changed & set(theirs))


def _read(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
