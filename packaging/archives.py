"""What is handed out: the folder of the program as an archive, or laid out for others' tools."""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from environment import ROOT

LINUX = ROOT / "packaging" / "linux"
ICON = ROOT / "ui" / "web" / "public" / "icon.svg"
SUMS = "SHA256SUMS"
HANDED_OUT = (".tar.gz", ".deb", ".AppImage", ".zip", ".exe", ".dmg")


@dataclass(frozen=True)
class Release:
    """What is packed: a kind of the program, in one version, for this machine."""

    kind: str
    version: str
    folder: Path
    into: Path
    epoch: int
    is_fast: bool

    @property
    def name(self) -> str:
        """How its archives begin: orca-agents-0.1.0-linux-x86_64."""
        kind = "" if self.kind == "headless" else f"-{self.kind}"
        machine = platform.machine().lower()
        system = {"darwin": "macos"}.get(platform.system().lower(), platform.system().lower())
        return f"orca-agents{kind}-{self.version}-{system}-{machine}"


def tar(release: Release) -> Path:
    """The same bytes for the same folder: sorted, without owners, with one time for all."""
    target = release.into / f"{release.name}.tar.gz"

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = release.epoch
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    level = 1 if release.is_fast else 9
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", level, raw, mtime=release.epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path in [release.folder, *sorted(release.folder.rglob("*"))]:
            name = Path(release.name, path.relative_to(release.folder))
            archive.add(path, str(name), recursive=False, filter=plain)
    return target


def zipped(release: Release) -> Path:
    target = release.into / f"{release.name}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(release.folder.rglob("*")):
            if path.is_file():
                archive.write(path, Path(release.name, path.relative_to(release.folder)))
    return target


def appdir(release: Release) -> Path:
    """A folder as appimagetool takes it: packaging/linux/appimage.sh makes the one file of it."""
    target = release.into / f"{release.name}.AppDir"
    shutil.rmtree(target, ignore_errors=True)
    inner = target / "usr" / "lib" / "orca-agents"
    copy_tree(release.folder, inner)
    shutil.copy(LINUX / "AppRun", target / "AppRun")
    (target / "AppRun").chmod(0o755)
    (target / "orca-agents.desktop").write_text(desktop_entry(release.kind), "utf-8")
    shutil.copy(ICON, target / "orca-agents.svg")
    (target / ".DirIcon").symlink_to("orca-agents.svg")
    return target


MAKERS: dict[str, Callable[[Release], Path]] = {"tar": tar, "zip": zipped, "appdir": appdir}


def desktop_entry(kind: str) -> str:
    """The menu's entry: the tray where there is one, else the page in the browser."""
    file = "orca-agents-desktop.desktop" if kind == "desktop" else "orca-agents.desktop"
    return (LINUX / file).read_text("utf-8")


def copy_tree(source: Path, target: Path) -> None:
    """With symbolic links as they are. Files that are alike on one disk share their place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, symlinks=True, copy_function=_linked)


def write_sums(folder: Path) -> Path:
    """As `sha256sum --check` reads it, of every archive in the folder."""
    target = folder / SUMS
    files = sorted(file for file in folder.iterdir() if file.name.endswith(HANDED_OUT))
    target.write_text("".join(f"{_digest(file)}  {file.name}\n" for file in files), "utf-8")
    return target


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another disk
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
