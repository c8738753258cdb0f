"""Calls of a running agent with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

PATIENCE_S = 60.0


class NotAsExpected(Exception):
    """What was seen, in one sentence."""


class Calls:
    """The API of the agent at a port of this computer."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token

    def is_live(self) -> bool:
        try:
            return self.status("GET", "/api/v1/health/live") == 200
        except OSError:
            return False

    def status(self, method: str, path: str, what: Any = None) -> int:
        """What the call is answered with, whether that is good or not."""
        if what is None:
            return self._call(method, path)[0]
        kind = {"Content-Type": "application/json"}
        return self._call(method, path, json.dumps(what).encode(), kind)[0]

    def get(self, path: str) -> Any:
        return json.loads(self.raw(path))

    def raw(self, path: str) -> bytes:
        return self._good("GET", path)

    def send(self, method: str, path: str, what: Any, *, kind: str = "application/json") -> Any:
        """`what` is bytes of that kind, or a value that becomes JSON."""
        body = what if isinstance(what, bytes) else json.dumps(what).encode()
        return json.loads(self._good(method, path, body, {"Content-Type": kind}))

    def end_of(self, run: str) -> tuple[str, Any]:
        """Name and data of the event that ends a run."""
        *_, last = events_of(self.raw(f"/api/v1/runs/{run}/events").decode())
        return last

    def page(self) -> tuple[str, list[str]]:
        """The page as a browser gets it that opens a ticket, and the files that it names."""
        link = self.send("POST", "/api/v1/tickets", {})["url"]
        status, headers, _ = self._call("GET", link[link.index("/ui/") :], sign=False)
        if status != 303 or "set-cookie" not in headers:
            raise NotAsExpected(f"a ticket was answered with {status}")
        _, _, page = self._call("GET", "/ui", sign=False)
        names = re.findall(rb'(?:src|href)="(/ui/[^"]+)"', page)
        for name in names:
            if (status := self._call("GET", name.decode(), sign=False)[0]) != 200:
                raise NotAsExpected(f"the page's {name.decode()} was answered with {status}")
        return page.decode(), [name.decode() for name in names]

    def _good(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        status, _, answer = self._call(method, path, body, headers)
        if not 200 <= status < 300:
            raise NotAsExpected(f"{method} {path} was answered with {status}: {answer[:300]!r}")
        return answer

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        sign: bool = True,
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        signed = {"Authorization": f"Bearer {self.token}"} if sign and self.token else {}
        try:
            connection.request(method, path, body, {**signed, **(headers or {})})
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, answer.read()
        except http.client.HTTPException as err:
            raise NotAsExpected(f"{method} {path} failed: {err!r}") from None
        finally:
            connection.close()


def events_of(text: str) -> Iterator[tuple[str, Any]]:
    """Name and data of each event in a stream of them."""
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in lines:
            yield lines["event"], json.loads(lines["data"])
