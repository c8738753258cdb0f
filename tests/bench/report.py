"""Rows of the table: what was measured, beside what, and how far the reach is."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import psutil

from tests.bench.processes import Process


@dataclass(slots=True)
class Row:
    """One line. `is_reached` is None where there is nothing to reach, or nothing was measured."""

    what: str
    under: str
    agent: str
    yardstick: str = ""
    ratio: str = ""
    reach: str = ""
    is_reached: bool | None = None
    facts: dict[str, float] = field(default_factory=dict)
    others: float = 0.0  # cores that other programs used meanwhile

    @property
    def mark(self) -> str:
        return {True: "✓", False: "✗", None: ""}[self.is_reached]

    def to_json(self) -> dict[str, object]:
        return asdict(self)


HEAD = ("what", "under", "agent", "yardstick", "ratio", "reach", "", "others")


def table(rows: Sequence[Row]) -> str:
    """As Markdown."""
    lines = [HEAD, tuple("---" for _ in HEAD)]
    lines += [
        (r.what, r.under, r.agent, r.yardstick, r.ratio, r.reach, r.mark, f"{r.others:.1f}")
        for r in rows
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


@dataclass(slots=True)
class Others:
    cores: float = 0.0


@contextmanager
def watching(*ours: Process) -> Iterator[Others]:
    """How many cores programs other than `ours` and this one used inside the block."""
    found, began = Others(), time.perf_counter()
    before = _busy_s(ours)
    yield found
    found.cores = max(0.0, _busy_s(ours) - before) / (time.perf_counter() - began)


def _busy_s(ours: Sequence[Process]) -> float:
    machine = psutil.cpu_times()
    own = psutil.Process().cpu_times()
    busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0)
    busy -= getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)
    busy -= own.user + own.system
    # What this one started and has ended is its own as well; Windows does not tell.
    busy -= getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
    return busy - sum(process.cpu_s() for process in ours)


def thousands(value: float) -> str:
    return f"{value:,.0f}"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
