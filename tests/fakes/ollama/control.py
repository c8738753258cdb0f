"""`/__stats` and `/__behave`: the fake asked and told from another process."""

import time
from typing import Protocol

from .behaviour import NAMES, Rule
from .gojson import Json


class Steered(Protocol):
    """What the control routes need of the server; it cannot be imported here."""

    def misbehave(
        self,
        path: str | None = None,
        model: str | None = None,
        times: int | None = None,
        **what: Json,
    ) -> Rule: ...
    def behave_well(self) -> None: ...
    def add_model(self, name: str, **about: Json) -> None: ...
    def remove_model(self, name: str) -> None: ...
    def add_pullable(self, name: str, **about: Json) -> None: ...
    def full_speed(self, tokens: int | None, pace: float | None = None) -> None: ...
    def stats(self) -> dict[str, Json]: ...


def steer(server: Steered, path: str, body: Json) -> tuple[int, dict[str, Json]]:
    """The status and the answer of a control route."""
    if path == "/__stats":
        return 200, {**server.stats(), "now": time.monotonic()}
    if not isinstance(body, dict):
        return 400, {"error": "a JSON object is wanted"}
    unknown = set(body) - NAMES - {"path", "model", "times", *_ORDERS}
    if unknown:
        return 400, {"error": f"unknown: {', '.join(sorted(unknown))}"}
    rest = {name: value for name, value in body.items() if name not in _ORDERS}
    for name in _ORDERS:
        if name in body:
            _obey(server, name, body[name])
    if rest:
        if "raw_script" in rest:
            rest["raw_script"] = [(delay, text.encode()) for delay, text in rest["raw_script"]]
        server.misbehave(**rest)
    return 200, {"ok": True}


_ORDERS = ("reset", "add_model", "remove_model", "add_pullable", "full_speed")


def _obey(server: Steered, order: str, value: Json) -> None:
    if order == "reset":
        server.behave_well()
    elif order == "add_model":
        server.add_model(**value)
    elif order == "remove_model":
        server.remove_model(value)
    elif order == "add_pullable":
        server.add_pullable(**value)
    else:
        server.full_speed(**value)
