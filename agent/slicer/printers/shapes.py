"""Printers and prints as clients see them."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StrictBool, StringConstraints

from agent.shared.problems import Problem
from agent.shared.web import In, Out
from agent.slicer.printers.addresses import is_loopback
from agent.slicer.printers.looking import Seen
from agent.slicer.printers.rules import Activity, Print, Printer, Result

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"),
    Field(description="Small letters, digits and dashes. It can stand in place of the id."),
]
Address = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Short = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f\"\\]*$")]
Kind = Literal["octoprint", "moonraker", "prusalink"]
HoldWord = Annotated[
    Literal["always", "blocking", "never"],
    Field(description="Which files wait for a click: all, those with a blocking finding, none."),
]
Key = Annotated[SecretStr, Field(max_length=500)]


class PrinterIn(In):
    """A printer to be added. `key` is kept in the keyring or a private file, and never told."""

    name: Name
    kind: Kind
    url: Annotated[Address, Field(description="Such as http://192.168.1.20 or octopi.local.")]
    key: Annotated[Key, Field(description="API key, or the password of `user`.")] = SecretStr("")
    user: Annotated[Short, Field(description="PrusaLink with a password: the user's name.")] = ""
    hold: HoldWord = "blocking"
    storage: Annotated[Short, Field(description="PrusaLink: where files go, such as usb.")] = ""
    camera_url: Annotated[
        str,
        Field(max_length=500, description="Of single pictures. Empty: as the printer says."),
    ] = ""
    ca_file: str | None = Field(default=None, min_length=1, max_length=1000)
    force: StrictBool = Field(default=False, description="Add it even if it does not answer now.")


class PrinterChangeIn(In):
    """What is left out stays. An empty `key` takes the key away."""

    name: Name | None = None
    url: Address | None = None
    key: Key | None = None
    user: Short | None = None
    hold: HoldWord | None = None
    storage: Short | None = None
    camera_url: Annotated[str, Field(max_length=500)] | None = None


class PrinterOut(Out):
    """A printer. Never its key: `key_place` says where that lies."""

    id: str
    name: str
    kind: Kind
    url: str
    hold: Literal["always", "blocking", "never"]
    storage: str
    user: str
    camera_url: str
    ca_file: str | None
    has_key: bool
    key_place: str | None
    warning: str | None
    print_host: Annotated[str, Field(description="What the slicer's host ends with.")]
    created_at: str


class PrintersOut(Out):
    items: list[PrinterOut]
    next_cursor: str | None


class TemperatureOut(Out):
    name: Annotated[str, Field(description="bed, chamber, nozzle, nozzle 2 and so on.")]
    actual: float | None
    target: float | None


class PrinterStateOut(Out):
    """What a printer does now. `problem` says why it could not be asked."""

    printer: str
    state: Activity
    detail: str
    file: str | None
    progress: Annotated[float | None, Field(ge=0, le=1)]
    elapsed_seconds: int | None
    remaining_seconds: int | None
    temperatures: list[TemperatureOut]
    asked_at: str
    problem: Problem | None


class PrinterTestedOut(PrinterStateOut):
    program: Annotated[str, Field(description="What answers there, and its version.")]


class ForwardIn(In):
    """Where a file goes, and whether it is printed there at once."""

    printer: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    print: StrictBool = False


class OutcomeIn(In):
    result: Literal["finished", "failed", "cancelled", "unknown"]
    note: str = Field(default="", max_length=2000)


class PrintOut(Out):
    """A print of a file. `result` is null while it goes on; `source` says who told it."""

    id: str
    file_id: str
    printer: str
    printer_id: str | None
    started_at: str | None
    ended_at: str | None
    result: Result | None
    source: Literal["printer", "user"] | None
    note: str


class PrintsOut(Out):
    items: list[PrintOut]
    next_cursor: str | None


def printer_json(printer: Printer) -> dict[str, object]:
    is_clear = printer.url.startswith("http:") and not is_loopback(printer.url)
    is_told = is_clear and bool(printer.key_place) and not printer.user
    return {
        "id": printer.id,
        "name": printer.name,
        "kind": printer.kind,
        "url": printer.url,
        "hold": printer.hold,
        "storage": printer.storage,
        "user": printer.user,
        "camera_url": printer.camera_url,
        "ca_file": printer.ca_file.name if printer.ca_file else None,
        "has_key": bool(printer.key_place),
        "key_place": printer.key_place or None,
        "warning": "The key travels in clear text, as is usual at home." if is_told else None,
        "print_host": f"/printhost/{printer.name}",
        "created_at": printer.created_at,
    }


def state_json(printer: Printer, seen: Seen) -> dict[str, object]:
    report = seen.report
    return {
        "printer": printer.id,
        "state": report.activity.value,
        "detail": report.detail,
        "file": report.path,
        "progress": report.progress,
        "elapsed_seconds": report.elapsed_s,
        "remaining_seconds": report.left_s,
        "temperatures": [
            {"name": one.name, "actual": one.actual, "target": one.target}
            for one in report.temperatures
        ],
        "asked_at": seen.asked_at,
        "problem": seen.problem,
    }


def print_json(one: Print) -> dict[str, object]:
    return {
        "id": one.id,
        "file_id": one.file_id,
        "printer": one.printer_name,
        "printer_id": one.printer_id,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "result": one.result.value if one.result else None,
        "source": one.source,
        "note": one.note,
    }
