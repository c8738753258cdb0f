"""What a client may expect to go wrong."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Self


class ClientProblem(Exception):
    """The agent refused: a problem document (RFC 9457) as an exception."""

    def __init__(self, status: int, code: str, title: str, detail: str, **extra: object) -> None:
        super().__init__(detail or title)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.extra = extra

    @classmethod
    def of(cls, document: Mapping[str, object], status: int = 500) -> Self:
        """From a document; what it lacks is made up from the HTTP status."""
        rest = {k: v for k, v in document.items() if k not in {"type", "title", "status", "detail"}}
        said = document.get("status")
        status = said if isinstance(said, int) else status
        title = str(document.get("title") or _phrase(status))
        return cls(
            status,
            str(document.get("type", "")).rpartition(":")[2] or "unknown",
            title,
            str(document.get("detail") or f"The agent answered {status} {title}."),
            **rest,
        )


class NotRunning(Exception):
    """No agent answers. The message says what to do about it."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
