"""Problems in Ollama's words."""

from collections.abc import Mapping

import orjson

from agent.shared.problems import Told

PATH = "/ollama"
BAD_REQUEST = 400
STATUS = {415: BAD_REQUEST, 422: BAD_REQUEST}  # as Ollama calls whatever it cannot do
ROUTING = {"no-such-route": "404 page not found", "method-not-allowed": "405 method not allowed"}


def spoken(problem: Mapping[str, object]) -> Told:
    """A problem document as Ollama would tell it."""
    code, status = str(problem["type"]).rpartition(":")[2], problem["status"]
    number = STATUS.get(status, status) if isinstance(status, int) else BAD_REQUEST
    if text := ROUTING.get(code):
        return Told(number, text.encode(), "text/plain; charset=utf-8")
    return Told(number, orjson.dumps(error_body(problem)), "application/json; charset=utf-8")


def error_body(problem: Mapping[str, object]) -> dict[str, object]:
    """`{"error": text}`."""
    return {"error": problem["detail"]}
