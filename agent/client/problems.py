"""What a client may expect to go wrong. Decide by the class or by `code`; show the text."""

from collections.abc import Mapping
from http import HTTPStatus


class AgentError(Exception):
    """Anything that a method of a client raises by itself. Its text is a sentence for people.

    `status` is that of HTTP, 0 where no agent answered; `code` says what happened, as listed in
    the API reference; `request_id` stands in the agent's log, too; `retry_after` is how many
    seconds the agent asks to wait; `extra` holds what else the problem document said."""

    def __init__(
        self,
        detail: str,
        *,
        code: str = "unknown",
        status: int = 0,
        title: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail, self.code, self.status = detail, code, status
        self.title = title or _phrase(status)
        self.request_id, self.retry_after = request_id, retry_after
        self.extra = dict(extra or {})


class NotRunning(AgentError):
    """No agent answers. The text says what to do about it."""

    def __init__(self, detail: str, *, code: str = "not-running") -> None:
        super().__init__(detail, code=code)


class NoAnswerInTime(NotRunning):
    """An agent is there, and takes longer than the time-out of the call."""

    def __init__(self, detail: str, *, code: str = "no-answer-in-time") -> None:
        super().__init__(detail, code=code)


class ConnectionLost(NotRunning):
    """The connection broke after the request was sent: it may have been done, or not."""

    def __init__(self, detail: str, *, code: str = "connection-lost") -> None:
        super().__init__(detail, code=code)


class Stopped(AgentError):
    """A run ended before it was done. `code` is `cancelled` or `interrupted`."""


class ClientProblem(AgentError):
    """The agent refused, or failed: a problem document (RFC 9457) as an exception."""

    @staticmethod
    def of(document: Mapping[str, object], status: int = 500) -> "ClientProblem":
        """From a document, of the class that its status has. What the document lacks is made up
        from the HTTP status."""
        said = document.get("status")
        status = said if isinstance(said, int) else status
        title = str(document.get("title") or _phrase(status))
        detail = str(document.get("detail") or f"The agent answered {status} {title}.")
        request_id, retry_after = document.get("request_id"), document.get("retry_after_s")
        return _CLASSES.get(status, ClientProblem)(
            detail,
            code=str(document.get("type", "")).rpartition(":")[2] or "unknown",
            status=status,
            title=title,
            request_id=str(request_id) if request_id else None,
            retry_after=float(retry_after) if isinstance(retry_after, (int, float)) else None,
            extra={name: value for name, value in document.items() if name not in _KNOWN},
        )


class Invalid(ClientProblem):
    """400, 413, 415, 422: repeating does not help; change the request."""


class Denied(ClientProblem):
    """401, 403: the token is wrong, or may not do this."""


class NotFound(ClientProblem):
    """404, 410: there is no such thing, or no longer."""


class Conflict(ClientProblem):
    """409: look again, then decide."""


class Busy(ClientProblem):
    """429, 503, 504: try again later. The client did already, as long as its patience lasted."""


_KNOWN = {"type", "title", "status", "detail", "request_id", "retry_after_s"}
_CLASSES: Mapping[int, type[ClientProblem]] = {
    **dict.fromkeys((400, 413, 415, 422), Invalid),
    **dict.fromkeys((401, 403), Denied),
    **dict.fromkeys((404, 410), NotFound),
    409: Conflict,
    **dict.fromkeys((429, 503, 504), Busy),
}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status" if status else "No answer"
