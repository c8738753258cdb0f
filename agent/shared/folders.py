"""Where the data lives, and whether that is a place where a database can live."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

import platformdirs
import psutil

VARIABLE = "ORCA_AGENT_DATA_DIR"
NETWORK_TYPES = {
    "9p",
    "afpfs",
    "ceph",
    "cifs",
    "davfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "glusterfs",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb",
    "smb2",
    "smb3",
    "smbfs",
    "webdav",
}
SYNCED = {
    "dropbox": "Dropbox",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "icloud drive": "iCloud",
    "iclouddrive": "iCloud",
    "com~apple~clouddocs": "iCloud",
    "nextcloud": "Nextcloud",
    "onedrive": "OneDrive",
}


def default_data_dir() -> Path:
    """Where this system keeps a program's data of the current user."""
    return Path(platformdirs.user_data_dir("orca-agents", appauthor=False))


def data_dir(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder in force: the one given, else that of the environment, else the default."""
    chosen = given or Path(environment.get(VARIABLE) or default_data_dir())
    return chosen.expanduser().absolute()


def prepare(folder: Path) -> None:
    """Makes the folder, for its owner alone. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def unusable(folder: Path, err: OSError, *, elsewhere: str = f"--data-dir or {VARIABLE}") -> str:
    """What is said of a folder that cannot be prepared. `elsewhere` is how to name another."""
    said = f"The data folder {folder} cannot be used"
    if file := in_the_way(folder, err):
        what = "it" if file == folder else file
        return f"{said}: {what} is a file. Move it away, or name another folder with {elsewhere}."
    return f"{said}: {err.strerror}."


def in_the_way(folder: Path, err: OSError) -> Path | None:
    """The file that is where the folder, or one above it, would have to be."""
    if not isinstance(err, (FileExistsError, NotADirectoryError)):
        return None
    return next((path for path in (folder, *folder.parents) if path.is_file()), None)


def data_dir_warning(folder: Path) -> str | None:
    """A sentence if a database is in danger in this folder; None if nothing speaks against it."""
    real = folder.resolve()
    mounts = [(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]
    return warning(real, mounts)


def warning(folder: PurePath, mounts: Iterable[tuple[str, str]]) -> str | None:
    """`data_dir_warning` for a mount table of (mount point, file system type)."""
    kind = _file_system(folder, mounts)
    if kind in NETWORK_TYPES or str(folder).startswith(("\\\\", "//")):
        return _sentence(f"lies on a network drive ({kind or 'share'})")
    for part in folder.parts:
        # "OneDrive - Company" and "Dropbox (Personal)" are folders of these services, too.
        name = part.casefold().split(" - ")[0].split(" (")[0]
        if name in SYNCED:
            return _sentence(f"is synchronised by {SYNCED[name]}")
    return None


def _file_system(folder: PurePath, mounts: Iterable[tuple[str, str]]) -> str:
    best, kind = -1, ""
    for point, fstype in mounts:
        depth = len(PurePath(point).parts)
        if folder.is_relative_to(point) and depth >= best:  # the later mount hides the earlier
            best, kind = depth, fstype.lower()
    return kind


def _sentence(where: str) -> str:
    return (
        f"The data folder {where}, where databases break. "
        f"Set {VARIABLE} to a folder on a disk of this computer."
    )
