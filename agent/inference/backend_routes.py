"""The model servers over HTTP."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StrictBool, StringConstraints
from quart import Blueprint, Response

from agent.inference.backend_store import Server
from agent.inference.registry import BackendService
from agent.shared import web
from agent.shared.clock import Clock

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"),
    Field(description="Small letters, digits and dashes."),
]
# What a header can carry.
Header = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]*$", max_length=200)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class BackendLimits(web.In):
    """Requests that the server is given at the same time."""

    text: int = Field(default=4, ge=1, le=256)
    vision: int = Field(default=1, ge=1, le=256)


class BackendIn(web.In):
    """A server to be added. `key` is kept in the keyring or a private file, and never told."""

    name: Name
    provider: Literal["ollama", "openai"]
    url: str = Field(min_length=1, max_length=500)
    key: SecretStr = Field(default=SecretStr(""), max_length=4000)
    organisation: Header = ""
    ca_file: str | None = Field(default=None, min_length=1, max_length=1000)
    connect_seconds: Seconds | None = None
    first_token_seconds: Seconds | None = None
    stall_seconds: Seconds | None = None
    limits: BackendLimits = BackendLimits()
    sees: list[Pattern] = Field(
        default=[],
        max_length=50,
        description="Patterns of the names of models with vision, such as gpt-4o*.",
    )
    force: StrictBool = Field(default=False, description="Add it even if it does not answer now.")


class BackendOut(web.Out):
    """A model server, as last heard. Never its key: `key_place` says where that lies. `source`:
    those of the settings and of the team are not changed here; the team's has the rules of its
    hub."""

    id: str
    name: str
    source: Literal["settings", "added", "team"]
    provider: Literal["ollama", "openai"]
    url: str
    state: Literal["up", "down", "unknown"]
    version: str | None
    since: str | None
    detail: str | None
    warning: str | None
    models_count: int
    breaker: Literal["closed", "open", "half-open"]
    in_flight: int
    limits: dict[str, int]
    organisation: str
    ca_file: str | None
    sees: list[str]
    has_key: bool
    key_place: str | None
    created_at: str | None


class BackendsOut(web.Out):
    items: list[BackendOut]
    next_cursor: str | None


class BackendModelOut(web.Out):
    name: str
    capabilities: list[str]
    context_length: int | None


class BackendTestedOut(BackendOut):
    models: list[BackendModelOut]


def routes(servers: BackendService, clock: Clock) -> Blueprint:
    bp = Blueprint("backends", __name__, url_prefix="/api/v1/backends")

    @bp.get("")
    @web.needs("admin")
    @web.gives(BackendsOut)
    async def list_backends() -> Response:
        """The model servers: the configured one, the team's, then those that were added."""
        return web.json({"items": servers.list_all(), "next_cursor": None})

    @bp.post("")
    @web.needs("admin")
    @web.takes(BackendIn, limit_bytes=64 * 1024)
    @web.gives(BackendOut, 201)
    async def add_backend(asked: BackendIn) -> Response:
        """Adds a model server, after having tried it."""
        server = Server(
            id="",
            name=asked.name,
            provider=asked.provider,
            url=asked.url,
            created_at=clock(),
            organisation=asked.organisation,
            ca_file=Path(asked.ca_file) if asked.ca_file else None,
            connect_s=asked.connect_seconds,
            first_token_s=asked.first_token_seconds,
            stall_s=asked.stall_seconds,
            text_limit=asked.limits.text,
            vision_limit=asked.limits.vision,
            sees=tuple(asked.sees),
        )
        key = asked.key.get_secret_value().strip()
        return web.json(await servers.add(server, key, is_forced=asked.force), 201)

    @bp.delete("/<backend_id>")
    @web.needs("admin")
    @web.gives_media(204)
    async def remove_backend(backend_id: str) -> Response:
        """Removes a model server and its key; what it answers now goes on to its end."""
        await servers.remove(backend_id)
        return Response(status=204)

    @bp.post("/<backend_id>/test")
    @web.needs("admin")
    @web.gives(BackendTestedOut)
    async def test_backend(backend_id: str) -> Response:
        """Asks a model server now: whether it answers, and which models it has."""
        return web.json(await servers.test(backend_id))

    return bp
