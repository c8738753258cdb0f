"""What the routes of updates say."""

from dataclasses import asdict

from agent.shared.clock import rfc3339
from agent.shared.web import Out
from agent.updates.service import Updates


class ReleaseOut(Out):
    version: str
    notes: str
    published: str
    url: str | None


class UpdateProblemOut(Out):
    code: str
    detail: str


class UpdatesOut(Out):
    is_on: bool
    current: str
    has_source: bool
    latest: ReleaseOut | None
    checked_at: str | None
    problem: UpdateProblemOut | None


def updates(state: Updates) -> dict[str, object]:
    latest, problem = state.latest, state.problem
    return {
        "is_on": state.is_on,
        "current": state.current,
        "has_source": state.source is not None,
        "latest": asdict(latest) if latest else None,
        "checked_at": rfc3339(state.checked_at) if state.checked_at else None,
        "problem": {"code": problem.code, "detail": problem.detail} if problem else None,
    }
