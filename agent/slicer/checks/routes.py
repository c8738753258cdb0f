"""What is checked, over HTTP. What was found stands with each file."""

from typing import Literal

from quart import Blueprint, Response

from agent.shared.web import Out, gives, json, needs
from agent.slicer.checks.checking import CHECKS


class CheckOut(Out):
    """`looks_at` says what it needs: `every move` finds nothing before the full pass."""

    id: str
    title: str
    severity: Literal["info", "warning", "blocking"]
    looks_at: Literal["settings", "every move", "the file"]


class ChecksOut(Out):
    items: list[CheckOut]
    next_cursor: None


def routes() -> Blueprint:
    bp = Blueprint("slicer-checks", __name__, url_prefix="/api/v1/slicer/checks")

    @bp.get("")
    @needs("slicer")
    @gives(ChecksOut)
    async def list_checks() -> Response:
        """Everything that a sliced file is checked for.

        A finding may be more severe than its check says."""
        items = [
            {
                "id": one.id,
                "title": one.title,
                "severity": one.severity,
                "looks_at": one.looks_at,
            }
            for one in CHECKS
        ]
        return json({"items": items, "next_cursor": None})

    return bp
