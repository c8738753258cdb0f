"""How the agent is: alive, ready, or what is missing."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from pydantic.json_schema import SkipJsonSchema
from quart import Blueprint, Response, g

from agent.guide.service import Guide
from agent.inference.backend import Backend
from agent.inference.backends import Backends
from agent.inference.queue import Queue
from agent.inference.routes import QueueOut
from agent.models.service import ModelService
from agent.shared.clock import rfc3339
from agent.shared.database import Database
from agent.shared.errors import OrcaError
from agent.shared.web import Out, gives, json, left_out, public

Status = Literal["ready", "degraded", "starting", "broken"]


class Alive(Out):
    status: Literal["alive"]


class OllamaOut(Out):
    """The server of the models, as last heard."""

    name: str
    url: str
    state: Literal["up", "down", "unknown"]
    version: str | None
    since: str | None
    detail: str | None
    warning: str | None


class OtherOut(Out):
    """Another server of models."""

    name: str
    url: str
    state: Literal["up", "down", "unknown"]


class TeamState(Out):
    """The hub that the agent belongs to. `ended`: it threw this computer out."""

    url: str
    account: str
    state: Literal["waiting", "on", "ended"]
    is_up: bool
    problem: str | None
    models_count: int


class ReadyOut(Out):
    """Without credentials the status alone. `absent_default_model`: the settings name it, and no
    server has it."""

    status: Status
    version: str | SkipJsonSchema[None] = left_out()
    started_at: str | SkipJsonSchema[None] = left_out()
    ollama: OllamaOut | SkipJsonSchema[None] = left_out()
    others: list[OtherOut] | SkipJsonSchema[None] = left_out()
    team: TeamState | None = None
    default_model: str | None = None
    absent_default_model: str | None = None
    models_count: int | SkipJsonSchema[None] = left_out()
    queue: QueueOut | SkipJsonSchema[None] = left_out()
    guide_entries: int | SkipJsonSchema[None] = left_out()
    data_dir_warning: str | None = None
    is_paused: bool | SkipJsonSchema[None] = left_out()


@dataclass(frozen=True, slots=True)
class Health:
    """Answers from what is known already, apart from one look into the database."""

    database: Database
    backend: Backend
    backends: Backends
    models: ModelService
    queue: Queue
    guide: Guide
    version: str
    started_at: datetime
    data_dir_warning: str | None
    is_paused: Callable[[], bool]
    team: Callable[[], Mapping[str, object] | None]

    async def status(self) -> Status:
        """`degraded` means that the guide answers, since no model can."""
        try:
            await self.database.check()
        except OrcaError:
            return "broken"
        return "ready" if self.models.default_name() else "degraded"

    def details(self) -> dict[str, object]:
        """What those may see who have credentials."""
        state = self.backend.state
        return {
            "version": self.version,
            "started_at": rfc3339(self.started_at),
            "ollama": state.to_json(),
            "others": [
                {"name": one.name, "url": one.provider.url, "state": one.state.state}
                for one in self.backends
                if one is not self.backend
            ],
            "team": self.team(),
            "default_model": self.models.default_name(),
            "absent_default_model": self.models.absent_default(),
            "models_count": len(state.models),
            "queue": asdict(self.queue.state),
            "guide_entries": self.guide.count,
            "data_dir_warning": self.data_dir_warning,
            "is_paused": self.is_paused(),
        }


def routes(health: Health) -> Blueprint:
    bp = Blueprint("health", __name__, url_prefix="/api/v1/health")

    @bp.get("/live")
    @public
    @gives(Alive)
    async def live() -> Response:
        """Whether the process answers."""
        return json({"status": "alive"})

    @bp.get("/ready")
    @public
    @gives(ReadyOut)
    @gives(ReadyOut, 503)
    async def ready() -> Response:
        """Whether it can do its work; details for those with credentials."""
        status = await health.status()
        answer: dict[str, object] = {"status": status}
        if g.get("caller"):
            answer |= health.details()
        return json(answer, 503 if status in {"starting", "broken"} else 200)

    return bp
