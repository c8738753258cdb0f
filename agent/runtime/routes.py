"""Ollama's process and the model servers over HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from pydantic import ConfigDict, Field
from quart import Blueprint, Response, request

from agent.runs.routes import last_event_id
from agent.runtime.rules import Ollama, Owner, State
from agent.runtime.service import Runtime
from agent.shared import web
from agent.shared.streams import event_stream

MOST_LINES = 2000
Backends = Callable[[], Sequence[Mapping[str, object]]]


class BackendStateOut(web.Out):
    """One model server, as last heard."""

    model_config = ConfigDict(extra="allow")

    name: str
    url: str
    state: str
    version: str | None
    since: str | None
    detail: str | None
    warning: str | None
    provider: str
    breaker: str
    in_flight: int
    limits: dict[str, int]
    models_count: int
    loaded: list[str]


class OllamaProcessOut(web.Out):
    """Ollama on this computer. `is_managed`: it is a child of this agent, which alone it stops."""

    state: State
    url: str
    detail: str | None
    binary: str | None
    version: str | None
    owner: Owner | None
    pid: int | None
    port: int | None
    is_managed: bool
    restarts: int
    recycled: int
    rss_bytes: int | None
    memory_limit_bytes: int | None
    started_at: str | None
    log_file: str | None
    environment: dict[str, str]


class RuntimeOut(web.Out):
    backends: list[BackendStateOut]
    ollama: OllamaProcessOut
    warnings: list[str]


class LogQuery(web.In):
    """How many of the last lines come first."""

    lines: int = Field(default=200, ge=0, le=MOST_LINES)


def routes(runtime: Runtime, backends: Backends) -> Blueprint:
    bp = Blueprint("runtime", __name__, url_prefix="/api/v1/runtime")

    @bp.get("")
    @web.needs("models")
    @web.gives(RuntimeOut)
    async def look() -> Response:
        """The model servers, whose Ollama runs here, and what a person should know of it."""
        return await told(await runtime.look())

    @bp.post("/start")
    @web.needs("admin")
    @web.gives(RuntimeOut)
    async def start() -> Response:
        """Start Ollama, if nobody runs one."""
        return await told(await runtime.start())

    @bp.post("/stop")
    @web.needs("admin")
    @web.gives(RuntimeOut)
    async def stop() -> Response:
        """End the Ollama that the agent started. Nobody else's."""
        return await told(await runtime.stop())

    @bp.post("/restart")
    @web.needs("admin")
    @web.gives(RuntimeOut)
    async def restart() -> Response:
        """End the Ollama that the agent started, and start it anew."""
        return await told(await runtime.restart())

    @bp.get("/logs")
    @web.needs("admin")
    @web.asks(LogQuery)
    @web.gives_media(200, "text/event-stream")
    async def logs(query: LogQuery) -> Response:
        """Follow what the agent's Ollama writes: events `log`, each with a `line`."""
        after = last_event_id() if "Last-Event-ID" in request.headers else None
        return event_stream(runtime.follow_log(after, query.lines))

    async def told(ollama: Ollama) -> Response:
        servers = list(backends())
        unsafe = [str(one["warning"]) for one in servers if one.get("warning")]
        warnings = [*unsafe, *await runtime.warnings()]
        return web.json(
            {
                "backends": servers,
                "ollama": asdict(ollama),
                "warnings": list(dict.fromkeys(warnings)),
            }
        )

    return bp
