"""Problems in OpenAI's words."""

from collections.abc import Mapping

import orjson

from agent.shared.problems import Told

PATH = "/v1"
BAD_REQUEST = 400
STATUS = {415: BAD_REQUEST, 422: BAD_REQUEST}  # which its clients know by one name
KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CODES = {
    "context-exceeded": "context_length_exceeded",
    "message-exceeds-context": "context_length_exceeded",
    "too-many-requests": "rate_limit_exceeded",
    "no-such-route": "unknown_url",
}
OF_QUOTAS = ("left", "resets_at")
BY_STATUS = {401: "invalid_api_key"}


def spoken(problem: Mapping[str, object]) -> Told:
    """A problem document as OpenAI would tell it."""
    body = error_body(problem)
    return Told(status_of(problem), orjson.dumps(body), "application/json")


def status_of(problem: Mapping[str, object]) -> int:
    status = problem["status"]
    return STATUS.get(status, status) if isinstance(status, int) else BAD_REQUEST


def error_body(problem: Mapping[str, object]) -> dict[str, object]:
    """`{"error": {"message", "type", "param", "code"}}`; of a quota also what is left of it, and
    when it begins anew."""
    code, status = str(problem["type"]).rpartition(":")[2], status_of(problem)
    kind = "server_error" if status >= 500 else KINDS.get(status, "invalid_request_error")
    errors = problem.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    return {
        "error": {
            "message": problem["detail"],
            "type": kind,
            "param": str(first["field"]).removeprefix("options.") if "field" in first else None,
            "code": CODES.get(code, BY_STATUS.get(status, code.replace("-", "_"))),
            **{name: problem[name] for name in OF_QUOTAS if name in problem},
        }
    }
