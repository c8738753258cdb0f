"""What a container lets its programs use (Linux, both kinds of control groups)."""

from collections.abc import Iterator
from pathlib import Path


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes, the tightest of this group and those around it; None where nothing is set."""
    told = [*_values(root, "", "memory.max"), *_values(root, "memory", "memory.limit_in_bytes")]
    return min((int(text) for text in told if text.isdecimal()), default=None)


def core_limit(root: Path = Path("/")) -> float | None:
    """Cores, the tightest of this group and those around it; None where nothing is set."""
    pairs = [text.split() for text in _values(root, "", "cpu.max")]
    quotas = _values(root, "cpu", "cpu.cfs_quota_us")
    periods = _values(root, "cpu", "cpu.cfs_period_us")
    pairs += [list(pair) for pair in zip(quotas, periods, strict=False)]
    shares = [
        int(pair[0]) / int(pair[1])
        for pair in pairs
        if len(pair) == 2 and pair[0].isdecimal() and pair[1].isdecimal() and int(pair[1])
    ]
    return min(shares, default=None)


def _values(root: Path, controller: str, name: str) -> Iterator[str]:
    """A file's text in this program's group and every one above it; "" is the unified tree."""
    base = root / "sys/fs/cgroup" / controller
    for group in _groups(root, controller):
        folder = base / group.lstrip("/")
        # Inside a container the path may be that of the host: its root is still the right one.
        while folder != base and folder.is_relative_to(base):
            yield from _text(folder / name)
            folder = folder.parent
        yield from _text(base / name)


def _groups(root: Path, controller: str) -> list[str]:
    lines = [text.splitlines() for text in _text(root / "proc/self/cgroup")]
    parts = [line.split(":", 2) for line in (lines[0] if lines else [])]
    return [one[2] for one in parts if len(one) == 3 and controller in one[1].split(",")]


def _text(file: Path) -> Iterator[str]:
    try:
        yield file.read_text("utf-8", errors="replace").strip()
    except OSError:
        return
