"""Puts the plugin where OrcaSlicer 2.5 and newer look for it, and takes it away again.

It lies in `<data folder>/orca_plugins/orca_agents/`, with one entry file, as the slicer wants it.
Nothing else below the slicer's folder is touched."""

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from agent.shared.errors import Conflict, Denied, Invalid, NotFound
from agent.shared.private_file import write_private
from agent.slicer.plugin.rules import FILE, FOLDER, State, state_of, version_of

PLUGINS = "orca_plugins"
SLICERS_OWN = ("user", "system")  # folders that every data folder has
RECORD = "plugin.json"
LARGEST_BYTES = 1 << 20
# In a package, and in a clone.
PLACES = (
    Path(__file__).parent / "files" / FILE,
    Path(__file__).parents[3] / "ui" / "orcaslicer" / FILE,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A data folder of OrcaSlicer. `version` is that of the plugin which is there."""

    path: Path
    state: State
    version: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """`kept` is the name of the copy of a file that was not as we had left it."""

    place: Place
    kept: str | None = None


class PluginService:
    """Every call reads the disk: a slicer installs and removes plugins too. Blocks, and is safe to
    use from several threads."""

    def __init__(self, data_dir: Path, folders: Callable[[], Sequence[Path]]) -> None:
        self._record, self._folders = data_dir / RECORD, folders
        self._writing = threading.Lock()

    @property
    def version(self) -> str:
        return version_of(self._ours()) or "?"

    def places(self) -> list[Place]:
        """The data folders of OrcaSlicer on this computer. Raises NotFound `no-plugin-file`."""
        ours, record = self._ours(), self._read_record()
        return [_looked_at(folder, ours, record) for folder in self._folders()]

    def install(self, path: str | None) -> list[Done]:
        """Into this one of the data folders, as it is listed, or one elsewhere that the slicer has
        made, or into all that are listed. A file that somebody changed is kept beside.

        Raises NotFound `no-slicer-folder` or `no-plugin-file`, Conflict `plugin-is-link` and
        Denied `plugin-not-written`."""
        ours = self._ours()
        with self._writing:
            return [self._put(folder, ours) for folder in self._chosen(path)]

    def remove(self, path: str | None) -> list[Done]:
        """From this data folder, or from all of them. A file that somebody changed is kept."""
        ours = self._ours()
        with self._writing:
            return [self._take(folder, ours) for folder in self._chosen(path)]

    def _put(self, folder: Path, ours: str) -> Done:
        file = _file_in(folder)
        found = _looked_at(folder, ours, self._read_record())
        kept = None
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if found.state in {"changed", "newer"}:
                kept = _keep(file)
            if found.state != "current":
                _replace(file, ours)
        except OSError as err:
            raise _not_written(folder, err) from err
        self._note(folder, _digest(ours))
        return Done(_looked_at(folder, ours, self._read_record()), kept)

    def _take(self, folder: Path, ours: str) -> Done:
        file = _file_in(folder)
        found = _looked_at(folder, ours, self._read_record())
        kept = None
        try:
            if found.state == "changed":
                kept = _keep(file)
            file.unlink(missing_ok=True)
            if file.parent.is_dir() and not any(file.parent.iterdir()):
                file.parent.rmdir()
        except OSError as err:
            raise _not_written(folder, err) from err
        self._note(folder, None)
        return Done(_looked_at(folder, ours, {}), kept)

    def _chosen(self, path: str | None) -> list[Path]:
        known = list(self._folders())
        if path is None:
            if not known:
                raise NotFound(
                    "no-slicer-folder",
                    "OrcaSlicer has no data folder here. Start it once, or name its folder with "
                    "the setting slicer_data_dirs.",
                )
            return known
        same = [one for one in known if one == Path(path)]  # as words: it may be no path at all
        if not same and _is_slicers(Path(path)):
            return [Path(path)]
        if not same:
            raise NotFound(
                "no-slicer-folder",
                "That is no data folder of OrcaSlicer: it is not known here, and holds no folders "
                "user and system. Start OrcaSlicer once with it, or name it with the setting "
                "slicer_data_dirs.",
            )
        return same[:1]

    def _ours(self) -> str:
        for place in PLACES:
            if place.is_file():
                return place.read_text("utf-8")
        raise NotFound(
            "no-plugin-file", "This installation carries no plugin. Install the program anew."
        )

    def _read_record(self) -> dict[str, str]:
        try:
            said = orjson.loads(self._record.read_bytes())
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _note(self, folder: Path, digest: str | None) -> None:
        record = {k: v for k, v in self._read_record().items() if k != str(folder)}
        if digest is not None:
            record[str(folder)] = digest
        try:
            write_private(self._record, orjson.dumps(record, option=orjson.OPT_INDENT_2).decode())
        except OSError as err:  # then a change by hand looks like an older version
            log.warning("where the plugin was put is not noted: %s", err.strerror)


def _is_slicers(folder: Path) -> bool:
    """Whether OrcaSlicer has made it."""
    try:
        return folder.is_absolute() and all((folder / one).is_dir() for one in SLICERS_OWN)
    except OSError:  # such as a name that is too long
        return False


def _looked_at(folder: Path, ours: str, record: dict[str, str]) -> Place:
    file = _file_in(folder)
    there = _text(file)
    digest = None if there is None else _digest(there)
    state = state_of(there, ours, written=record.get(str(folder)), digest=digest)
    return Place(folder, state, None if there is None else version_of(there))


def _file_in(folder: Path) -> Path:
    """Raises Conflict where a link would lead the writing elsewhere."""
    plugins = folder / PLUGINS
    for part in (plugins, plugins / FOLDER, plugins / FOLDER / FILE):
        if part.is_symlink():
            raise Conflict(
                "plugin-is-link",
                f"{part.name} in OrcaSlicer's folder is a link to another place, so nothing is "
                "written there. Remove the link, or use Install local plugin in OrcaSlicer.",
            )
    return plugins / FOLDER / FILE


def _text(file: Path) -> str | None:
    try:
        if file.stat().st_size > LARGEST_BYTES:
            return ""  # no plugin of ours: counts as changed
        return file.read_text("utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise Denied(
            "plugin-not-read",
            f"The plugin in OrcaSlicer's folder cannot be read: {err.strerror}.",
        ) from err


def _keep(file: Path) -> str:
    """Renames it to a name that is no entry file of a plugin."""
    number = 1
    while (kept := file.with_name(f"{file.name}.kept-{number}")).exists():
        number += 1
    file.rename(kept)
    return kept.name


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8", newline="\n")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _not_written(folder: Path, err: OSError) -> Denied | Invalid:
    return Denied(
        "plugin-not-written",
        f"OrcaSlicer's folder {folder.name} cannot be written: {err.strerror}. Use Install local "
        "plugin in OrcaSlicer's Plugins window.",
    )
