"""What the routes of the audit log take and say, and its lines as a file."""

import csv
import io
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from agent.shared.clock import rfc3339
from agent.shared.web import In, Out
from hub.audit.rules import Chain, Entry
from hub.audit.service import shown
from hub.audit.store import Wanted
from hub.moments import Moment

Since = Moment | date
Text = Annotated[str, Field(max_length=200)]
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # which a spreadsheet would carry out


class AuditFilter(In):
    """`to` is the end: a day is meant with all of it, a moment without."""

    q: Text = ""
    action: Text = ""
    actor: Text = ""
    actor_id: Text = ""
    outcome: Literal["", "done", "refused", "failed"] = ""
    since: Annotated[Since | None, Field(alias="from")] = None
    until: Annotated[Since | None, Field(alias="to")] = None

    def wanted(self) -> Wanted:
        return Wanted(
            self.q,
            self.action,
            self.actor,
            self.actor_id,
            self.outcome,
            _from(self.since) if self.since else "",
            _to(self.until) if self.until else "",
        )


class AuditQuery(AuditFilter):
    cursor: Annotated[int, Field(ge=1, lt=1 << 63)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class ExportQuery(AuditFilter):
    format: Literal["ndjson", "csv"] = "ndjson"


class AuditEntryOut(Out):
    number: int
    at: str
    actor_id: str | None
    actor: str
    action: str
    target: str
    address: str
    outcome: str
    request_id: str
    detail: dict[str, Any]  # Any: JSON values


class AuditOut(Out):
    items: list[AuditEntryOut]
    next_cursor: int | None


class CutOut(Out):
    """The last entry that was removed when its months were over, and when that was."""

    number: int
    at: str
    digest: str
    cut_at: str


class ChainOut(Out):
    """`broken_at`: the number of the first entry that was changed or is missing. `cut`: where the
    log begins now, null while it begins with its first entry. `is_cut_unproved`: what is missing
    up to there was not removed by the hub."""

    is_whole: bool
    broken_at: int | None
    cut: CutOut | None
    is_cut_unproved: bool


def chain(checked: Chain) -> dict[str, Any]:  # Any: JSON values
    return {"is_whole": checked.broken_at is None, **asdict(checked)}


def as_json_line(entry: Entry, digest: str) -> bytes:
    return orjson.dumps({**shown(entry), "digest": digest}) + b"\n"


def head_of_csv() -> bytes:
    return _csv_line([*Entry.__slots__, "digest"])


def as_csv_line(entry: Entry, digest: str) -> bytes:
    cells = shown(entry) | {"detail": orjson.dumps(entry.detail).decode()}
    return _csv_line([*cells.values(), digest])


def _csv_line(cells: list[Any]) -> bytes:  # Any: what csv can write
    text = io.StringIO()
    csv.writer(text).writerow([_harmless(cell) for cell in cells])
    return text.getvalue().encode()


def _harmless(cell: Any) -> Any:  # Any: as above
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _from(moment: Since) -> str:
    return rfc3339(moment) if isinstance(moment, datetime) else moment.isoformat()


def _to(moment: Since) -> str:
    if isinstance(moment, datetime):
        return rfc3339(moment)
    return (moment + timedelta(days=1)).isoformat() if moment < date.max else "9999-12-32"
