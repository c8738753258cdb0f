"""The .deb: the program below /usr/lib, its command, an entry in the menu, nothing that starts."""

from __future__ import annotations

import email.utils
import gzip
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import freezing
from archives import ICON, LINUX, Release, copy_tree, desktop_entry
from environment import ROOT, SetupError

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
HOME = Path("usr/lib/orca-agents")
MAINTAINER = "Orca Agents contributors <contributors@orca-agents.invalid>"
SCRIPTS = ("prerm", "postrm")
GLIBC = re.compile(rb"GLIBC_2\.(\d+)")
NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")
KNOWN_AT = re.compile(r"^\s*(\S+) \(.*\) => (\S+)$", re.MULTILINE)
SUMMARY = {
    "headless": "private assistant beside OrcaSlicer, in browser and terminal",
    "desktop": "private assistant beside OrcaSlicer, with window and tray icon",
}
OTHER = {"headless": "orca-agents-desktop", "desktop": "orca-agents"}


def package(release: Release) -> Path:
    """Raises SetupError where this system has no dpkg-deb."""
    if shutil.which("dpkg-deb") is None:
        raise SetupError("There is no dpkg-deb here, so no .deb is made.")
    name = _name(release)
    root = release.into / "work" / f"{name}.root"
    shutil.rmtree(root, ignore_errors=True)
    copy_tree(release.folder, root / HOME)
    _around(root, release)
    _control(root, release)
    _same_times(root, release.epoch)
    target = release.into / f"{name}_{release.version}_{_machine()}.deb"
    squeeze = ("-Zgzip", "-z1") if release.is_fast else ("-Zxz", "-z6")
    command = ["dpkg-deb", "--root-owner-group", *squeeze, "--build", root, target]
    around = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch)}
    done = subprocess.run(command, env=around, capture_output=True, text=True, check=False)
    shutil.rmtree(root)
    if done.returncode:
        raise SetupError(f"dpkg-deb failed: {done.stderr.strip()}")
    return target


def control(release: Release, installed_kb: int, glibc: int, libraries: list[str]) -> str:
    """What dpkg reads of the package."""
    name, other = _name(release), OTHER[release.kind]
    fields = {
        "Package": name,
        "Version": release.version,
        "Architecture": _machine(),
        "Maintainer": MAINTAINER,
        "Installed-Size": str(installed_kb),
        "Depends": ", ".join([f"libc6 (>= 2.{glibc})", *libraries]),
        "Recommends": "ca-certificates, xdg-utils",
        "Conflicts": other,
        "Replaces": other,
        "Section": "utils",
        "Priority": "optional",
        "Description": SUMMARY[release.kind],
    }
    lines = [f"{field}: {value}" for field, value in fields.items()]
    words = (LINUX / "description.txt").read_text("utf-8").strip().splitlines()
    return "\n".join([*lines, *(f" {line.strip() or '.'}" for line in words), ""])


def newest_glibc(folder: Path) -> int:
    """The second number of the newest glibc that a file of the folder asks for."""
    asked = {
        int(number)
        for file in folder.rglob("*")
        if freezing.is_elf(file)
        for number in GLIBC.findall(file.read_bytes())
    }
    return max(asked)


def needed_packages(folder: Path) -> list[str]:
    """Debian's packages of the libraries that the program's ask for and the folder has not."""
    files = [file for file in folder.rglob("*") if freezing.is_elf(file)]
    own = {path.name for path in folder.rglob("*")}
    asked = set(NEEDED.findall(_told("readelf", "--dynamic", "--wide", *map(str, files)))) - own
    places = dict(KNOWN_AT.findall(_told("/sbin/ldconfig", "--print-cache")))
    packages = {_package_of(places[name]) for name in asked if name in places}
    return sorted(packages - {"libc6", ""})


def _package_of(library: str) -> str:
    for place in (library, str(Path(library).resolve()), f"/usr{library}"):
        done = subprocess.run(["dpkg", "-S", place], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    return ""


def _told(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def _around(root: Path, release: Release) -> None:
    """Everything but the program itself."""
    share, name = root / "usr/share", _name(release)
    command = root / "usr/bin/orca-agent"
    command.parent.mkdir(parents=True)
    command.symlink_to("../lib/orca-agents/orca-agent")
    _write(share / "applications" / "orca-agents.desktop", desktop_entry(release.kind))
    _write(share / "icons/hicolor/scalable/apps/orca-agents.svg", ICON.read_text("utf-8"))
    _packed(share / "man/man1/orca-agent.1.gz", (LINUX / "orca-agent.1").read_bytes())
    document = share / "doc" / name
    _write(document / "copyright", _copyright())
    _packed(document / "CHANGELOG.md.gz", (ROOT / "CHANGELOG.md").read_bytes())
    _packed(document / "changelog.gz", _changelog(name, release).encode())
    for file in ("LICENCES.txt", "sbom.cdx.json"):
        (document / file).symlink_to(os.path.relpath(root / HOME / file, document))
    overrides = (LINUX / "lintian-overrides").read_text("utf-8").replace("@NAME@", name)
    _write(share / "lintian/overrides" / name, overrides)


def _changelog(name: str, release: Release) -> str:
    """In Debian's form: what is new stands in the file for people."""
    day = email.utils.formatdate(release.epoch)
    head = f"{name} ({release.version}) unstable; urgency=medium"
    return f"{head}\n\n  * See CHANGELOG.md.gz beside this file.\n\n -- {MAINTAINER}  {day}\n"


def _copyright() -> str:
    """The project's own licence, in the form that Debian's tools read."""
    _, owner, *words = (ROOT / "LICENSE").read_text("utf-8").strip().split("\n\n")
    told = "\n .\n".join(f" {part}".replace("\n", "\n ") for part in words)
    form = (LINUX / "copyright").read_text("utf-8")
    return form.replace("@COPYRIGHT@", owner.removeprefix("Copyright (c) ")).replace(
        "@LICENCE@", told
    )


def _control(root: Path, release: Release) -> None:
    place = root / "DEBIAN"
    installed_kb = -(-freezing.size_bytes(root) // 1024)
    glibc = newest_glibc(root / HOME)
    libraries = needed_packages(root / HOME)
    _write(place / "control", control(release, installed_kb, glibc, libraries))
    for script in SCRIPTS:
        _write(place / script, (LINUX / "scripts" / script).read_text("utf-8"))
        (place / script).chmod(0o755)


def _same_times(root: Path, epoch: int) -> None:
    """So that two packages of one state are alike, down to the modes."""
    for path in root.rglob("*"):
        if path.is_symlink():
            os.utime(path, (epoch, epoch), follow_symlinks=False)
            continue
        is_run = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if is_run else 0o644)
        os.utime(path, (epoch, epoch))


def _name(release: Release) -> str:
    return "orca-agents" if release.kind == "headless" else f"orca-agents-{release.kind}"


def _machine() -> str:
    machine = platform.machine()
    return MACHINES.get(machine, machine)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _packed(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content, 9, mtime=0))
