"""What a print host takes and gives: in the words of OctoPrint, of Moonraker, and in ours."""

from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool

from agent.shared.web import In, Out, Page
from agent.slicer.shapes import JobOut, SlicerFileShortOut


class HeldOut(JobOut):
    printer_name: str
    file: SlicerFileShortOut


class HeldPage(Out):
    items: list[HeldOut]
    next_cursor: str | None


class HeldQuery(Page):
    limit: int = Field(default=50, ge=1, le=200)


class ReleaseIn(In):
    print: Annotated[
        StrictBool | None, Field(description="Whether it is printed there; else as it was wanted.")
    ] = None


class OctoPrintVersionOut(Out):
    api: str
    server: str
    text: str


class OctoPrintUpload(In):
    """The form that slicers send to an OctoPrint."""

    model_config = ConfigDict(extra="allow")

    print: str = "false"
    path: Annotated[str, Field(description="A folder; what is sent here lies in none.")] = ""
    plateindex: Annotated[str, Field(description="Counts from 1; of a 3MF.")] = ""
    file: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class OctoPrintFileOut(Out):
    name: str
    path: str
    origin: str


class OctoPrintFilesOut(Out):
    local: OctoPrintFileOut


class OctoPrintUploadOut(Out):
    """`job_id` and `state` are our own."""

    done: bool
    files: OctoPrintFilesOut
    effectivePrint: bool  # noqa: N815 - OctoPrint's name
    job_id: str
    state: str


class ServerInfoOut(Out):
    klippy_connected: bool
    klippy_state: str
    components: list[str]
    moonraker_version: str


class ServerInfoResult(Out):
    result: ServerInfoOut


class RootOut(Out):
    name: str
    permissions: str


class RootsResult(Out):
    result: list[RootOut]


class MoonrakerUpload(In):
    """The form that slicers send to a Moonraker."""

    model_config = ConfigDict(extra="allow")

    root: str = "gcodes"
    print: str = "false"
    plateindex: str = ""
    file: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class ItemOut(Out):
    path: str
    root: str


class MoonrakerUploadOut(Out):
    item: ItemOut
    print_started: bool
    print_queued: bool
    action: str
    job_id: str
    state: str


class MoonrakerUploadResult(Out):
    result: MoonrakerUploadOut


class StartIn(In):
    model_config = ConfigDict(extra="allow")

    filename: Annotated[str, Field(max_length=500)]


class StartResult(Out):
    result: str
