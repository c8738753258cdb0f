"""The id of the request that is being answered, for the servers that are asked on its behalf."""

from contextvars import ContextVar

HEADER = "X-Request-ID"
CURRENT: ContextVar[str] = ContextVar("request_id", default="")
