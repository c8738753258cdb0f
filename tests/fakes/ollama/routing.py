"""From a request to its handler: who may ask, what there is, what was asked to go wrong."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from . import embedding, generation, management, openai
from .answer import NDJSON, Answer, RefusedError
from .gojson import Json, go_json
from .scheduler import BUSY
from .state import State

Handler = Callable[[State, Answer], Awaitable[None]]
ROUTES: dict[str, dict[str, Handler]] = {
    "/": {"GET": management.root, "HEAD": management.root},
    "/api/version": {"GET": management.version, "HEAD": management.version},
    "/api/status": {"GET": management.status},
    "/api/tags": {"GET": management.tags, "HEAD": management.tags},
    "/api/show": {"POST": management.show},
    "/api/ps": {"GET": management.ps},
    "/api/copy": {"POST": management.copy},
    "/api/delete": {"DELETE": management.delete},
    "/api/pull": {"POST": management.pull},
    "/api/chat": {"POST": generation.chat},
    "/api/generate": {"POST": generation.generate},
    "/api/embed": {"POST": embedding.embed},
    "/api/embeddings": {"POST": embedding.legacy},
    "/v1/models": {"GET": openai.models},
    "/v1/chat/completions": {"POST": openai.chat},
    "/v1/completions": {"POST": openai.completions},
    "/v1/embeddings": {"POST": openai.embeddings},
}
# These wait in their own place: while they hold a slot of the model.
WAIT_THEMSELVES = {
    *("/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/pull"),
    *("/v1/chat/completions", "/v1/completions", "/v1/embeddings"),
}
ORIGINS = re.compile(
    r"https?://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?|(app|file|tauri|vscode-webview|vscode-file)://.*"
)
ALLOWED_HEADERS = (
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,"
    "X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,"
    "X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,"
    "X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout"
)


def methods(path: str) -> dict[str, Handler]:
    if path.startswith("/v1/models/"):
        return {"GET": openai.model}
    return ROUTES.get(path, {})


async def respond(state: State, answer: Answer) -> None:
    """Sends the whole answer, whatever it is. Raises CutError where the connection is to end."""
    request = answer.request
    origin, allowed = request.headers.get("origin"), methods(request.path)
    if origin is not None and not ORIGINS.fullmatch(origin):
        await answer.raw(b"", 403)
    elif origin is not None and request.method == "OPTIONS":
        await _preflight(answer, origin, allowed)
    elif not is_local(request.headers.get("host", "")):
        await answer.raw(b"", 403)
    else:
        answer.allow_origin(origin)
        await _ask(state, answer, allowed)


async def _preflight(answer: Answer, origin: str, allowed: dict[str, Handler]) -> None:
    headers = [
        ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
        ("Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Max-Age", "43200"),
        *((("Allow", ", ".join(allowed)),) if allowed else ()),
        ("Vary", "Origin"),
        ("Vary", "Access-Control-Request-Method"),
        ("Vary", "Access-Control-Request-Headers"),
    ]
    await answer.raw(b"", 204, extra=headers)


def is_local(host: str) -> bool:
    """Ollama's rule for the Host header while it listens on loopback."""
    name = re.sub(r":\d+$", "", host).strip("[]").lower()
    if name in ("", "localhost") or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_private or address.is_unspecified


async def _ask(state: State, answer: Answer, allowed: dict[str, Handler]) -> None:
    handler = allowed.get(answer.request.method)
    if not allowed:
        await answer.raw(b"404 page not found", 404, "text/plain")
        return
    if handler is None:
        allow = [("Allow", ", ".join(allowed))]
        await answer.raw(b"405 method not allowed", 405, "text/plain", allow)
        return
    try:
        if answer.behave.answers_early:
            await answer.delay()
            await _misbehave(answer)
            return
        if answer.request.path not in WAIT_THEMSELVES:
            await answer.delay()
        await handler(state, answer)
    except RefusedError as refused:
        is_openai = answer.request.path.startswith("/v1/")
        await (openai.refuse(answer, refused) if is_openai else answer.refuse(refused))


async def _misbehave(answer: Answer) -> None:
    behave = answer.behave
    if behave.garbage:
        await answer.nonsense(b"\x00\x16\x03\x01 this is no HTTP\n\n")
        answer.hang_up()
    elif behave.raw_script is not None:
        for delay, data in behave.raw_script:
            await asyncio.sleep(delay)
            await answer.nonsense(data)
        answer.hang_up()
    elif behave.script is not None:
        await _scripted(answer)
    elif behave.redirect is not None:
        await answer.raw(b"", 307, extra=[("Location", behave.redirect)])
    elif behave.html:
        page = b"<!doctype html><html><body><h1>Welcome to nginx!</h1></body></html>\n"
        await answer.raw(page, kind="text/html")
    elif behave.full:
        raise RefusedError(503, BUSY)
    elif behave.vanished:
        raise RefusedError(404, f"model '{_model_of(answer.seen.body)}' not found")
    else:
        raise RefusedError(behave.status or 500, behave.error)


async def _scripted(answer: Answer) -> None:
    for number, (delay, item) in enumerate(answer.behave.script or ()):
        await asyncio.sleep(delay)
        data = item if isinstance(item, bytes) else go_json(item) + b"\n"
        if number == 0:
            answer.hold_head(NDJSON)
        await answer.frame(data)
    await answer.end()


def _model_of(body: Json) -> str:
    found = body.get("model") or body.get("name") if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""
