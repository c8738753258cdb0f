"""Makes the packages, and uses what it made: packaging/build.py [--kind headless|desktop]

What comes out lies in dist/: the program as a folder, the archives made of it, SHA256SUMS, an SBOM
and the licences of everything inside. An archive of a program that did not pass the self-test is
never made.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import archives
import debian
import environment
import freezing
import pages
import signing
from environment import ROOT, SetupError, say

LIMIT_MB = {"headless": 110.0}
LIVE_WITHIN_S = 1.2
MB = 1_000_000
FORMATS = {
    "linux": ("tar", "deb", "appdir"),
    "win32": ("zip", "setup"),
    "darwin": ("tar", "app"),
}


def main() -> int:
    formats = FORMATS.get(sys.platform, ("tar",))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=freezing.WHAT, default="headless")
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    parser.add_argument("--format", action="append", choices=formats, help="default: all of these")
    parser.add_argument("--fast", action="store_true", help="compress little, to try things out")
    parser.add_argument("--without-self-test", action="store_true", help="make no archive either")
    asked = parser.parse_args()
    try:
        build(asked.kind, asked.into.resolve(), asked)
    except (SetupError, signing.SigningFailed) as err:
        say(str(err))
        return 1
    return 0


def build(kind: str, into: Path, asked: argparse.Namespace) -> None:
    """Raises SetupError where a step fails; what was made until then stays, to be looked at."""
    began_at = time.monotonic()
    pages.build(must=True)
    epoch, work = _epoch(), into / "work" / kind
    folder = freezing.freeze(kind, into / kind, work, epoch=epoch)
    _say_whose_work(kind, work, folder)
    _has_size(kind, folder)
    signing.sign_programs(folder)
    if asked.without_self_test:
        return
    self_test(folder)
    release = archives.Release(kind, _version(), folder, into, epoch, is_fast=asked.fast)
    made = [
        file
        for name in asked.format or FORMATS.get(sys.platform, ("tar",))
        for file in _made(name, release)
    ]
    archives.write_sums(into)
    for file in made:
        size = freezing.size_bytes(file) if file.is_dir() else file.stat().st_size
        say(f"{file.relative_to(into.parent)}: {size / MB:.1f} MB")
    say(f"all of it took {time.monotonic() - began_at:.0f} s")


def self_test(folder: Path) -> None:
    """Uses the program. Raises SetupError where something does not work, or takes too long."""
    seen = folder.parent / "self-test.json"
    program = folder / f"orca-agent{environment.EXE}"
    command = [sys.executable, ROOT / "packaging" / "selftest.py", program, "--json", seen]
    limits = ["--live-within", str(LIVE_WITHIN_S)] if os.environ.get("CI") != "true" else []
    if subprocess.run([*command, *limits], check=False).returncode:
        raise SetupError("The program that was built does not work: see what failed above.")
    say(f"it works: {len(json.loads(seen.read_text('utf-8')))} things tried")


def _made(name: str, release: archives.Release) -> list[Path]:
    if name == "deb":
        return [debian.package(release)]
    if name in {"setup", "app"}:
        return signing.made_by_the_system(name, release)
    return [archives.MAKERS[name](release)]


def _say_whose_work(kind: str, work: Path, folder: Path) -> None:
    """Puts the SBOM and the licences into the folder."""
    environment.run(
        freezing.prepare(kind),
        ROOT / "packaging" / "inside.py",
        freezing.inside(work),
        pages.BUILT.with_name("licences.json"),
        folder,
        "--version",
        _version(),
    )
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE.txt")


def _has_size(kind: str, folder: Path) -> None:
    size_mb = freezing.size_bytes(folder) / MB
    say(f"the {kind} program takes {size_mb:.1f} MB")
    if size_mb > (most := LIMIT_MB.get(kind, size_mb)):
        raise SetupError(f"That is more than {most:.0f} MB: see what was added to it.")


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def _epoch() -> int:
    """The time that every file in an archive carries: the last commit's, so that two builds of
    one state are alike."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    asked = ["git", "log", "-1", "--format=%ct"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return int(told.stdout.strip() or 0) or int(time.time())


if __name__ == "__main__":
    sys.exit(main())
