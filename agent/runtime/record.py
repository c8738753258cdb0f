"""`ollama.json`: the child of this data folder, for the next agent if this one is killed."""

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

FILE_NAME = "ollama.json"
SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for good: numbers are given again, this is not. `boot` is empty where the start
    is told as a time of day."""

    pid: int
    started: float
    boot: str = ""

    def is_of(self, other: "Identity | None") -> bool:
        if other is None or (other.pid, other.boot) != (self.pid, self.boot):
            return False
        return abs(other.started - self.started) <= SLACK_S


@dataclass(frozen=True, slots=True)
class Record:
    """A child that was started, and where it listens."""

    child: Identity
    port: int
    binary: str
    started_at: str


def identity(pid: int) -> Identity | None:
    """The process that has this number now; None if there is none."""
    if sys.platform.startswith("linux") and (ticks := _ticks(pid)) is not None:
        # Counted from the start of the system: setting the clock changes nothing.
        return Identity(pid, ticks / os.sysconf("SC_CLK_TCK"), _boot())
    try:
        return Identity(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def lives(child: Identity) -> bool:
    """Whether this very process lives; one that nobody has buried yet does not."""
    if not child.is_of(identity(child.pid)):
        return False
    with suppress(psutil.Error):
        return psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE
    return False


def read(data_dir: Path) -> Record | None:
    """What the file says, true or not."""
    try:
        said = json.loads((data_dir / FILE_NAME).read_text("utf-8"))
        one = said["child"]
        child = Identity(int(one["pid"]), float(one["started"]), str(one["boot"]))
        record = Record(child, int(said["port"]), str(said["binary"]), str(said["started_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if child.pid > 1 and 0 < record.port <= 65_535 else None


def write(data_dir: Path, record: Record) -> None:
    """Replaces the file as one step; only its owner may read it. Raises OSError."""
    file = data_dir / FILE_NAME
    draft = file.with_name(f".{FILE_NAME}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(asdict(record), out)
    draft.replace(file)


def remove(data_dir: Path) -> None:
    with suppress(OSError):
        (data_dir / FILE_NAME).unlink(missing_ok=True)


def _ticks(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
        # Behind the name, which may hold anything: the 20th field is the start.
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""
