"""What proxies in front of the hub say of the requests that they hand on."""

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

Headers = list[tuple[bytes, bytes]]
FOR, HOST, PROTO = b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"
SAID = {FOR, HOST, PROTO}


class BehindProxies:
    """Believes the last `hops` entries of X-Forwarded-For, -Host and -Proto, each of which one
    proxy has added; what stands before them anybody may have written."""

    def __init__(self, app: "ASGIFramework", hops: int) -> None:
        self._app, self._hops = app, hops

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        if self._hops and scope["type"] in {"http", "websocket"}:
            await self._app(self._as_sent(dict(scope)), receive, send)
        else:
            await self._app(scope, receive, send)

    def _as_sent(self, scope: dict[str, Any]) -> Any:  # Any: a scope of either kind
        headers: Headers = list(scope["headers"])
        said = {name: _entry(headers, name, self._hops) for name in SAID}
        if address := _address(said[FOR]):
            scope["client"] = (address, 0)
        if said[PROTO] in {"http", "https"}:
            scope["scheme"] = said[PROTO]
        if host := said[HOST]:
            kept = [(name, value) for name, value in headers if name.lower() != b"host"]
            scope["headers"] = [*kept, (b"host", host.encode("latin-1"))]
        return scope


def _entry(headers: Headers, wanted: bytes, hops: int) -> str | None:
    entries = [
        entry.strip()
        for name, value in headers
        if name.lower() == wanted
        for entry in value.decode("latin-1").split(",")
    ]
    return entries[-hops] if len(entries) >= hops else None


def _address(text: str | None) -> str | None:
    """Without a port, which some proxies add; None for what is no address."""
    if not text:
        return None
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return None
