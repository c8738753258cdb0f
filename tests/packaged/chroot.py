"""A system that holds nothing but its base: no Python, no Node.js, no compiler."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

USER, USER_ID = "maker", 4321
PLACES = ("proc", "dev/shm")


@dataclass(frozen=True)
class CleanSystem:
    """The folder is the root of it. Everything runs as somebody who owns nothing there."""

    root: Path
    user_id: int = USER_ID
    home: str = f"/home/{USER}"

    def as_root(self, *words: str, **around: str) -> "subprocess.CompletedProcess[str]":
        return self._run(["chroot", str(self.root)], words, around)

    def as_user(self, *words: str, **around: str) -> "subprocess.CompletedProcess[str]":
        """With an environment that holds nothing but what is given."""
        return self._run(self._user(), words, around)

    def begin(self, *words: str, **around: str) -> "subprocess.Popen[str]":
        """Starts something of the user that goes on."""
        return subprocess.Popen(
            [*self._user(), *_environment(self.home, around), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    def write(self, inside: str, text: str, *, mode: int = 0o644, owner: int = 0) -> None:
        file = self.path(inside)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        file.chmod(mode)
        os.chown(file, owner, owner)

    def with_user(self, name: str, user_id: int) -> "CleanSystem":
        """The same system, for one more person. Raises RuntimeError."""
        made = self.as_root("useradd", "--create-home", "--uid", str(user_id), name)
        if made.returncode:
            raise RuntimeError(f"there is no user {name}: {made.stderr}")
        return replace(self, user_id=user_id, home=f"/home/{name}")

    def _user(self) -> list[str]:
        return ["chroot", f"--userspec={self.user_id}:{self.user_id}", str(self.root)]

    def _run(
        self, before: list[str], words: tuple[str, ...], around: dict[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*before, *_environment(self.home, around), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )


@contextmanager
def clean_system(folder: Path) -> Iterator[CleanSystem]:
    """Debian's or Ubuntu's base in the version of this machine. Needs root and debootstrap."""
    root = folder / "root"
    mirror, name = _mirror()
    _checked("debootstrap", "--variant=minbase", name, str(root), mirror)
    mounted: list[Path] = []
    try:
        for place in PLACES:
            kind = "proc" if place == "proc" else "tmpfs"
            _checked("mount", "-t", kind, "none", str(root / place))
            mounted.append(root / place)
        yield CleanSystem(root).with_user(USER, USER_ID)
    finally:
        for point in reversed(mounted):
            _checked("umount", "--lazy", str(point))


def _environment(home: str, around: dict[str, str]) -> list[str]:
    plain = {"HOME": home, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in (plain | around).items())]


def _mirror() -> tuple[str, str]:
    """Where this machine gets its packages from, and what its version is called."""
    name = _value_of("VERSION_CODENAME")
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)"]
    told = subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout
    places = [line.split()[0] for line in told.splitlines() if line.split()[1:] == [name]]
    return places[0], name


def _value_of(field: str) -> str:
    for line in Path("/etc/os-release").read_text("utf-8").splitlines():
        name, _, value = line.partition("=")
        if name == field:
            return shlex.split(value)[0]
    raise RuntimeError(f"/etc/os-release has no {field}")


def _checked(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {(done.stdout + done.stderr)[-1000:]}")
