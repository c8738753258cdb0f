"""What the routes of the log and of the report take and give, as documented to clients."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agent.shared.web import In, Out

Level = Literal["debug", "info", "warning", "error", "critical"]


class LogQuery(In):
    """`level` and what is graver; every word of `q` stands in the entry."""

    level: Level = "debug"
    q: Annotated[str, Field(max_length=200)] = ""


class LogPageQuery(LogQuery):
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: str | None = None


class LogStreamQuery(LogQuery):
    lines: Annotated[int, Field(ge=0, le=500, description="Of the last, before new ones.")] = 0


class LogEntryOut(Out):
    """`details` are the fields that came with the message."""

    timestamp: str
    level: str
    logger: str
    message: str
    details: dict[str, Any]  # Any: JSON values
    exception: str | None


class LogPageOut(Out):
    items: list[LogEntryOut]
    next_cursor: str | None


class SupportReportOut(Out):
    """Markdown, to be read before it is sent to anybody."""

    text: str
