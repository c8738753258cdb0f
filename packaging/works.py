"""The works of others that a built program holds, found by where each of its files came from."""

from __future__ import annotations

import json
import platform
import re
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

import licences

ROOT = Path(__file__).resolve().parents[1]
OURS = "orca-agents"
TEXTS = re.compile(
    r"(^|/)(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|PATENTS|AUTHORS)[^/]*$", re.IGNORECASE
)
DPKG_SAYS = re.compile(r"^(\S+?)(?::\w+)?: /")


@dataclass(frozen=True)
class Work:
    """Somebody's work: `origin` is python, npm, system or runtime."""

    origin: str
    name: str
    version: str
    licence: str
    purl: str = ""
    text: str = ""
    parts: tuple[Work, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        return self.origin, self.name, self.version


def program_works(entries: Iterable[tuple[str, str, str]]) -> Iterator[Work]:
    """Those behind the files of build.spec's list. Raises LookupError for a file of nobody."""
    packages, libraries = {"pyinstaller"}, set()  # its bootloader is in no list
    for name, source, kind in entries:
        if kind == "SYMLINK" or not source or source == "-":
            continue
        path = Path(source)
        if owner := _owners().get(str(path)) or _by_name(path):
            packages.add(owner)
        elif not (path.is_relative_to(ROOT) or _is_python(path)):
            libraries.add(_system_package(path, name))
    yield _python()
    for package in sorted(packages - {OURS}):
        yield _of_distribution(package)
    for library in sorted(libraries):
        yield _of_system(library)


def page_works(file: Path) -> Iterator[Work]:
    """Those in the page, as its build has listed them."""
    for one in json.loads(file.read_text("utf-8")):
        yield Work(
            "npm",
            one["name"],
            one["version"],
            licences.spdx(one["identifier"] or ""),
            f"pkg:npm/{one['name'].replace('@', '%40')}@{one['version']}",
            one["text"] or "",
        )


@cache
def _site_packages() -> tuple[Path, ...]:
    return tuple(Path(folder).resolve() for folder in site.getsitepackages())


@cache
def _installed() -> dict[str, Distribution]:
    return {_plain(one.metadata["Name"]): one for one in distributions()}


@cache
def _owners() -> dict[str, str]:
    """By file: the distribution that brought it."""
    return {
        str(Path(str(one.locate_file(file))).resolve()): name
        for name, one in _installed().items()
        for file in one.files or ()
    }


def _by_name(path: Path) -> str | None:
    """For a file that was made after the installation, such as bytecode."""
    for folder in _site_packages():
        if path.is_relative_to(folder):
            top = path.relative_to(folder).parts[0]
            near = (
                owner for file, owner in _owners().items() if file.startswith(f"{folder}/{top}/")
            )
            if owner := next(near, None):
                return owner
    return None


def _is_python(path: Path) -> bool:
    """The standard library, its extensions, and what PyInstaller made of them."""
    homes = (sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    if path.name.startswith("libpython") or path.name in {"base_library.zip", "struct.pyc"}:
        return True
    is_system = sys.base_prefix == "/usr"  # then only the folder of Python itself is meant
    return any(path.is_relative_to(home) for home in homes[1:] if home) or (
        not is_system and path.is_relative_to(homes[0])
    )


def _python() -> Work:
    version = platform.python_version()
    texts = (
        Path(sysconfig.get_path("stdlib"), "LICENSE.txt"),
        Path(sys.base_prefix, "LICENSE.txt"),
        Path(f"/usr/share/doc/python{sys.version_info[0]}.{sys.version_info[1]}/copyright"),
    )
    text = next((file.read_text("utf-8") for file in texts if file.exists()), "")
    return Work("runtime", "python", version, "PSF-2.0", f"pkg:generic/python@{version}", text)


def _of_distribution(name: str) -> Work:
    one = _installed()[name]
    texts = [
        Path(str(one.locate_file(file)))
        for file in one.files or ()
        if TEXTS.search(file.as_posix()) and ".dist-info/" in file.as_posix()
    ]
    return Work(
        "python",
        name,
        one.version,
        licences.of_distribution(name, one.metadata),
        f"pkg:pypi/{name}@{one.version}",
        "\n\n".join(file.read_text("utf-8", errors="replace") for file in sorted(texts)),
        tuple(sorted(_parts_of(one), key=lambda part: part.key)),
    )


def _parts_of(one: Distribution) -> set[Work]:
    """What a wheel says to have inside: Rust crates, C libraries."""
    told = [
        Path(str(one.locate_file(file)))
        for file in one.files or ()
        if ".dist-info/sboms/" in file.as_posix() and file.suffix == ".json"
    ]
    return {
        Work("bundled", part["name"], part.get("version", ""), _said(part), part.get("purl", ""))
        for file in told
        for part in json.loads(file.read_text("utf-8")).get("components", ())
        if _plain(part["name"]) != _plain(one.metadata["Name"])
    }


def _said(part: dict[str, list[dict[str, str | dict[str, str]]]]) -> str:
    words = []
    for one in part.get("licenses", ()):
        inner = one.get("license")
        told = one.get("expression") or (
            (inner.get("id") or inner.get("name")) if isinstance(inner, dict) else ""
        )
        words.append(licences.spdx(str(told or "").replace("/", " OR ")))
    return " AND ".join(f"({word})" if " OR " in word else word for word in words if word)


def _system_package(path: Path, name: str) -> str:
    """The package of the system that a library came with. Raises LookupError."""
    if sys.platform != "linux":
        raise LookupError(f"{name} comes from {path.parent}: say in works.py whose it is")
    real = path.resolve()
    for one in dict.fromkeys((path, real, Path(str(real).removeprefix("/usr")))):
        told = subprocess.run(["dpkg", "-S", one], capture_output=True, text=True, check=False)
        if told.returncode == 0 and (found := DPKG_SAYS.match(told.stdout)):
            return found[1]
    raise LookupError(f"no package has {name}, which lies at {path}")


def _of_system(package: str) -> Work:
    asked = ["dpkg-query", "-W", "-f", "${Version} ${Architecture}\n", package]
    told = subprocess.run(asked, capture_output=True, text=True, check=True)
    version, machine = told.stdout.splitlines()[0].split()
    text = Path("/usr/share/doc", package, "copyright")
    system = platform.freedesktop_os_release().get("ID", "linux")
    return Work(
        "system",
        package,
        version,
        licences.of_system(package),
        f"pkg:deb/{system}/{package.replace('+', '%2B')}@{version}?arch={machine}",
        text.read_text("utf-8", errors="replace") if text.exists() else "",
    )


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
