"""What the routes of runs take and give, as documented to clients."""

from typing import Literal

from pydantic import Field

from agent.runs.rules import Run, RunKind
from agent.shared.problems import Problem
from agent.shared.web import Out, Page

State = Literal["queued", "running", "done", "cancelled", "interrupted", "failed"]


class RunOut(Out):
    id: str
    kind: RunKind
    state: State
    conversation_id: str | None
    message_id: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    last_seq: int
    problem: Problem | None


RUN_FIELDS = tuple(RunOut.model_fields)


class RunPage(Out):
    items: list[RunOut]
    next_cursor: str | None


class RunQuery(Page):
    state: State | None = None
    limit: int = Field(default=50, ge=1, le=200)


def run_json(run: Run) -> dict[str, object]:
    """A run as DESIGN names its fields."""
    return {name: getattr(run, name) for name in RUN_FIELDS}
