"""What a printer is, what it says of itself, and what of that lets us go on without asking."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from agent.slicer.printhost.rules import Hold

PrinterKind = Literal["octoprint", "moonraker", "prusalink"]
PRINTABLE = (".gcode", ".gco", ".g", ".bgcode")
NAME_CHARACTERS = 100
FIRST_RETRY_S, LONGEST_RETRY_S = 0.25, 15.0


class Activity(StrEnum):
    """What a printer does, in words that fit all of them."""

    IDLE = "idle"
    PRINTING = "printing"
    PAUSED = "paused"
    BUSY = "busy"
    ERROR = "error"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


AT_WORK = (Activity.PRINTING, Activity.PAUSED)


class Result(StrEnum):
    """How a print ended."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Step(StrEnum):
    """How far a forward got; written down before the next step is taken.

    From `starting` on the printer may be printing, whatever was heard of it: no program goes on
    from there by sending the order once more. `unclear`: a person was told so."""

    UPLOADING = "uploading"
    STORED = "stored"
    STARTING = "starting"
    UNCLEAR = "unclear"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class Printer:
    """A printer as it was added. `storage` and `user` are for PrusaLink, `key_place` says in
    words where its key lies, and is empty if it has none. `created_at` is RFC 3339."""

    id: str
    name: str
    kind: PrinterKind
    url: str
    created_at: str
    hold: Hold = "blocking"
    storage: str = ""
    user: str = ""
    camera_url: str = ""
    ca_file: Path | None = None
    key_place: str = ""


@dataclass(frozen=True, slots=True)
class Temperature:
    """Degrees Celsius. `name` is `bed`, `chamber`, `nozzle`, `nozzle 2`…"""

    name: str
    actual: float | None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a printer says of itself now. `progress` is 0 to 1, `path` the file that it prints
    or printed last, `detail` its own words."""

    activity: Activity
    detail: str = ""
    path: str | None = None
    progress: float | None = None
    elapsed_s: int | None = None
    left_s: int | None = None
    temperatures: tuple[Temperature, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A file on a printer. `stamp` is another one once it was written anew."""

    path: str
    size_bytes: int
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a job got. `stamp` is of the file that was stored; `mark` is what the printer said
    before the print was ordered, which is another one once it has printed the file."""

    job_id: str
    printer_id: str
    step: Step = Step.UPLOADING
    path: str = ""
    stamp: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Print:
    """A print of a file. `result` is None while it goes on, `source` says who told it. Times are
    RFC 3339; `printer_id` is None where the printer is not known here, or was removed."""

    id: str
    file_id: str
    printer_name: str = ""
    printer_id: str | None = None
    job_id: str | None = None
    path: str = ""
    mark: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    result: Result | None = None
    source: Literal["printer", "user"] | None = None
    note: str = ""


def name_on_printer(name: str) -> str:
    """A file name that every printer takes and none changes: ASCII without spaces or paths."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    folded = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode()
    stem, dot, extension = folded.rpartition(".")
    if not dot:
        stem, extension = folded, "gcode"
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-")[:NAME_CHARACTERS] or "print"
    return f"{stem}.{re.sub(r'[^A-Za-z0-9]', '', extension).lower()[:10] or 'gcode'}"


def is_printable(name: str) -> bool:
    """Whether printers print such a file: G-code, no project."""
    return name.lower().endswith(PRINTABLE)


def is_same_file(told: str | None, path: str) -> bool:
    """Whether the path that a printer tells means the file that was stored there as `path`."""
    if not told:
        return False
    return told.strip("/").casefold() == path.strip("/").casefold()


def has_taken_it(report: Report, path: str, mark_before: str, mark_now: str) -> bool:
    """Whether it is certain that the order to print `path` was followed."""
    if report.activity in AT_WORK and is_same_file(report.path, path):
        return True
    return is_later(mark_now, mark_before)


def is_later(mark: str, before: str) -> bool:
    """Whether a printer has counted one more since `before`. Marks are numbers between slashes,
    hexadecimal, none of which goes down while the printer remembers."""
    return _counted(mark) > _counted(before)


def _counted(mark: str) -> int:
    try:
        return sum(int(number, 16) for number in mark.split("/") if number)
    except ValueError:
        return 0


def is_stored(found: Stored | None, before: Stored | None, size_bytes: int) -> bool:
    """Whether an upload whose answer was lost has arrived whole. A file of the same size that
    was there before is no proof."""
    if found is None or found.size_bytes != size_bytes:
        return False
    return before is None or before.stamp != found.stamp


def retry_after_s(attempt: int) -> float:
    """The wait before attempt number `attempt`, the second being the first that waits."""
    return float(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** max(0, attempt - 2)))
